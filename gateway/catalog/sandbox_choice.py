"""Whether the sandbox upstream runs, and whether callers may get its answers: never beside real servers unasked.

Its answers are made up, and tenants pay for them like for any others. `serve` starts it by itself only where the
catalog in force knows no other server; beside one it has to be asked for, by `--sandbox`, AIO_SANDBOX, or an address
of its own in AIO_SANDBOX_URL.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

URL_VARIABLE = "AIO_SANDBOX_URL"
PORT_VARIABLE = "AIO_SANDBOX_PORT"
# Set by `serve` for its processes where nobody asked for the sandbox: beside real servers it then gets no calls.
UNASKED_VARIABLE = "AIO_SANDBOX_UNASKED"
REFERENCE = f"env:{URL_VARIABLE}"
# Discards what is sent to it (RFC 863); stands for a sandbox that is not running.
NOWHERE_URL = "http://127.0.0.1:9"


class UpstreamsInUse(NamedTuple):
    """The names of the upstreams that routes refer to, by what answers there."""

    sandboxes: tuple[str, ...]
    real: tuple[str, ...]
    # Those of the sandboxes whose address is for `serve` to say.
    to_start: tuple[str, ...]


def is_sandbox(upstream: Mapping[str, Any]) -> bool:
    """Whether an upstream's table in a catalog says that its answers are made up."""
    return upstream.get("sandbox") is True or upstream.get("base_url") == REFERENCE


def upstreams_in_use(parsed: Mapping[str, Any]) -> UpstreamsInUse:
    """Of a catalog as TOML gives it, which must be sound."""
    tables: Mapping[str, Mapping[str, Any]] = parsed["upstreams"]
    used = dict.fromkeys(route["upstream"] for route in parsed["routes"])
    return UpstreamsInUse(
        sandboxes=tuple(name for name in used if is_sandbox(tables[name])),
        real=tuple(name for name in used if not is_sandbox(tables[name])),
        to_start=tuple(name for name in used if tables[name].get("base_url") == REFERENCE),
    )


class Choice(NamedTuple):
    """What `serve` does about the sandbox."""

    start: bool
    # What its processes are to be told, where the operator has not said it: added to their environment.
    variables: Mapping[str, str]
    # What the operator is told; empty where it goes without saying.
    notice: str


def choose(
    used: UpstreamsInUse, environ: Mapping[str, str], *, sandbox_wanted: bool, free_port: int
) -> Choice:
    """Whether to start the sandbox, on `free_port` where the environment does not say where it is.

    An address that the operator gave is somebody's server already, and is not started unless its port is given too.
    """
    if URL_VARIABLE in environ:
        return Choice(PORT_VARIABLE in environ, {}, "")
    port = environ.get(PORT_VARIABLE, str(free_port))
    here = {URL_VARIABLE: f"http://127.0.0.1:{port}", PORT_VARIABLE: port}
    if sandbox_wanted or PORT_VARIABLE in environ:
        return Choice(True, here, "the sandbox is started as you asked: what it answers is made up")
    if not used.to_start:
        return Choice(False, {}, "")
    if not used.real:
        notice = "the catalog names no real model server: answers are made up by the sandbox"
        return Choice(True, {**here, UNASKED_VARIABLE: "1"}, notice)
    return Choice(
        False,
        {URL_VARIABLE: NOWHERE_URL, UNASKED_VARIABLE: "1"},
        f"the catalog names the sandbox ({', '.join(used.to_start)}) beside real servers ({', '.join(used.real)}):"
        " it is not started and its models are switched off, unless you ask for it with --sandbox or AIO_SANDBOX=1",
    )


def paused_beside(real: Iterable[str], environ: Mapping[str, str]) -> bool:
    """Whether sandboxes get no calls in this process: somebody real is there, and nobody asked for them."""
    return bool(environ.get(UNASKED_VARIABLE)) and any(True for _ in real)

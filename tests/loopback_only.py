"""A pytest plugin: no test reaches another host. Connecting to one, or looking up its name, fails the test.

Built on audit hooks, which every socket of this process passes, whoever made it; hooks cannot be taken back, so
it counts from its first import to the process's end. Processes that tests start are not covered: they are ours,
and keep to loopback unless told.
"""

import ipaddress
import os
import socket
import sys
from typing import Any

CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
LOOKING_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex"})


class OtherHostReached(BaseException):
    """Not an Exception: code that takes a lost connection in its stride must not swallow it."""


def is_local(host: object) -> bool:
    """Whether this names the machine itself; addresses of other hosts and all other names do not."""
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    if host is None or host in ("", "localhost", socket.gethostname()):
        return True
    return isinstance(host, str) and _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def refuse_other_hosts(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook."""
    if event in CONNECTING:
        address = arguments[1]
        # Unix sockets have a path, and None is a socket that was connected before.
        if isinstance(address, tuple) and not is_local(address[0]):
            raise OtherHostReached(f"a test connects to {address[0]}:{address[1]}")
    elif event in LOOKING_UP:
        host = arguments[0]
        # A numeric address is not looked up anywhere.
        if not is_local(host) and not (isinstance(host, str) and _is_address(host)):
            raise OtherHostReached(f"a test looks up {host!r}")


def pytest_configure() -> None:
    """Once a process, however often the plugin is registered."""
    if not getattr(sys, "_aio_loopback_only", False):
        sys._aio_loopback_only = True  # type: ignore[attr-defined]
        sys.addaudithook(refuse_other_hosts)
        # Clients of ours must not take a proxy from the environment as their way out either.
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            os.environ.pop(name, None)
            os.environ.pop(name.lower(), None)

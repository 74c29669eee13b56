"""`check_upstreams` asks the servers of the catalog in force, says what it asks first, and exits 1 where one fails."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from aiohttp import web
from django.core.management import CommandError, call_command

from gateway.catalog import edits
from tests.gateway.local_upstream import LocalUpstream, serving

SECRETS = {"CHECK_KEY_A": "sk-hidden-a", "CHECK_KEY_B": "sk-hidden-b"}
CATALOG = """
[upstreams.fine]
base_url = "{url}"
api_key = ["env:CHECK_KEY_A", "env:CHECK_KEY_B"]

[upstreams.dead]
base_url = "http://127.0.0.1:1"

[rates.check]
tokens_in = {{ credits = "1", per = 1000 }}
tokens_out = {{ credits = "1", per = 1000 }}

[[models]]
slug = "small"
owned_by = "acme"
created = 2026-01-31

[[routes]]
endpoint = "chat"
model = "small"
upstream = "fine"
adapter = "openai_chat"
rate = "check"
max_output_tokens = 100
default = true

[[routes]]
endpoint = "chat"
model = "small"
upstream = "dead"
adapter = "openai_chat"
rate = "check"
max_output_tokens = 100
"""


async def _answer(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Authorization") != "Bearer sk-hidden-a":
        return web.json_response({"error": "not you"}, status=401)
    return web.json_response({"data": [{"id": "small"}]})


@contextmanager
def served() -> Iterator[str]:
    """A server in a thread of its own, for a command that has its own event loop."""
    loop = asyncio.new_event_loop()
    local = LocalUpstream()
    local.handler = _answer
    runner = loop.run_until_complete(serving(local))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield local.url
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.run_until_complete(runner.cleanup())
        loop.close()


@pytest.fixture
def in_force(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    with served() as url:
        edits.load_text(CATALOG.format(url=url), by="a test")
        yield


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("check_upstreams", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    told = out.getvalue(), err.getvalue()
    assert not any(secret in "".join(told) for secret in SECRETS.values())
    return code, *told


def test_what_fails_is_said_for_each_key_and_exits_1(in_force: None) -> None:
    code, out, err = run()
    assert code == 1
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["dead", "-"], ["fine", "CHECK_KEY_A"], ["fine", "CHECK_KEY_B"],
    ]  # fmt: skip
    assert "unreachable" in out
    assert "it does not take CHECK_KEY_B" in out
    assert err.startswith("dead: asks its list of models, which costs nothing; a model that it does not list")


def test_scripts_are_given_json(in_force: None) -> None:
    code, out, _ = run("fine", "--json")
    assert code == 1
    assert [(one["key"], one["outcome"], one["works"]) for one in json.loads(out)["upstreams"]] == [
        ("CHECK_KEY_A", "works", True),
        ("CHECK_KEY_B", "refused_key", False),
    ]


def test_where_all_is_well_it_exits_0(in_force: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECK_KEY_B", SECRETS["CHECK_KEY_A"])
    code, out, _ = run("fine")
    assert code == 0
    assert out.count("works") == 2


def test_what_it_cannot_ask_is_said(in_force: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="there is no upstream fin; did you mean fine"):
        run("fin")
    with pytest.raises(CommandError, match="--timeout must be above 0"):
        run("--timeout=0")
    monkeypatch.delenv("CHECK_KEY_B")
    with pytest.raises(
        CommandError, match=r"CHECK_KEY_B is not set in this process\nRun it in the environment"
    ):
        run()


def test_without_a_catalog_there_is_nothing_to_ask(db: None) -> None:
    with pytest.raises(CommandError, match="no catalog is loaded"):
        run()

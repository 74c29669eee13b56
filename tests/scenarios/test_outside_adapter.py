"""Promise: a chat protocol of an operator's own is one module outside the tree and one setting, and is charged as any.

The module is `outside/spoken_lines.py`; the server that speaks it is made here, and knows no other protocol.
"""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import API_IN_ONE, OPENAI, Books, Stream, TenantPool

OUTSIDE = Path(__file__).resolve().parent / "outside"
CATALOG = """
[upstreams.lines]
base_url = "http://127.0.0.1:{port}"

[rates.words]
tokens_in = {{ credits = "0.001" }}
tokens_out = {{ credits = "0.01" }}

[[models]]
slug = "lines"
owned_by = "tests"
created = 2026-01-01

[[routes]]
endpoint = "chat"
model = "lines"
upstream = "lines"
adapter = "spoken_lines"
rate = "words"
max_output_tokens = 500
default = true
"""
COST = 33_000  # micro-credits: three words read, three written
COST_SHOWN = "0.033"


class SayingServer(BaseHTTPRequestHandler):
    """Says the words of the last line backwards."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = asked["lines"][-1].split()[::-1]
        assert asked["most"] == 500
        if asked.get("aloud"):
            heard = len(words) if "stumble" not in words else 1
            lines = words[:heard] + ([f"= {len(words)} {len(words)}"] if heard == len(words) else [])
            self._send("text/plain", "".join(line + "\n" for line in lines))
        else:
            told = {"said": " ".join(words), "read": len(words), "wrote": len(words)}
            self._send("application/json", json.dumps(told))

    def _send(self, content_type: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: what is said is no log's."""


@pytest.fixture(scope="module")
def saying_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SayingServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, saying_port: int) -> Iterator[RunningPlatform]:
    """A platform whose only model is carried by the module."""
    directory = tmp_path_factory.mktemp("extended")
    catalog = directory / "catalog.toml"
    catalog.write_text(CATALOG.format(port=saying_port))
    paths = [str(OUTSIDE), *filter(None, [os.environ.get("PYTHONPATH")])]
    running = RunningPlatform(
        directory,
        workers=1,
        environment={
            "AIO_CATALOG": str(catalog),
            "AIO_ADAPTERS": "spoken_lines",
            "PYTHONPATH": os.pathsep.join(paths),
        },
    )
    running.start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def extended_tenants(extended: RunningPlatform) -> TenantPool:
    return TenantPool(extended, batch=10)


@pytest.fixture
def tenant(extended_tenants: TenantPool) -> Tenant:
    return extended_tenants.take()


@pytest.fixture
def client(extended: RunningPlatform, tenant: Tenant) -> Iterator[httpx.Client]:
    with extended.client(tenant) as opened:
        yield opened


def asking(text: str, *, stream: bool) -> dict[str, Any]:
    return {"model": "lines", "messages": [{"role": "user", "content": text}], "stream": stream}


@pytest.mark.parametrize("path", [OPENAI, API_IN_ONE])
def test_a_whole_answer_is_delivered_and_charged(path: str, client: httpx.Client, books: Books) -> None:
    answer = client.post(path, json=asking("one two three", stream=False))

    assert answer.status_code == 200, answer.text
    values = answer.json()
    assert (values["model"], values["choices"][0]["message"]["content"]) == ("lines", "three two one")
    assert answer.headers["X-Credits-Consumed"] == COST_SHOWN
    assert books.receipt(answer)["outcome"] == "succeeded"
    assert books.spent() == COST


@pytest.mark.parametrize("path", [OPENAI, API_IN_ONE])
def test_a_streamed_answer_is_delivered_and_charged(path: str, client: httpx.Client, books: Books) -> None:
    answer = client.post(path, json=asking("one two three", stream=True))

    assert answer.status_code == 200, answer.text
    said = Stream.of(answer.text)
    assert said.done
    assert said.joined() == "threetwoone"
    assert said.chunks[-1]["credits_consumed"] == float(COST_SHOWN)
    assert books.receipt(answer)["outcome"] == "succeeded"
    assert books.spent() == COST


def test_a_stream_that_breaks_is_charged_for_what_came(client: httpx.Client, books: Books) -> None:
    answer = client.post(OPENAI, json=asking("one two stumble", stream=True))

    said = Stream.of(answer.text)
    assert not said.done
    assert said.error
    assert books.receipt(answer)["outcome"] == "partial"
    assert books.spent() == 10_000  # the one word that was delivered


@pytest.mark.parametrize("stream", [False, True])
def test_callers_of_other_dialects_are_answered_in_theirs(
    stream: bool, client: httpx.Client, books: Books
) -> None:
    """The module knows OpenAI's chat alone; what it answers is translated."""
    message = client.post("/v1/messages", json=asking("one two three", stream=stream) | {"max_tokens": 500})
    response = client.post(
        "/v1/responses",
        json={"model": "lines", "input": "one two three", "stream": stream, "max_output_tokens": 500},
    )

    assert (message.status_code, response.status_code) == (200, 200), message.text + response.text
    if stream:
        assert message.text.count("event: content_block_delta") == 3
        assert message.text.rstrip().endswith('data: {"type":"message_stop"}')
        assert "event: response.completed" in response.text
    else:
        assert message.json()["content"][0]["text"] == "three two one"
        assert response.json()["output"][0]["content"][0]["text"] == "three two one"
    assert books.spent() == 2 * COST

"""Promise: an endpoint from outside the tree is served, charged, scoped and shown as the platform's own are.

Its modules are `outside/shouting.py`, its registry entry and its adapter beside it; two settings name them. The server
that it calls is made here.
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
from running_platform import ROOT, RunningPlatform
from scenarios.asking import Books

OUTSIDE = Path(__file__).resolve().parent / "outside"
SHIPPED = ROOT / "gateway" / "catalogs" / "sandbox.toml"
ROUTE = """
[upstreams.megaphone]
base_url = "http://127.0.0.1:{port}"

[rates.shout]
characters = {{ credits = "2" }}

[[models]]
slug = "megaphone-1"
owned_by = "tests"
created = 2026-01-01

[[routes]]
endpoint = "shout"
model = "megaphone-1"
upstream = "megaphone"
adapter = "megaphone"
rate = "shout"
default = true
"""


class Megaphone(BaseHTTPRequestHandler):
    """Answers in capitals."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"louder": asked["text"].upper()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what is said is no log's."""


@pytest.fixture(scope="module")
def megaphone_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Megaphone)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, megaphone_port: int) -> Iterator[RunningPlatform]:
    """A platform with the shipped catalog and one route more."""
    directory = tmp_path_factory.mktemp("extended")
    catalog = directory / "catalog.toml"
    catalog.write_text(SHIPPED.read_text() + ROUTE.format(port=megaphone_port))
    paths = [str(OUTSIDE), *filter(None, [os.environ.get("PYTHONPATH")])]
    running = RunningPlatform(
        directory,
        workers=1,
        environment={
            "AIO_CATALOG": str(catalog),
            "AIO_ENDPOINTS": "shouting_endpoints",
            "AIO_ADAPTERS": "megaphone",
            "PYTHONPATH": os.pathsep.join(paths),
        },
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture
def client(extended: RunningPlatform) -> Iterator[httpx.Client]:
    """A client whose key is scoped to the endpoint, and to what the account did."""
    tenant = extended.new_tenant(key_options=("--scope", "shout", "--scope", "usage"))
    with extended.client(tenant) as opened:
        yield opened


@pytest.fixture
def books(client: httpx.Client) -> Books:
    return Books(client)


def test_it_is_called_and_charged(client: httpx.Client, books: Books) -> None:
    answer = client.post("/api/shout", json={"text": "hello"})

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"shouted": "HELLO"}
    assert answer.headers["X-Credits-Consumed"] == "10"
    receipt = books.receipt(answer)
    assert (receipt["endpoint"], receipt["model"], receipt["outcome"]) == (
        "shout",
        "megaphone-1",
        "succeeded",
    )


def test_it_is_held_to_its_contract_and_the_key_to_its_scope(client: httpx.Client) -> None:
    refused = client.post("/api/shout", json={"text": 5})
    assert (refused.status_code, refused.json()["param"]) == (400, "text")
    assert client.post("/api/embedding", json={"input": "hello"}).status_code == 403


def test_the_document_and_the_pages_show_it(client: httpx.Client) -> None:
    document = client.get("/api/schema", params={"format": "json"}).json()
    described = document["paths"]["/api/shout"]["post"]
    assert described["tags"] == ["Omakase"]
    assert "/api/shout" in described["x-codeSamples"][0]["source"]
    page = client.get("/docs/endpoints/shout")
    assert page.status_code == 200
    assert "Makes a text louder." in page.text
    assert "Shouting" in client.get("/docs/models").text


def test_made_up_usage_has_it(extended: RunningPlatform) -> None:
    extended.environment["AIO_DATABASE_AS_OWNER"] = "1"
    extended.manage("generate_usage", "--accounts=1", "--days=2", "--events=1000", "--quiet")
    made_up = "--account=Demo 0001 Acorn Labs"
    report = extended.manage("usage_report", "calls", made_up, "--group-by=endpoint", "--format=json")
    assert "shout" in report

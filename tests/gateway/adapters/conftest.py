"""The sandbox as it really runs, and a driver that carries out an adapter's steps over its socket."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.adapters.protocol import Answer, Received, StreamedAnswer, UpstreamCall, Wait
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.catalog.parser import parse_catalog, read_catalog
from gateway.catalog.routes import ADAPTERS, Route

ROOT = Path(__file__).resolve().parents[3]
CATALOG = ROOT / "gateway" / "catalogs" / "sandbox.toml"


class SandboxDriver:
    """Runs the shipped catalog's routes against a running sandbox, one step after the other."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=60)
        environ = {"AIO_SANDBOX_URL": url}
        text = read_catalog(str(CATALOG))
        self._routes = parse_catalog(text, file=str(CATALOG), adapters=ADAPTERS, environ=environ).routes

    def route(self, endpoint: str, model: str) -> Route:
        return next(route for route in self._routes if (route.endpoint, route.model) == (endpoint, model))

    def run(self, endpoint: str, model: str, request: Any) -> tuple[Answer, bytes]:
        """The route's answer, and the whole body where it is a streamed one. Its ceiling must hold it."""
        route = self.route(endpoint, model)
        adapter = CALL_ADAPTERS[route.adapter]
        ceiling = adapter.ceiling(request, route)
        answer, body = self._carry(adapter.steps(request, route))
        assert all(used <= most for used, most in zip(answer.units, ceiling, strict=True)), (answer, ceiling)
        return answer, body

    def _carry(self, steps: Any) -> tuple[Answer, bytes]:
        response: httpx.Response | None = None
        try:
            step = next(steps)
            while True:
                received = Received("", {}, b"")
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                else:
                    response = self._send(step)
                    body = b"" if step.streamed else response.content
                    content_type = response.headers["content-type"].partition(";")[0]
                    received = Received(content_type, dict(response.headers), body)
                step = steps.send(received)
        except StopIteration as stop:
            streamed = isinstance(stop.value, StreamedAnswer)
            return stop.value, response.content if streamed and response is not None else b""

    def _send(self, step: UpstreamCall) -> httpx.Response:
        sent: dict[str, Any] = {"params": dict(step.query), "headers": {"accept": step.accept}}
        if step.form is not None:
            sent["data"] = dict(step.form.fields)
            sent["files"] = [
                (field, (file.file_name, file.read(), file.content_type)) for field, file in step.form.files
            ]
        elif step.json is not None:
            sent["json"] = step.json
        response = self.client.request(step.method, step.path, **sent)
        assert response.status_code == 200, response.text
        return response


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxDriver]:
    """One process of its own; its tasks take a third of a second."""
    command = [sys.executable, "-m", "gateway.sandbox", "--port", "0", "--exit-with-parent"]
    process = subprocess.Popen([*command, "--task-seconds", "0.3"], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    driver = SandboxDriver(f"http://127.0.0.1:{ready['port']}")
    yield driver
    driver.client.close()
    process.terminate()
    assert process.wait(timeout=60) == 0
    process.stdout.close()

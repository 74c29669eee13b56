"""The sandbox as it really runs: its own process, a real socket on loopback, one for the whole session."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]


def start_process(*arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """A sandbox process and its base URL, once it has said that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.sandbox", "--port", "0", "--exit-with-parent", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["event"] == "ready"
    return process, f"http://127.0.0.1:{ready['port']}"


def stop_process(process: subprocess.Popen[bytes]) -> int:
    """Ask for a clean stop; returns the exit status."""
    process.terminate()
    status = process.wait(timeout=60)
    assert process.stdout is not None
    process.stdout.close()
    return status


class Sandbox:
    """A running sandbox and a client for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60)
        self.post, self.get = self.client.post, self.client.get

    def chat(self, text: str = "hello", **body: Any) -> httpx.Response:
        return self.post("/v1/chat/completions", json=chat_body(text, **body))

    def stream(self, text: str = "hello", **body: Any) -> list[dict[str, Any]]:
        """The data chunks of a whole streamed answer, [DONE] checked and left out."""
        events = read_events(self.chat(text, stream=True, **body).text)
        assert events.pop() == "[DONE]"
        return [json.loads(event) for event in events]

    def journal(self, **filters: Any) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.get("/__sandbox/journal", params=filters).json()["entries"]
        return entries

    def entry(self, contains: str) -> dict[str, Any]:
        """The newest entry whose request contains a text."""
        return self.journal(contains=contains)[-1]

    def wait_for_entry(self, contains: str, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The entry, as soon as `holds` is true of it; for a while."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            entries = self.journal(contains=contains)
            if entries and holds(entries[-1]):
                return entries[-1]
            time.sleep(0.005)
        raise AssertionError(f"no such entry: {self.journal(contains=contains)}")


def chat_body(text: str, **body: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **body}


def read_events(text: str) -> list[str]:
    """The data of each SSE event in a body."""
    return [event.removeprefix("data: ") for event in text.split("\n\n") if event]


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """One process and one client for the session: making either for each test would take most of its time."""
    process, url = start_process("--task-seconds", "10")
    running = Sandbox(url)
    yield running
    running.client.close()
    assert stop_process(process) == 0


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The session's process, with nothing left of earlier tests."""
    running_sandbox.post("/__sandbox/reset")
    return running_sandbox


@pytest.fixture
def another_process() -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], str]]]:
    """Starts processes of the test's own; whatever still runs afterwards is stopped."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[bytes], str]:
        process, url = start_process(*arguments)
        started.append(process)
        return process, url

    yield start
    for process in started:
        if process.poll() is None:
            stop_process(process)
        elif process.stdout is not None:
            process.stdout.close()

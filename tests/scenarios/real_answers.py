"""What a running platform answers to every example of the OpenAPI document, made presentable for the documentation.

`make docs-answers` (`record_answers`) writes them down anew, in the file that the pages of the documentation show.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import yaml
from running_platform import RunningPlatform, Tenant
from scenarios.asking import eventually

from gateway.docs_site.answers import STREAM_ADDRESS
from gateway.openapi.examples import example_address, example_of
from gateway.openapi.presentation import IMAGE_FILE, SPEECH_FILE, Example

ENVIRONMENT = {"AIO_PRIVATE_URL_NETWORKS": "127.0.0.0/8"}
SHOWN_ITEMS = 3
SHOWN_CHARACTERS = 400
# What is made first is there to be listed, and what ends things comes last.
ORDER = ("post", "put", "patch", "get", "delete")
_THREE_CHUNKS = "[[sbx:chunks=3]]Hi"
_MESSAGES = [{"role": "user", "content": _THREE_CHUNKS}]
# By address, one of each form that streams have.
STREAMED: dict[str, dict[str, Any]] = {
    STREAM_ADDRESS: {"model": "gemini", "messages": _MESSAGES, "stream": True},
    "/v1/completions": {"model": "gemini", "prompt": _THREE_CHUNKS, "max_tokens": 256, "stream": True},
    "/v1/messages": {"model": "gemini", "max_tokens": 256, "messages": _MESSAGES, "stream": True},
    "/v1/responses": {"model": "gemini", "input": _THREE_CHUNKS, "stream": True},
    "/v1beta/models/{model}:streamGenerateContent": {"contents": [{"parts": [{"text": _THREE_CHUNKS}]}]},
}


@contextmanager
def customer() -> Iterator[str]:
    """An address on loopback that takes every delivery."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/aio"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Reader:
    """Somebody who tries every example in turn, with ids that there are in the place of the document's."""

    def __init__(self, platform: RunningPlatform, client: httpx.Client, hook: str) -> None:
        self.platform, self.client, self.hook = platform, client, hook
        self.files: dict[str, bytes] = {}

    def answers(self) -> dict[str, Any]:
        """Every JSON answer by method and address, as in "post /api/chat", and the text of streams."""
        document = yaml.safe_load(self.client.get("/api/schema").content)
        self.make_files()
        found = {}
        operations = [
            (method, address)
            for address, methods in document["paths"].items()
            for method, operation in methods.items()
            if answers_in_json(operation)
        ]
        for method, address in sorted(
            operations, key=lambda each: (ORDER.index(each[0]), "{" not in each[1])
        ):
            found[f"{method} {address}"] = self.presentable(self.answer(method, address).json())
        for address, body in STREAMED.items():
            streamed = self.client.post(self.with_ids("post", address), json=body, params={"alt": "sse"})
            assert streamed.headers["Content-Type"].startswith("text/event-stream"), streamed.text
            found[f"stream {address}"] = streamed.text.strip()
        return found

    def make_files(self) -> None:
        for address, name in (("/api/tts", SPEECH_FILE), ("/api/t2i", IMAGE_FILE)):
            self.files[name] = self.answer("post", address).content

    def answer(self, method: str, address: str) -> httpx.Response:
        example = example_of(method, address) or Example()
        body = None if example.json is None else dict(example.json)
        if address == "/api/v1/callbacks/endpoint" and body is not None:
            body["url"] = self.hook
        files = {field: (name, self.files[name]) for field, name in example.files.items()}
        answer = self.client.request(
            method,
            self.with_ids(method, address),
            json=body,
            data=dict(example.fields) or None,
            files=files or None,
            # A stream is an answer of its own; here it is JSON that is shown.
            headers={"Accept": "application/json"},
        )
        assert answer.is_success, f"{method} {address}: {answer.text}"
        return answer

    def with_ids(self, method: str, address: str) -> str:
        if "{model}" in address:
            return example_address(address, example_of(method, address) or Example())
        if "{key_id}" in address:
            made = self.client.post("/api/v1/keys", json={"name": "production"})
            return address.replace("{key_id}", made.json()["id"])
        if "{request_id}" in address:
            called = self.answer("post", "/api/chat")
            return address.replace("{request_id}", called.headers["X-Request-Id"])
        if "{task_id}" in address:
            task_id = self.open_task("[[sbx:task=stuck]] " if address.endswith("cancel") else "")
            if not address.endswith("cancel"):
                self.wait_for_success(task_id)
            return address.replace("{task_id}", task_id)
        if "{delivery_id}" in address:
            self.wait_for_success(self.open_task(""))
            return address.replace("{delivery_id}", self.wait_for_delivery())
        return address

    def open_task(self, magic: str) -> str:
        example = example_of("post", "/api/v1/images/generations") or Example()
        body = dict(example.json or {})
        body |= {"prompt": magic + body["prompt"], "callback_url": self.hook}
        task_id: str = self.client.post("/api/v1/images/generations", json=body).json()["data"]["task_id"]
        return task_id

    def wait_for_success(self, task_id: str) -> None:
        def succeeded() -> bool:
            return bool(self.client.get(f"/api/v1/tasks/{task_id}").json()["data"]["status"] == "SUCCESS")

        eventually(succeeded)

    def wait_for_delivery(self) -> str:
        def delivered() -> str | None:
            page = self.client.get("/api/v1/callbacks/deliveries").json()
            return next((each["id"] for each in page["data"] if each["status"] == "delivered"), None)

        found: str = eventually(delivered)
        return found

    def presentable(self, value: Any) -> Any:
        if isinstance(value, dict):
            shown = {name: self.presentable(each) for name, each in value.items()}
            if "key" in shown and "prefix" in shown:
                shown["key"] = f"{shown['prefix']}…"
            if "secret" in shown:
                shown["secret"] = "whsec_…"
            return shown
        if isinstance(value, list):
            first = next((place for place, each in enumerate(value) if each), 0)
            return [self.presentable(each) for each in value[first : first + SHOWN_ITEMS]]
        if isinstance(value, str):
            return self.presentable_text(value)
        return value

    def presentable_text(self, text: str) -> str:
        text = text.replace(self.platform.sandbox_url, "https://files.example.com")
        text = text.replace(self.platform.base_url, "https://aio.example.com")
        text = text.replace(self.hook, "https://example.com/hooks/aio")
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[:60]}…"


def answers_in_json(operation: Mapping[str, Any]) -> bool:
    return any(
        "application/json" in answer.get("content", {})
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    )


def real_answers(platform: RunningPlatform, reader: Tenant) -> dict[str, Any]:
    """Of a platform that was started with ENVIRONMENT, to a tenant whose key may look after keys."""
    with customer() as hook, platform.client(reader) as client:
        return Reader(platform, client, hook).answers()

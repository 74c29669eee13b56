"""Every task route of the shipped catalog, carried over a real socket to the sandbox, whose clock stands still."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from gateway.adapters.protocol import Received, UpstreamCall, UpstreamFault
from gateway.adapters.registry import TASK_ADAPTERS
from gateway.adapters.tasks.protocol import (
    ForgedWebhook,
    Polled,
    Progress,
    Submitted,
    TaskAdapter,
    TaskRequest,
)
from gateway.adapters.tasks.provider_tasks import CANCELLED, FAILED, marker_in
from gateway.catalog.routes import Route
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.task_models import read_task
from tests.gateway.adapters.conftest import SandboxDriver

IMAGE, FACE, VIDEO = "https://example.com/a.jpg", "https://example.com/b.jpg", "https://example.com/c.mp4"
# The examples of the API in One document, and one for each model that it gives none for.
BODIES: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "image_task",
        "flux-2",
        {"prompt": "A serene Japanese garden", "aspect_ratio": "16:9", "type": "pro", "resolution": "1K"},
        "5",
    ),
    (
        "image_task",
        "flux-2",
        {"prompt": "a fox", "type": "flex", "resolution": "2K", "input_urls": [IMAGE]},
        "24",
    ),
    ("image_task", "seedream-4-5", {"prompt": "a fox", "type": "edit", "input_urls": [IMAGE]}, "6"),
    ("image_task", "gpt-image-1-5", {"prompt": "a fox", "aspect_ratio": "3:2"}, "4"),
    (
        "video_task",
        "kling-3",
        {"prompt": "A golden retriever", "mode": "std", "duration": 5, "aspect_ratio": "16:9", "sound": True},
        "30",
    ),
    (
        "video_task",
        "kling-3",
        {"prompt": "a fox", "mode": "pro", "duration": "10", "sound": False, "image": IMAGE},
        "60",
    ),
    (
        "video_task",
        "seedance-1-5-pro",
        {"prompt": "a fox", "resolution": "720p", "generateAudio": True},
        "25",
    ),
    (
        "video_task",
        "pixverse-5-6",
        {"prompt": "a fox", "generate_audio_switch": True, "image": IMAGE},
        "22.5",
    ),
    (
        "music_task",
        "suno",
        {"prompt": "Verse 1: Walking", "style": "pop", "title": "Summer Dreams", "make_instrumental": False},
        "10",
    ),
    ("music_task", "suno", {"gpt_description_prompt": "a song about rain", "mv": "chirp-v5"}, "10"),
    ("music_task", "suno", {"style": "pop, upbeat", "title": "Summer", "make_instrumental": True}, "10"),
    ("music_task", "suno", {"style": "pop, upbeat", "make_instrumental": True}, "10"),
    ("music_task", "minimax-music", {"lyrics": "Feel the beat, move"}, "30"),
    (
        "image_task",
        "qwen-image",
        {"prompt": "a fox", "aspect_ratio": "16:9", "negative_prompt": "blurry", "seed": 7},
        "3",
    ),
    ("music_task", "minimax-music", {"prompt": "electronic dance", "lyrics": "Feel the beat, move"}, "30"),
    (
        "speech_task",
        "elevenlabs-v3",
        {
            "dialogue": [
                {"text": "Hello, welcome to API in One.", "voice": "narrator"},
                {"text": "Thank you! Tell me more.", "voice": "user"},
            ],
            "stability": 0.5,
            "language_code": "auto",
        },
        "1.484",
    ),
    ("remove_bg", "remove-bg", {"image": IMAGE}, "1"),
    ("face_swap", "face-swap", {"image": IMAGE, "face_image": FACE, "target_index": 10}, "4"),
    ("video_bg_remover", "bg-remover", {"video": VIDEO, "background_image": IMAGE}, "10"),
]
# One route of each adapter, with a body whose prompt may carry a magic input.
ONE_OF_EACH = {
    "kie": ("image_task", "flux-2"),
    "kie_suno": ("music_task", "suno"),
    "fal": ("music_task", "minimax-music"),
    "replicate": ("video_task", "seedance-1-5-pro"),
    "wavespeed": ("video_task", "pixverse-5-6"),
}
every_adapter = pytest.mark.parametrize("name", ONE_OF_EACH)


class Tasks:
    """Submits and polls, as a worker would, and moves the sandbox's clock."""

    def __init__(self, sandbox: SandboxDriver) -> None:
        self.sandbox = sandbox
        self.client = sandbox.client
        self.client.post("/__sandbox/reset")
        self.advance(0)

    def advance(self, seconds: float) -> float:
        answer = self.client.post("/__sandbox/clock", json={"mode": "virtual", "advance_s": seconds})
        now: float = answer.json()["now"]
        return now

    def execute(self, steps: Generator[UpstreamCall, Received, Any]) -> Any:
        try:
            call = next(steps)
            while True:
                response = self.client.request(
                    call.method,
                    call.path,
                    params=dict(call.query),
                    json=call.json,
                    headers={"accept": call.accept},
                )
                response.raise_for_status()
                call = steps.send(Received("application/json", dict(response.headers), response.content))
        except StopIteration as stop:
            return stop.value

    def start(
        self, endpoint: str, model: str, body: dict[str, Any], hook: str | None = None
    ) -> tuple[TaskAdapter, Submitted, Route]:
        route = self.sandbox.route(endpoint, model)
        adapter = TASK_ADAPTERS[route.adapter]
        read = read_task(endpoint, model, {"model": model, **body})
        request = TaskRequest(endpoint, model, read.parameters, read.units, "mark-1", hook)
        return adapter, self.execute(adapter.submit(request, route)), route

    def start_magic(
        self, name: str, magic: str, hook: str | None = None
    ) -> tuple[TaskAdapter, Submitted, Route]:
        endpoint, model = ONE_OF_EACH[name]
        return self.start(endpoint, model, {"prompt": f"a fox [[sbx:{magic}]]"}, hook)


@pytest.fixture
def tasks(sandbox: SandboxDriver) -> Tasks:
    return Tasks(sandbox)


@pytest.mark.parametrize(("endpoint", "model", "body", "credits"), BODIES)
def test_a_task_is_submitted_runs_and_brings_its_file(
    tasks: Tasks, endpoint: str, model: str, body: dict[str, Any], credits: str
) -> None:
    route = tasks.sandbox.route(endpoint, model)
    units = read_task(endpoint, model, body).units
    assert route.rate.cost_microcredits(units) == round(float(credits) * 1_000_000)
    adapter, submitted, route = tasks.start(endpoint, model, body)
    assert tasks.execute(adapter.poll(submitted.reference, route)) == Polled(Progress.RUNNING)
    tasks.advance(1)
    polled = tasks.execute(adapter.poll(submitted.reference, route))
    assert polled.progress is Progress.SUCCEEDED
    assert len(polled.results) == (2 if model == "suno" else 1)
    kind = {
        "video_task": "video/",
        "video_bg_remover": "video/",
        "music_task": "audio/",
        "speech_task": "audio/",
    }
    for url in polled.results:
        assert httpx.get(url).headers["content-type"].startswith(kind.get(endpoint, "image/"))


def test_every_task_route_of_the_catalog_is_tried(sandbox: SandboxDriver) -> None:
    tried = {(endpoint, model) for endpoint, model, _, _ in BODIES}
    routes = [route for route in sandbox._routes if route.endpoint in TASK_ENDPOINT_NAMES]
    assert {(route.endpoint, route.model) for route in routes} == tried
    assert {route.adapter for route in routes} == set(TASK_ADAPTERS) == set(ONE_OF_EACH)


def test_what_the_provider_gets_is_what_was_asked_for(tasks: Tasks) -> None:
    for endpoint, model, body, _ in BODIES:
        tasks.start(endpoint, model, body)
    got = [entry["body"] for entry in tasks.client.get("/__sandbox/journal").json()["entries"]]
    paths = [entry["path"] for entry in tasks.client.get("/__sandbox/journal").json()["entries"]]
    for wanted in (
        '"model":"flux-2/pro-text-to-image"',
        '"model":"flux-2/flex-image-to-image"',
        '"model":"seedream/4.5-edit"',
        '"image_size":"1536x1024"',
        '"model":"kling-3.0/video"',
        '"duration":"10"',
        '"image_urls":["https://example.com/a.jpg"]',
        '"generate_audio":true',
        '"model":"V5"',
        '"audio_setting":{"bitrate":256000,"sample_rate":44100}',
        '"voice":"George"',
    ):
        assert any(wanted in body.replace(": ", ":").replace(", ", ",") for body in got), wanted
    assert "/api/v3/pixverse/pixverse-v5.6/image-to-video" in paths
    assert "/v1/models/bytedance/seedance-1.5-pro/predictions" in paths


@every_adapter
def test_a_task_that_fails_is_failed(tasks: Tasks, name: str) -> None:
    adapter, submitted, route = tasks.start_magic(name, "task=fail")
    tasks.advance(1)
    polled = tasks.execute(adapter.poll(submitted.reference, route))
    assert polled == Polled(Progress.FAILED, error_message=FAILED)


@every_adapter
def test_a_task_that_is_stuck_runs_on_and_one_that_fails_late_fails(tasks: Tasks, name: str) -> None:
    stuck, late = tasks.start_magic(name, "task=stuck"), tasks.start_magic(name, "task=late_fail")
    tasks.advance(2)
    for adapter, submitted, route in (stuck, late):
        assert tasks.execute(adapter.poll(submitted.reference, route)).progress is Progress.RUNNING
    tasks.advance(10_000)
    progress = [tasks.execute(one[0].poll(one[1].reference, one[2])).progress for one in (stuck, late)]
    assert progress == [Progress.RUNNING, Progress.FAILED]


@pytest.mark.parametrize("name", ["fal", "replicate"])
def test_a_cancelled_task_is_failed_and_a_finished_one_stays(tasks: Tasks, name: str) -> None:
    adapter, submitted, route = tasks.start_magic(name, "task_s=1")
    tasks.advance(1)
    too_late = adapter.cancel(submitted.reference, route)
    assert too_late is not None
    # fal answers 400, Replicate with the prediction as it is.
    with pytest.raises(httpx.HTTPStatusError) if name == "fal" else contextlib.nullcontext():
        tasks.execute(too_late)
    assert tasks.execute(adapter.poll(submitted.reference, route)).progress is Progress.SUCCEEDED
    adapter, submitted, route = tasks.start_magic(name, "task_s=10")
    cancelling = adapter.cancel(submitted.reference, route)
    assert cancelling is not None
    tasks.execute(cancelling)
    assert tasks.execute(adapter.poll(submitted.reference, route)) == Polled(
        Progress.FAILED, error_message=CANCELLED
    )


def test_sunos_callback_exception_is_polled_through(tasks: Tasks) -> None:
    adapter, submitted, route = tasks.start_magic("kie_suno", "task=callback_exception;task_s=10")
    seen = []
    for _ in range(5):
        seen.append(tasks.execute(adapter.poll(submitted.reference, route)).progress)
        tasks.advance(2.5)
    assert seen == [Progress.RUNNING] * 4 + [Progress.SUCCEEDED]


@pytest.mark.parametrize("name", ["kie", "kie_suno", "wavespeed"])
def test_an_error_under_http_200_is_an_upstream_fault(tasks: Tasks, name: str) -> None:
    with pytest.raises(UpstreamFault):
        tasks.start_magic(name, "error_in_200=402")


@pytest.fixture
def hook() -> Iterator[queue.Queue[tuple[str, dict[str, str], bytes]]]:
    """A server that puts every webhook it gets into its queue, under the address `hook.url`."""
    received: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((self.path, dict(self.headers.items()), body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}/hook"  # type: ignore[attr-defined]
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def secret_of(tasks: Tasks, name: str) -> str:
    """What the sandbox publishes for the provider, as an operator would copy it."""
    get = tasks.client.get
    match name:
        case "fal":
            return get("/.well-known/jwks.json").text
        case "replicate":
            return str(get("/v1/webhooks/default/secret").json()["key"])
        case "wavespeed":
            return str(get("/api/v3/webhook/secret").json()["data"]["secret"])
    return "sandbox-kie-hmac-key"


@every_adapter
def test_webhooks_are_told_from_forged_ones_and_may_come_twice(tasks: Tasks, hook: Any, name: str) -> None:
    adapter, submitted, _ = tasks.start_magic(name, "webhook=duplicate", hook.url)
    now = tasks.advance(1)
    secret = secret_of(tasks, name)
    for _ in range(2):
        path, headers, body = hook.get(timeout=30)
        assert marker_in(path) == "mark-1"
        assert adapter.webhook_reference(headers, body, secret, now) == submitted.reference["id"]
        with pytest.raises(ForgedWebhook):
            adapter.webhook_reference(headers, body, secret, now + 301)


@every_adapter
def test_a_forged_webhook_is_refused_and_the_genuine_one_after_it_is_not(
    tasks: Tasks, hook: Any, name: str
) -> None:
    adapter, submitted, _ = tasks.start_magic(name, "webhook=forged;task=fail", hook.url)
    secret = secret_of(tasks, name)
    _, headers, body = hook.get(timeout=30)
    with pytest.raises(ForgedWebhook):
        adapter.webhook_reference(headers, body, secret, time.time())
    now = tasks.advance(1)
    _, headers, body = hook.get(timeout=30)
    assert adapter.webhook_reference(headers, body, secret, now) == submitted.reference["id"]

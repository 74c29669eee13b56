"""Upstreams' webhooks: a genuine one has its task looked at now, a forged one is refused, a second does no harm."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from money import books as database
from running_platform import RunningPlatform
from scenarios.asking import eventually
from scenarios.task_calls import IMAGES, SPEECH, VIDEOS, ended, marked_image, opened
from task_platform import task_platform

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "kie": (IMAGES, {"model": "flux-2", "prompt": "A cat"}),
    "fal": (IMAGES, {"model": "gpt-image-1-5", "prompt": "A cat"}),
    "replicate": (VIDEOS, {"model": "seedance-1-5-pro", "prompt": "A cat"}),
    "wavespeed": (VIDEOS, {"model": "pixverse-5-6", "prompt": "A cat"}),
}


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = task_platform(tmp_path_factory.mktemp("called")).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture
def customer(called: RunningPlatform) -> Iterator[httpx.Client]:
    with called.client(called.new_tenant(credits="10000")) as client:
        yield client


def deliveries(platform: RunningPlatform, **wanted: Any) -> list[dict[str, Any]]:
    """Webhooks that the sandbox sent, with the answers it got."""
    answer = httpx.get(f"{platform.sandbox_url}/__sandbox/webhooks", trust_env=False, timeout=60).json()[
        "webhooks"
    ]
    return [sent for sent in answer if all(sent[name] == value for name, value in wanted.items())]


@pytest.fixture
def move_clock(called: RunningPlatform) -> Iterator[Callable[[float], None]]:
    """Upstreams' tasks stand still, but for the seconds that the test moves them on."""

    def tell(**asked: Any) -> None:
        httpx.post(
            f"{called.sandbox_url}/__sandbox/clock", json=asked, trust_env=False, timeout=60
        ).raise_for_status()

    tell(mode="virtual")
    yield lambda seconds: tell(advance_s=seconds)
    tell(mode="real")


def leave_alone(platform: RunningPlatform, task_id: str) -> None:
    """No worker looks at the running task of its own accord for an hour."""
    eventually(
        lambda: database.rows(
            platform,
            "UPDATE gateway_task_due d SET due_at = now() + interval '1 hour' FROM gateway_task t"
            " WHERE t.id = %s AND t.state = 'running' AND d.account_id = t.account_id AND d.task_id = t.id"
            " AND d.lease_owner IS NULL RETURNING 1",
            task_id,
        )
    )


@pytest.mark.parametrize("upstream", BODIES)
def test_a_genuine_webhook_has_its_task_looked_at_now(
    upstream: str, called: RunningPlatform, customer: httpx.Client, move_clock: Callable[[float], None]
) -> None:
    path, body = BODIES[upstream]
    before = len(deliveries(called, forged=False))
    task_id = opened(customer, {**body, "prompt": "A cat [[sbx:task_s=2;webhook=duplicate]]"}, path)
    leave_alone(called, task_id)
    move_clock(3)

    assert ended(customer, task_id)["status"] == "SUCCESS"
    sent = eventually(lambda: found if len(found := deliveries(called, forged=False)[before:]) == 2 else None)

    assert {one["status"] for one in sent} == {204}
    [(charges,)] = database.rows(
        called,
        "SELECT count(*) FROM usage_event e JOIN gateway_task t ON t.request_uuid = e.request_id WHERE t.id = %s",
        task_id,
    )
    assert charges == 1


def test_a_forged_webhook_is_refused_and_its_word_is_not_taken(
    called: RunningPlatform, customer: httpx.Client
) -> None:
    """The sandbox sends a false success first, wrongly signed."""
    body, _ = marked_image("[[sbx:task=fail;task_s=2;webhook=forged]]")
    task_id = opened(customer, body)

    assert ended(customer, task_id)["status"] == "FAILED"

    # The task may be looked at, and end, before the forger has had an answer.
    assert {sent["status"] for sent in eventually(lambda: deliveries(called, forged=True))} == {401}
    counted = httpx.get(f"{called.base_url}/metrics", trust_env=False, timeout=60).text
    assert 'aio_upstream_webhooks_total{upstream="kie",verdict="forged"}' in counted


@pytest.mark.parametrize("body", [b"", b"{}", b"not JSON", b"[" * 5000, b'{"data":{"taskId":5}}'])
def test_rubbish_is_refused(body: bytes, called: RunningPlatform) -> None:
    for upstream in BODIES:
        answer = httpx.post(
            f"{called.base_url}/webhooks/upstreams/{upstream}", content=body, trust_env=False, timeout=60
        )
        assert answer.status_code == 401


def test_an_upstream_that_is_none_of_ours_is_a_404(called: RunningPlatform) -> None:
    for upstream in ("nobody", "sandbox"):
        answer = httpx.post(
            f"{called.base_url}/webhooks/upstreams/{upstream}", content=b"{}", trust_env=False, timeout=60
        )
        assert answer.status_code == 404


def test_speech_and_music_come_by_webhook_too(called: RunningPlatform, customer: httpx.Client) -> None:
    spoken = {"model": "elevenlabs-v3", "dialogue": [{"text": "Hello. [[sbx:task_s=0.5]]"}]}
    song = {"model": "suno", "gpt_description_prompt": "A song about rain. [[sbx:task_s=0.5]]"}
    for path, body in ((SPEECH, spoken), ("/api/v1/audio/music", song)):
        assert ended(customer, opened(customer, body, path))["status"] == "SUCCESS"

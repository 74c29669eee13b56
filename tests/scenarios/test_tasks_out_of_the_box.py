"""What a newcomer's `serve` sets up beside its sandbox: providers call it, and lost submissions are found again."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from money import books as database
from running_platform import RunningPlatform
from scenarios.asking import eventually
from scenarios.task_calls import IMAGES, VIDEOS, ended, opened

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "kie": (IMAGES, {"model": "flux-2"}),
    "fal": (IMAGES, {"model": "gpt-image-1-5"}),
    "replicate": (VIDEOS, {"model": "seedance-1-5-pro"}),
    "wavespeed": (VIDEOS, {"model": "pixverse-5-6"}),
}
# The upstream has the task; the connection breaks before it has said so.
LOST = "reset_after=0;times=1"


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(
        tmp_path_factory.mktemp("newcomer"), chooses_sandbox=False, environment={"AIO_TASK_LEASE_S": "6"}
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def customer(newcomer: RunningPlatform) -> Iterator[httpx.Client]:
    with newcomer.client(newcomer.new_tenant(credits="10000")) as client:
        yield client


@pytest.mark.parametrize("upstream", BODIES)
def test_every_providers_webhook_arrives_and_is_believed(
    upstream: str, newcomer: RunningPlatform, customer: httpx.Client
) -> None:
    path, body = BODIES[upstream]
    before = len(sent_by(newcomer))
    task_id = opened(customer, {**body, "prompt": f"A cat of {upstream} [[sbx:task_s=1]]"}, path)

    assert ended(customer, task_id)["status"] == "SUCCESS"
    [delivery] = eventually(lambda: sent_by(newcomer)[before:])
    assert delivery["status"] == 204
    assert delivery["url"].startswith(f"{newcomer.base_url}/webhooks/upstreams/{upstream}")


def test_a_submission_whose_answer_was_lost_is_found_again_at_replicate(
    newcomer: RunningPlatform, customer: httpx.Client
) -> None:
    path, body = BODIES["replicate"]
    mark = "the lost one"
    task_id = opened(customer, {**body, "prompt": f"{mark} [[sbx:{LOST};task_s=0.1]]"}, path)

    task = ended(customer, task_id)

    assert task["status"] == "SUCCESS", task
    assert task["consumed_credits"] > 0
    submissions = [entry for entry in newcomer.journal(mark) if entry["method"] == "POST"]
    assert len(submissions) == 1
    [(charges,)] = database.rows(
        newcomer,
        "SELECT count(*) FROM usage_event e JOIN gateway_task t ON t.request_uuid = e.request_id WHERE t.id = %s",
        task_id,
    )
    assert charges == 1


def sent_by(platform: RunningPlatform) -> list[dict[str, Any]]:
    """Webhooks that the sandbox sent, with the answers it got."""
    answer = httpx.get(f"{platform.sandbox_url}/__sandbox/webhooks", trust_env=False, timeout=60)
    return answer.json()["webhooks"]  # type: ignore[no-any-return]

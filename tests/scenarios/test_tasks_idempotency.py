"""A gateway that was killed between opening a task and keeping its answer: a repeat is told of that task."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from money.books import rows
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, told
from scenarios.task_calls import IMAGES, TASKS, ended, image, marked_image, polled

FOREVER = "[[sbx:task_s=600]]"


@pytest.fixture
def killed(platform: RunningPlatform) -> Callable[[str], None]:
    """Leave the key as a gateway does that dies with its task opened and its answer not kept.

    Its claim has run out too: by then the key looks like one that anybody may take.
    """

    def leave(key: str) -> None:
        left = rows(
            platform,
            "UPDATE usage_idempotent_call SET status = NULL, content_type = NULL, headers = NULL, body = NULL,"
            " expires_at = now() - interval '1 second' WHERE idempotency_key = %s RETURNING 1",
            key,
        )
        assert len(left) == 1

    return leave


@pytest.mark.parametrize("magic", [FOREVER, "[[sbx:task=fail;task_s=0.1]]", "[[sbx:task_s=0.1]]"])
def test_a_repeat_after_a_kill_is_told_of_the_task_whatever_became_of_it(
    magic: str,
    platform: RunningPlatform,
    client: httpx.Client,
    books: Books,
    killed: Callable[[str], None],
) -> None:
    body, key = marked_image(magic)
    first = client.post(IMAGES, json=body, headers={"Idempotency-Key": key})
    task_id = first.json()["data"]["task_id"]
    if magic != FOREVER:
        ended(client, task_id)
    spent = books.spent()
    killed(key)

    again = client.post(IMAGES, json=body, headers={"Idempotency-Key": key})
    once_more = client.post(IMAGES, json=body, headers={"Idempotency-Key": key})

    assert again.status_code == once_more.status_code == 200, again.text
    assert again.content == once_more.content == first.content
    for repeat in (again, once_more):
        assert repeat.headers["Idempotent-Replayed"] == "true"
        assert repeat.headers["X-Original-Request-Id"] == first.headers["X-Request-Id"]
        assert repeat.headers["X-Credits-Consumed"] == "0"
    assert [task["task_id"] for task in client.get(TASKS).json()["data"]] == [task_id]
    assert books.spent() == spent
    client.post(f"{TASKS}/{task_id}/cancel")


@pytest.mark.parametrize("magic", [FOREVER, "[[sbx:task=fail;task_s=0.1]]"])
def test_a_kill_does_not_open_the_key_to_another_body(
    magic: str, client: httpx.Client, killed: Callable[[str], None]
) -> None:
    """Of a task that failed nothing is held or charged, so its claim alone would let anybody have the key."""
    body, key = marked_image(magic)
    task_id = client.post(IMAGES, json=body, headers={"Idempotency-Key": key}).json()["id"]
    if magic != FOREVER:
        ended(client, task_id)
    killed(key)

    other = client.post(IMAGES, json=image("Another"), headers={"Idempotency-Key": key})
    first = client.post(IMAGES, json=body, headers={"Idempotency-Key": key})

    assert other.status_code == 422
    assert told(other)["type"] == "idempotency_error"
    assert first.json()["id"] == task_id
    assert len(client.get(TASKS).json()["data"]) == 1
    client.post(f"{TASKS}/{task_id}/cancel")


def test_a_revoked_key_is_not_told_of_the_task_after_a_kill(
    platform: RunningPlatform, tenant: Tenant, client: httpx.Client, killed: Callable[[str], None]
) -> None:
    body, key = marked_image(FOREVER)
    task_id = client.post(IMAGES, json=body, headers={"Idempotency-Key": key}).json()["id"]
    killed(key)
    fresh = platform.manage_json("issue_key", tenant.name)
    platform.manage("revoke_key", tenant.key_id)

    refused = client.post(IMAGES, json=body, headers={"Idempotency-Key": key})
    headers = {"Authorization": f"Bearer {fresh['key']}", "Idempotency-Key": key}
    told_of_it = client.post(IMAGES, json=body, headers=headers)

    assert (refused.status_code, told_of_it.status_code) == (401, 200)
    assert told_of_it.json()["id"] == task_id
    client.post(f"{TASKS}/{task_id}/cancel", headers=headers)


def test_a_repeat_that_meets_the_opening_is_told_of_the_task_or_to_wait(
    platform: RunningPlatform, tenant: Tenant
) -> None:
    body, key = marked_image(FOREVER)
    with platform.client(tenant) as many, ThreadPoolExecutor(8) as pool:
        headers = {"Idempotency-Key": key}
        send = [pool.submit(many.post, IMAGES, json=body, headers=headers) for _ in range(24)]
        answers = [call.result() for call in send]
        [task_id] = {answer.json()["id"] for answer in answers if answer.status_code == 200}
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert polled(many, task_id)["status"] == "IN_PROGRESS"
        assert len(many.get(TASKS).json()["data"]) == 1
        many.post(f"{TASKS}/{task_id}/cancel")

"""Generation by task as a customer meets it, through a whole platform and the sandbox."""

import re
from typing import Any

import httpx
import pytest
from money import books as database
from running_platform import RunningPlatform, Tenant
from scenarios.asking import CREDIT, START, Books, eventually, marked, microcredits, told
from scenarios.task_calls import (
    EXAMPLES,
    IMAGES,
    QUICK,
    SPEECH,
    TASKS,
    VIDEOS,
    ended,
    image,
    marked_image,
    opened,
    polled,
)

PRICE = 5 * CREDIT
NEVER = "[[sbx:task=stuck]]"


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_example_of_the_document_reaches_success_at_its_price(
    path: str, client: httpx.Client, books: Books
) -> None:
    body, price = EXAMPLES[path]
    held_before = books.held()

    answer = client.post(path, json=body)

    assert answer.status_code == 200, answer.text
    new = answer.json()
    assert (new["code"], new["message"], new["status"]) == (200, "success", "pending")
    assert new["data"] == {"task_id": new["id"], "status": "IN_PROGRESS"}
    assert re.fullmatch(r"n\d+[a-z][a-z0-9]+_[a-z0-9]+", new["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", new["created_at"])
    assert new["model"] == body.get("model", new["model"])
    held = books.held() - held_before
    data = ended(client, new["id"])
    assert data["status"] == "SUCCESS"
    assert data["error_message"] is None
    assert data["created_at"] == new["created_at"]
    assert data["request"] == body
    assert data["response"]
    assert all(url.startswith("http") for url in data["response"])
    assert microcredits(data["consumed_credits"]) == books.spent() > 0
    assert held in (0, books.spent()), "what is held is the exact price"
    if price:
        assert data["consumed_credits"] == price
    assert books.held() == 0


def test_a_task_holds_its_price_until_it_ends(
    platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    gate = marked()[1]
    answer = client.post(IMAGES, json=image("A cat", f"[[sbx:until={gate};task_s=0.1]]"))

    assert answer.headers["X-Credits-Consumed"] == "0"
    assert microcredits(answer.headers["X-Credits-Remaining"]) == START - PRICE
    assert (books.available(), books.held()) == (START - PRICE, PRICE)
    data = polled(client, answer.json()["id"])
    assert (data["status"], data["consumed_credits"], data["response"]) == ("IN_PROGRESS", 0, [])
    platform.release(gate)
    assert ended(client, answer.json()["id"])["consumed_credits"] == 5
    assert (books.spent(), books.held()) == (PRICE, 0)


def test_a_failed_task_answers_200_says_why_and_costs_nothing(client: httpx.Client, books: Books) -> None:
    data = ended(client, opened(client, image("A cat", "[[sbx:task=fail;task_s=0.1]]")))

    assert (data["status"], data["consumed_credits"], data["response"]) == ("FAILED", 0, [])
    assert data["error_message"]
    assert (books.spent(), books.held()) == (0, 0)


@pytest.mark.parametrize(
    "magic", ["status=400", "error_in_200=422", "status=500", "malformed", "empty", "reset"], ids=str
)
def test_an_upstream_that_does_not_take_a_task_costs_nothing(
    magic: str, platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    body, mark = marked_image(f"[[sbx:{magic}]]")

    data = ended(client, opened(client, body))

    assert data["status"] == "FAILED"
    assert (books.spent(), books.held()) == (0, 0)
    assert len(platform.journal(mark)) == 1, "asked once"


@pytest.mark.parametrize(
    "magic", ["status=429;times=1", "status=503;times=1", "error_in_200=429;times=1"], ids=str
)
def test_an_upstream_that_is_busy_is_asked_again(
    magic: str, platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    body, mark = marked_image(f"[[sbx:{magic};task_s=0.1]]")

    assert ended(client, opened(client, body))["status"] == "SUCCESS"
    assert books.spent() == PRICE
    assert len(platform.journal(mark)) == 2


def test_cancelling_gives_the_credits_back_and_is_told_to_the_upstream(
    platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    """Replicate's protocol can be told."""
    task_id = opened(client, {"model": "seedance-1-5-pro", "prompt": f"A cat {NEVER}"}, VIDEOS)
    taken_by_the_upstream(platform, task_id)

    answer = client.post(f"{TASKS}/{task_id}/cancel")

    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["status"], data["consumed_credits"]) == ("FAILED", 0)
    assert "cancelled" in data["error_message"]
    assert polled(client, task_id) == data
    assert (books.available(), books.held()) == (START, 0)
    assert eventually(lambda: platform.journal("/cancel")), "the upstream is told"


def test_cancelling_twice_or_after_the_end_is_a_409_that_says_so(client: httpx.Client, books: Books) -> None:
    task_id = opened(client, image("A cat", NEVER))
    assert client.post(f"{TASKS}/{task_id}/cancel").status_code == 200
    done = opened(client, image())
    ended(client, done)

    for again, words in ((task_id, "cancelled already"), (done, "already succeeded")):
        answer = client.post(f"{TASKS}/{again}/cancel")
        assert answer.status_code == 409
        assert words in told(answer)["message"]
    assert books.spent() == PRICE


def test_a_hundred_polls_cost_nothing_and_write_nothing(
    platform: RunningPlatform, tenant: Tenant, client: httpx.Client, books: Books
) -> None:
    task_id = opened(client, image("A cat", NEVER))
    taken_by_the_upstream(platform, task_id)
    before = footprint(platform, tenant)

    answers = [client.get(f"{TASKS}/{task_id}") for _ in range(100)]

    assert {answer.status_code for answer in answers} == {200}
    assert footprint(platform, tenant) == before
    assert not any("X-Credits-Consumed" in answer.headers for answer in answers)
    client.post(f"{TASKS}/{task_id}/cancel")


def taken_by_the_upstream(platform: RunningPlatform, task_id: str) -> None:
    """Wait until the worker has written down that the upstream has the task."""
    eventually(
        lambda: database.rows(
            platform, "SELECT 1 FROM gateway_task WHERE id = %s AND state = 'running'", task_id
        )
    )


def footprint(platform: RunningPlatform, tenant: Tenant) -> list[tuple[Any, ...]]:
    """Everything of the account's that a billed call would touch, with the transactions that wrote it."""
    tables = (
        "usage_balance",
        "usage_hold",
        "usage_event",
        "usage_key_meter",
        "usage_ledger_entry",
        "usage_refusal",
    )
    found = []
    for table in (*tables, "gateway_task"):
        found += database.rows(
            platform,
            f"SELECT t.xmin::text, t.ctid::text FROM {table} t JOIN accounts_account a ON a.id = t.account_id"
            " WHERE a.public_id = %s ORDER BY 1, 2",
            tenant.account_id,
        )
    return found


def test_a_hold_outlives_its_tasks_deadline_by_a_day(client: httpx.Client, platform: RunningPlatform) -> None:
    """It must never end under a task that still lives."""
    task_id = opened(client, image("A cat", NEVER))
    [(days,)] = database.rows(
        platform,
        "SELECT extract(epoch FROM h.expires_at - t.deadline_at) / 86400 FROM gateway_task t"
        " JOIN usage_hold h ON h.account_id = t.account_id AND h.request_id = t.request_uuid WHERE t.id = %s",
        task_id,
    )
    assert 0.999 < days < 1.001
    client.post(f"{TASKS}/{task_id}/cancel")


def test_another_tenants_task_is_no_task(
    client: httpx.Client, platform: RunningPlatform, tenants: Any
) -> None:
    task_id = opened(client, image("A cat", NEVER))
    with platform.client(tenants.take()) as stranger:
        for method, path in (("GET", f"{TASKS}/{task_id}"), ("POST", f"{TASKS}/{task_id}/cancel")):
            answer = stranger.request(method, path)
            assert (answer.status_code, told(answer)["type"]) == (404, "not_found")
        assert stranger.get(TASKS).json()["data"] == []
    assert polled(client, task_id)["status"] == "IN_PROGRESS"
    client.post(f"{TASKS}/{task_id}/cancel")


@pytest.mark.parametrize(
    "task_id", ["x", "task_abc", "n1abc_flux2", "n1" + "a" * 200, "%00", "n1abc_flux2%20"]
)
def test_an_id_that_is_none_is_a_404(task_id: str, client: httpx.Client) -> None:
    assert client.get(f"{TASKS}/{task_id}").status_code == 404
    assert client.post(f"{TASKS}/{task_id}/cancel").status_code == 404


def test_tasks_need_a_key(platform: RunningPlatform) -> None:
    with platform.client() as nobody:
        for answer in (
            nobody.post(IMAGES, json=image()),
            nobody.get(TASKS),
            nobody.get(f"{TASKS}/n1abc_flux2"),
            nobody.post(f"{TASKS}/n1abc_flux2/cancel"),
        ):
            assert answer.status_code == 401


def test_the_same_idempotency_key_opens_one_task(client: httpx.Client, books: Books) -> None:
    key = marked()[1]

    first = opened(client, image(), **{"Idempotency-Key": key})

    assert opened(client, image(), **{"Idempotency-Key": key}) == first
    other = client.post(IMAGES, json=image("A dog"), headers={"Idempotency-Key": key})
    assert other.status_code == 422
    ended(client, first)
    assert books.spent() == PRICE


def test_openais_own_fields_are_answered_as_openai_does(client: httpx.Client) -> None:
    answer = client.post(IMAGES, json={"prompt": "A cat", "n": 1, "size": "64x64", "model": "qwen-image"})
    assert answer.status_code == 200, answer.text
    assert "b64_json" in answer.json()["data"][0]

    spoken = client.post(SPEECH, json={"model": "tts-1", "input": "Hello", "voice": "alloy"})
    assert spoken.status_code == 200, spoken.text
    assert spoken.headers["Content-Type"].startswith("audio/")


def test_tasks_are_listed_newest_first_page_by_page(client: httpx.Client) -> None:
    made = [opened(client, image(str(number), QUICK)) for number in range(5)]
    found: list[str] = []
    after: str | None = None
    while True:
        page = client.get(TASKS, params={"limit": 2, **({"after": after} if after else {})}).json()
        found += [task["task_id"] for task in page["data"]]
        after = page["next"]
        assert page["has_more"] == (after is not None)
        if after is None:
            break
    assert found == made[::-1]


def test_a_listing_is_narrowed_by_status_model_endpoint_and_time(client: httpx.Client) -> None:
    done = opened(client, image())
    failed = opened(client, image("A cat", "[[sbx:task=fail;task_s=0.1]]"))
    tool = opened(client, EXAMPLES["/api/v1/images/tools/remove-bg"][0], "/api/v1/images/tools/remove-bg")
    for task_id in (done, failed, tool):
        ended(client, task_id)
    running = opened(client, image("A cat", NEVER))

    def listed(**query: str) -> set[str]:
        answer = client.get(TASKS, params=query)
        assert answer.status_code == 200, answer.text
        return {task["task_id"] for task in answer.json()["data"]}

    assert listed(status="SUCCESS") == {done, tool}
    assert listed(status="FAILED") == {failed}
    assert listed(status="IN_PROGRESS") == {running}
    assert listed(model="remove-bg") == {tool}
    assert listed(endpoint="image_task") == {done, failed, running}
    assert listed(endpoint="image_task", status="SUCCESS") == {done}
    assert listed(until="2020-01-01T00:00:00Z") == set()
    assert listed(since="2020-01-01") == {done, failed, tool, running}
    client.post(f"{TASKS}/{running}/cancel")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "after=nonsense", "status=DONE", "endpoint=chat", "since=x", "no=1"],
)
def test_a_query_that_means_nothing_is_a_400(query: str, client: httpx.Client) -> None:
    answer = client.get(f"{TASKS}?{query}")

    assert answer.status_code == 400
    assert told(answer)["param"] == query.partition("=")[0]

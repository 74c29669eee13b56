"""Promise: OpenAI's moderations judge every form of input, each call has its price, and no failure costs anything."""

from typing import Any

import httpx
import openai
import pytest
from running_platform import RunningPlatform
from scenarios.asking import Books, told

PATH = "/v1/moderations"
MODEL = "omni-moderation-latest"
MICROCREDITS_PER_CALL = 100_000
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def judge(client: httpx.Client, given: Any, **more: Any) -> httpx.Response:
    return client.post(PATH, json={"model": MODEL, "input": given, **more})


@pytest.mark.parametrize(
    ("given", "flagged"),
    [
        ("I will kill you", [True]),
        (["a fine day", "you idiot", "another"], [False, True, False]),
        ([{"type": "text", "text": "I will"}, {"type": "text", "text": "kill you"}, IMAGE], [True]),
    ],
    ids=["a text", "texts", "parts"],
)
def test_every_form_of_input_is_judged_for_the_price_of_a_call(
    given: Any, flagged: list[bool], client: httpx.Client, books: Books
) -> None:
    answer = judge(client, given)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"id", "model", "results"}
    assert (body["model"], body["id"][:5]) == ("omni-moderation", "modr-")
    assert [result["flagged"] for result in body["results"]] == flagged
    for result in body["results"]:
        assert result["categories"].keys() == result["category_scores"].keys()
        assert result["flagged"] is any(result["categories"].values())
    assert answer.headers["X-Credits-Consumed"] == "0.1"
    assert books.spent() == MICROCREDITS_PER_CALL
    receipt = books.receipt(answer)
    assert (receipt["endpoint"], receipt["model"], receipt["outcome"]) == (
        "moderations",
        "omni-moderation",
        "succeeded",
    )


def test_no_model_need_be_named(client: httpx.Client) -> None:
    answer = client.post(PATH, json={"input": "a fine day"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "omni-moderation"


def test_openais_client_reads_it(platform: RunningPlatform, client: httpx.Client) -> None:
    key = client.headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(base_url=f"{platform.base_url}/v1", api_key=key, max_retries=0) as sdk:
        answer = sdk.moderations.create(model=MODEL, input=["I will kill you"])

    (result,) = answer.results
    assert result.flagged
    assert result.categories.violence
    assert result.category_scores.violence > 0.5


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": ["a", ""]}, 400, "input.1"),
        ({"input": ["a", IMAGE]}, 400, "input.1"),
        ({"input": ["a"] * 2049}, 400, "input"),
        ({"input": [IMAGE, "a"]}, 400, "input.1"),
        ({"input": [{"type": "input_audio"}]}, 400, "input.0.type"),
        ({"input": [{"type": "text"}]}, 400, "input.0.text"),
        (
            {"input": [IMAGE, {"type": "image_url", "image_url": {"url": "file:///a"}}]},
            400,
            "input.1.image_url.url",
        ),
        ({"input": "a", "model": "no-such-model"}, 404, "model"),
        ({"input": "a", "model": "gemini"}, 404, "model"),
    ],
)
def test_what_cannot_be_judged_is_named(
    body: dict[str, Any], status: int, param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(PATH, json=body)

    assert answer.status_code == status
    assert told(answer)["param"] == param
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    ("magic", "status", "outcome"),
    [
        ("status=400", 400, "rejected"),
        ("status=500", 502, "failed"),
        ("reset", 502, "failed"),
        ("empty", 502, "failed"),
        ("malformed", 502, "failed"),
        ("wrong_type", 502, "failed"),
        ("error_in_200", 502, "failed"),
    ],
)
def test_a_call_without_an_answer_costs_nothing(
    magic: str, status: int, outcome: str, client: httpx.Client, books: Books
) -> None:
    assert judge(client, "a fine day").status_code == 200  # no route rests from another test

    answer = judge(client, f"a fine day [[sbx:{magic}]]")

    assert answer.status_code == status, answer.text
    assert "sbx" not in answer.text
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["capture_microcredits"]) == (outcome, 0)
    assert receipt["hold_microcredits"] == MICROCREDITS_PER_CALL
    assert (books.spent(), books.held()) == (MICROCREDITS_PER_CALL, 0)


def test_under_one_idempotency_key_it_is_judged_and_paid_once(client: httpx.Client, books: Books) -> None:
    headers = {"Idempotency-Key": "judged-once"}

    first, again = (client.post(PATH, json={"input": "a fine day"}, headers=headers) for _ in range(2))

    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert books.spent() == MICROCREDITS_PER_CALL


def test_a_key_for_chat_alone_judges_nothing(platform: RunningPlatform) -> None:
    with platform.client(platform.new_tenant(key_options=("--scope", "chat"))) as client:
        answer = judge(client, "a fine day")

    assert answer.status_code == 403

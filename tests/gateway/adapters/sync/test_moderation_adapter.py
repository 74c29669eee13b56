"""OpenAI's moderations: a result for each text, one for parts together, and nothing but verdicts and scores."""

from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer
from gateway.adapters.shared.requests import ModerationRequest
from gateway.adapters.sync import openai_moderations
from tests.gateway.adapters.driving import Route, as_json, drive
from usage.ledger.units import Units

PARTS = [
    {"type": "text", "text": "what is this?"},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
]


def result(**more: Any) -> dict[str, Any]:
    return {
        "flagged": True,
        "categories": {"violence": True, "illicit": None},
        "category_scores": {"violence": 0.93, "illicit": None},
        **more,
    }


def test_texts_are_judged_each_for_itself() -> None:
    body = {"id": "modr-1", "model": "theirs-2024", "results": [result(), result(flagged=False)]}
    answer, (call,), _ = drive(openai_moderations, ModerationRequest(["a", "b"]), as_json(body))

    assert (call.path, call.json) == ("/v1/moderations", {"model": "theirs", "input": ["a", "b"]})
    assert answer.values == [result(), result(flagged=False)]
    assert (answer.units, answer.estimated) == (Units(calls=1), False)


def test_parts_are_judged_as_one_and_what_each_score_is_of_is_told() -> None:
    applied = {"violence": ["text", "image"]}
    told = result(category_applied_input_types=applied, their_own="x")
    answer, (call,), _ = drive(
        openai_moderations, ModerationRequest(parts=PARTS), as_json({"results": [told]})
    )

    assert call.json["input"] == PARTS
    assert answer.values == [result(category_applied_input_types=applied)]


@pytest.mark.parametrize(
    "results",
    [
        None,
        [],
        [result()],
        [result(), result(), result()],
        [result(), None],
        [result(), result(flagged=None)],
        [result(), result(flagged=1)],
        [result(), result(categories=["violence"])],
        [result(), result(categories={"violence": "yes"})],
        [result(), result(category_scores=None)],
        [result(), result(category_scores={"violence": "0.9"})],
        [result(), result(category_scores={"violence": True})],
    ],
)
def test_an_answer_that_leaves_something_unjudged_is_malformed(results: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(openai_moderations, ModerationRequest(["a", "b"]), as_json({"results": results}))


def test_an_error_in_a_200_is_told_as_one() -> None:
    with pytest.raises(AnswerRefused):
        drive(
            openai_moderations, ModerationRequest(["a"]), as_json({"error": {"code": 400, "message": "no"}})
        )


@pytest.mark.parametrize(
    "request_", [ModerationRequest(["a"] * 3), ModerationRequest(parts=PARTS + PARTS[:1])]
)
def test_a_route_may_take_fewer_at_a_time(request_: ModerationRequest) -> None:
    assert openai_moderations.ceiling(request_, Route()) == Units()
    with pytest.raises(InvalidRequest) as raised:
        openai_moderations.ceiling(request_, Route(options={"max_inputs": 2}))
    assert raised.value.param == "input"

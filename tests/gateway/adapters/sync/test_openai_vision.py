"""An image read by a chat model."""

import base64
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer
from gateway.adapters.shared.requests import VisionRequest
from gateway.adapters.sync import openai_vision
from tests.gateway.adapters.driving import MemoryUpload, Route, as_json, as_text, drive
from usage.ledger.units import Units

IMAGE = MemoryUpload(b"\x89PNG\r\n\x1a\n", "image/png")
ASKED = VisionRequest(IMAGE, "what is this?", 0.1)


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}], **more}


def test_the_image_goes_as_a_data_url_and_the_text_comes_back() -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 3}
    answer, (call,), _ = drive(openai_vision, ASKED, as_json(said("a cat", usage=usage)))
    assert answer.values == {"text": "a cat"}
    assert (answer.units, answer.estimated) == (Units(tokens_in=90, tokens_out=3), False)
    url = "data:image/png;base64," + base64.b64encode(IMAGE.content).decode()
    assert call.path == "/v1/chat/completions"
    assert call.json == {
        "model": "theirs",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": url}},
                ],
            }
        ],
        "temperature": 0.1,
        "stream": False,
        "max_tokens": 100,
    }


def test_without_usage_tokens_are_guessed() -> None:
    answer, _, _ = drive(openai_vision, ASKED, as_json(said("a cat")))
    assert (answer.units, answer.estimated) == (Units(tokens_in=4 + 85, tokens_out=2), True)


@pytest.mark.parametrize(
    "answer",
    [{}, {"choices": []}, said(""), said(None), said("  \n"), said(None, reasoning="x"), {"choices": [{}]}],
)
def test_an_answer_that_says_nothing_is_malformed(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(openai_vision, ASKED, as_json(answer))
    with pytest.raises(MalformedAnswer):
        drive(openai_vision, ASKED, as_text("<html>"))


def test_a_refusal_in_a_200_is_one() -> None:
    with pytest.raises(AnswerRefused):
        drive(openai_vision, ASKED, as_json({"error": {"code": 400}}))


def test_the_ceiling_counts_prompt_image_and_output_limit() -> None:
    units = openai_vision.ceiling(ASKED, Route())
    assert units.tokens_in >= len("what is this?") + 2000
    assert units.tokens_out == 100
    assert openai_vision.ceiling(ASKED, Route(max_output_tokens=None)).tokens_out == 4096


@pytest.mark.parametrize(
    "image",
    [
        MemoryUpload(b"%PDF", "application/pdf"),
        MemoryUpload(b"", "image/png"),
        MemoryUpload(b"12345", "image/png"),
    ],
)
def test_what_is_no_image_or_too_large_is_refused(image: MemoryUpload) -> None:
    with pytest.raises(InvalidRequest) as raised:
        openai_vision.ceiling(VisionRequest(image, "?"), Route(options={"max_image_bytes": 4}))
    assert raised.value.param == "image"

"""Edits of images, as OpenAI and vLLM-Omni take them: what the form holds, what it costs, and what is refused."""

import base64
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer
from gateway.adapters.shared.requests import ImageEditRequest, ImageRequest
from gateway.adapters.sync import openai_image_edits
from tests.gateway.adapters.driving import MemoryUpload, Route, as_json, drive
from usage.ledger.units import Units

PNG_BYTES = b"\x89PNG\r\n\x1a\n" + bytes(60)
PNG = base64.b64encode(PNG_BYTES).decode()
IMAGE = MemoryUpload(PNG_BYTES, "image/png", "a.png")
OTHER = MemoryUpload(PNG_BYTES + b"x", "image/webp", "b.webp")
MASK = MemoryUpload(PNG_BYTES, "image/png", "mask.png")


def editing(*images: MemoryUpload, mask: MemoryUpload | None = None, **made: Any) -> ImageEditRequest:
    asked = ImageRequest(**{"prompt": "in winter", "width": 512, "height": 256, **made})
    return ImageEditRequest(asked, list(images or (IMAGE,)), mask)


def answered(*encoded: Any) -> Any:
    return as_json({"created": 1, "data": [{"b64_json": image} for image in encoded]})


def test_one_image_goes_out_by_its_name_with_what_is_asked_as_texts() -> None:
    extra = {"background": "transparent", "output_compression": 50, "unknown": "x"}
    request = editing(count=2, steps=10, seed=7, negative_prompt="blurry", extra=extra)

    answer, (call,), _ = drive(openai_image_edits, request, answered(PNG, PNG))

    assert call.path == "/v1/images/edits"
    assert call.form is not None
    assert call.form.fields == {
        "model": "theirs",
        "prompt": "in winter",
        "n": "2",
        "size": "512x256",
        "response_format": "b64_json",
        "negative_prompt": "blurry",
        "num_inference_steps": "10",
        "seed": "7",
        "background": "transparent",
        "output_compression": "50",
    }
    assert list(call.form.files) == [("image", IMAGE)]
    assert answer.values == [{"b64_json": PNG, "content_type": "image/png"}] * 2
    assert (answer.units, answer.estimated) == (Units(images=2, pixel_steps=512 * 256 * 10 * 2), False)


def test_several_images_go_out_as_a_list_and_the_mask_beside_them() -> None:
    route = Route(options={"response_format": "", "default_steps": 4})
    request = editing(IMAGE, OTHER, mask=MASK)

    _, (call,), _ = drive(openai_image_edits, request, answered(PNG), route=route)

    assert call.form is not None
    assert list(call.form.files) == [("image[]", IMAGE), ("image[]", OTHER), ("mask", MASK)]
    assert "response_format" not in call.form.fields
    assert call.form.fields["num_inference_steps"] == "4"


PRICED = Route(
    options={
        "priced": {
            "tokens_out": {
                "by": ["quality", "input_fidelity"],
                "defaults": {"quality": "medium", "input_fidelity": "low"},
                "values": {"medium low": 100, "medium high": 150, "high low": 400},
            }
        }
    }
)


def test_quality_and_fidelity_are_priced_where_the_route_says_what_they_are_worth() -> None:
    request = editing(count=2, input_fidelity="high")

    answer, (call,), _ = drive(openai_image_edits, request, answered(PNG, PNG), route=PRICED)

    assert answer.units.tokens_out == openai_image_edits.ceiling(request, PRICED).tokens_out == 300
    assert call.form is not None
    assert (call.form.fields["quality"], call.form.fields["input_fidelity"]) == ("medium", "high")
    assert openai_image_edits.ceiling(editing(quality="high"), PRICED).tokens_out == 400


@pytest.mark.parametrize(
    ("request_", "route", "param"),
    [
        (editing(quality="high"), Route(), "quality"),
        (editing(input_fidelity="high"), Route(), "input_fidelity"),
        (editing(quality="high", input_fidelity="high"), PRICED, "quality"),
        (editing(count=11), Route(), "n"),
        (editing(count=3), Route(options={"max_images": 2}), "n"),
        (editing(width=4096, height=4096), Route(), "width"),
        (editing(steps=500), Route(), "num_inference_steps"),
        (editing(*[IMAGE] * 17), Route(), "image"),
        (editing(IMAGE, OTHER), Route(options={"max_input_images": 1}), "image"),
        (editing(IMAGE, OTHER), Route(options={"max_image_bytes": 68}), "image"),
        (editing(mask=OTHER), Route(options={"max_image_bytes": 68}), "mask"),
        (editing(mask=MASK), Route(options={"masks": False}), "mask"),
        (editing(MemoryUpload(b"%PDF-1.7", "application/pdf")), Route(), "image"),
        (editing(mask=MemoryUpload(b"%PDF-1.7", "application/pdf")), Route(), "mask"),
    ],
)
def test_what_has_no_price_or_is_too_much_is_refused_by_name(
    request_: ImageEditRequest, route: Route, param: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        openai_image_edits.ceiling(request_, route)
    assert raised.value.param == param


def test_low_fidelity_asks_for_nothing_special() -> None:
    request = editing(input_fidelity="low", quality="auto")
    _, (call,), _ = drive(openai_image_edits, request, answered(PNG))
    assert call.form is not None
    assert {"input_fidelity", "quality"}.isdisjoint(call.form.fields)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": [None]},
        {"data": [{}]},
        {"data": [{"b64_json": "bm8="}]},
        {"data": [{"b64_json": PNG}] * 2},
    ],
)
def test_an_answer_without_its_images_is_malformed(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(openai_image_edits, editing(), as_json(answer))


def test_an_error_in_a_200_is_told_as_one() -> None:
    with pytest.raises(AnswerRefused):
        drive(openai_image_edits, editing(), as_json({"error": {"code": 400, "message": "no"}}))

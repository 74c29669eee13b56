"""Images of OpenAI's surface and of AUTOMATIC1111's."""

import base64
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import MalformedAnswer, UpstreamFault
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.shared.requests import ImageRequest
from gateway.adapters.sync import a1111_txt2img, openai_images
from tests.gateway.adapters.driving import Route, as_json, drive
from usage.ledger.units import Units

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(60)).decode()
ADAPTERS = [openai_images, a1111_txt2img]


def answered(adapter: Any, *encoded: Any) -> Any:
    if adapter is a1111_txt2img:
        return as_json({"images": list(encoded), "parameters": {}, "info": "{}"})
    return as_json({"created": 1, "data": [{"b64_json": image} for image in encoded]})


def test_openai_images_are_asked_for_as_base64_with_what_vllm_omni_adds() -> None:
    request = ImageRequest(
        "a cat", 512, 256, "blurry", steps=10, seed=7, count=2, extra={"style": "vivid", "n": 9, "steps": 900}
    )
    body = {"data": [{"b64_json": PNG, "revised_prompt": "A cat."}, {"b64_json": JPEG}]}
    answer, (call,), _ = drive(openai_images, request, as_json(body))
    assert answer.values == [
        {"b64_json": PNG, "content_type": "image/png", "revised_prompt": "A cat."},
        {"b64_json": JPEG, "content_type": "image/jpeg"},
    ]
    assert answer.units == Units(images=2, pixel_steps=512 * 256 * 10 * 2)
    assert call.path == "/v1/images/generations"
    assert call.json == {
        "model": "theirs",
        "prompt": "a cat",
        "n": 2,
        "size": "512x256",
        "response_format": "b64_json",
        "negative_prompt": "blurry",
        "num_inference_steps": 10,
        "seed": 7,
        "style": "vivid",
    }


def test_steps_nobody_asked_for_are_priced_by_the_routes_default_and_sent_where_it_says_one() -> None:
    answer, (call,), _ = drive(openai_images, ImageRequest("x", 64, 64), answered(openai_images, PNG))
    assert answer.units == Units(images=1, pixel_steps=64 * 64 * 30)
    assert "num_inference_steps" not in call.json
    route = Route(options={"default_steps": 4, "response_format": ""})
    answer, (call,), _ = drive(
        openai_images, ImageRequest("x", 64, 64), answered(openai_images, PNG), route=route
    )
    assert answer.units == Units(images=1, pixel_steps=64 * 64 * 4)
    assert call.json["num_inference_steps"] == 4
    assert "response_format" not in call.json


def test_a1111_makes_as_many_as_asked_with_steps_always_said() -> None:
    request = ImageRequest("a cat", 512, 512, count=2, extra={"sampler_name": "Euler", "enable_hr": True})
    route = Route(options={"checkpoint": "sdxl"})
    answer, (call,), _ = drive(a1111_txt2img, request, answered(a1111_txt2img, PNG, PNG), route=route)
    assert [image["content_type"] for image in answer.values] == ["image/png", "image/png"]
    assert answer.units == Units(images=2, pixel_steps=512 * 512 * 30 * 2)
    assert call.path == "/sdapi/v1/txt2img"
    assert call.json == {
        "prompt": "a cat",
        "negative_prompt": "",
        "width": 512,
        "height": 512,
        "steps": 30,
        "seed": -1,
        "batch_size": 1,
        "n_iter": 2,
        "sampler_name": "Euler",
        "override_settings": {"sd_model_checkpoint": "sdxl"},
    }


def test_a_data_urls_head_is_taken_off() -> None:
    answer, _, _ = drive(
        a1111_txt2img, ImageRequest("x"), answered(a1111_txt2img, "data:image/png;base64," + PNG)
    )
    assert answer.values[0]["b64_json"] == PNG


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "encoded",
    [
        [],
        [PNG, PNG],
        [None],
        [""],
        ["not base64!"],
        ["bäse64"],
        [PNG[:-2]],
        [base64.b64encode(b"<html>nothing</html>").decode()],
        [base64.b64encode(b"RIFF\0\0\0\0WAVEfmt ").decode()],
    ],
)
def test_what_is_not_exactly_the_images_asked_for_is_malformed(adapter: Any, encoded: list[Any]) -> None:
    with pytest.raises(MalformedAnswer):
        drive(adapter, ImageRequest("x"), answered(adapter, *encoded))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_answer_of_another_form(adapter: Any) -> None:
    for body in ({}, [], {"data": "x", "images": "x"}, {"data": ["x"], "images": [1]}):
        with pytest.raises(MalformedAnswer):
            drive(adapter, ImageRequest("x"), as_json(body))
    with pytest.raises(UpstreamFault):
        drive(adapter, ImageRequest("x"), as_json({"error": {"code": 500}}))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_ceiling_is_exactly_what_is_charged(adapter: Any) -> None:
    request = ImageRequest("x", 100, 50, steps=3, count=2)
    answer, _, _ = drive(adapter, request, answered(adapter, PNG, PNG))
    assert adapter.ceiling(request, Route()) == answer.units == Units(images=2, pixel_steps=30_000)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (ImageRequest("x", 0, 64), "width"),
        (ImageRequest("x", 64, -1), "height"),
        (ImageRequest("x", 100_000, 64), "width"),
        (ImageRequest("x", 64, 100_000), "height"),
        (ImageRequest("x", steps=0), "num_inference_steps"),
        (ImageRequest("x", steps=51), "num_inference_steps"),
        (ImageRequest("x", count=0), "n"),
        (ImageRequest("x", count=3), "n"),
    ],
)
def test_what_a_route_cannot_make_is_refused_by_field(
    adapter: Any, request_: ImageRequest, param: str
) -> None:
    route = Route(options={"max_steps": 50, "max_images": 2, "max_pixels": 1024 * 1024})
    with pytest.raises(InvalidRequest) as raised:
        adapter.ceiling(request_, route)
    assert raised.value.param == param


TOKENS = {"low 64x64": 272, "medium 64x64": 1056, "high 64x64": 4160, "high 64x128": 6240}
BY_QUALITY = Route(
    options={
        "priced": {
            "tokens_out": {"by": ["quality", "size"], "defaults": {"quality": "medium"}, "values": TOKENS}
        }
    }
)


@pytest.mark.parametrize(
    ("quality", "sent", "tokens"), [("high", "high", 4160), ("auto", "medium", 1056), (None, "medium", 1056)]
)
def test_a_quality_is_priced_and_what_was_priced_is_sent(quality: str | None, sent: str, tokens: int) -> None:
    request = ImageRequest("x", 64, 64, count=2, quality=quality)
    answer, (call,), _ = drive(openai_images, request, answered(openai_images, PNG, PNG), route=BY_QUALITY)
    assert openai_images.ceiling(request, BY_QUALITY) == answer.units
    assert (answer.units.tokens_out, answer.units.images) == (2 * tokens, 2)
    assert (call.json["quality"], call.json["size"]) == (sent, "64x64")


def test_a_quality_or_size_without_a_price_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidRequest) as caught:
        openai_images.ceiling(ImageRequest("x", 64, 64, quality="ultra"), BY_QUALITY)
    assert caught.value.param == "quality"
    with pytest.raises(InvalidRequest) as caught:
        openai_images.ceiling(ImageRequest("x", 128, 128), BY_QUALITY)
    assert caught.value.param == "size"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_where_no_quality_is_priced_there_is_only_the_usual_one(adapter: Any) -> None:
    for usual in (None, "auto", "standard"):
        _, (call,), _ = drive(adapter, ImageRequest("x", 64, 64, quality=usual), answered(adapter, PNG))
        assert "quality" not in call.json
    for dearer in ("hd", "high", "low", ""):
        with pytest.raises(InvalidRequest) as caught:
            adapter.ceiling(ImageRequest("x", 64, 64, quality=dearer), Route())
        assert caught.value.param == "quality"


@pytest.mark.parametrize(
    "priced",
    [
        [],
        {"credits": {"by": ["quality"], "values": {"low": 1}}},
        {"calls": {"by": ["quality"], "values": {"low": 1}}},
        {"tokens_out": {"values": {"low": 1}}},
        {"tokens_out": {"by": ["quality"], "values": {"low": 1}}},
        {"tokens_out": {"by": ["quality"], "defaults": {"quality": "low"}, "values": {"low": -1}}},
        {"tokens_out": {"by": ["quality"], "defaults": {"quality": "low"}, "values": {"low": 1.5}}},
    ],
)
def test_a_table_that_leaves_a_price_open_fails_closed(priced: Any) -> None:
    with pytest.raises(BadOption):
        openai_images.ceiling(ImageRequest("x", 64, 64), Route(options={"priced": priced}))


@pytest.mark.parametrize("sampler", ["Heun", "DPM adaptive", "DPM++ SDE", "euler", 5, ["Euler"]])
def test_a_sampler_that_takes_more_than_it_costs_is_refused(sampler: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        a1111_txt2img.ceiling(ImageRequest("x", 64, 64, extra={"sampler_name": sampler}), Route())
    assert caught.value.param == "sampler_name"
    offered = Route(options={"samplers": [sampler]})
    assert a1111_txt2img.ceiling(ImageRequest("x", 64, 64, extra={"sampler_name": sampler}), offered)

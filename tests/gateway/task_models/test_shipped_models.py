"""The parameters of every shipped model: what is required, assumed and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.task_models import describe, read_task
from gateway.task_models.shipped import SHIPPED
from tests.gateway.task_models.bodies import ENDPOINT_OF, LEAST, URL, read, refusal


def test_every_model_and_endpoint_of_the_document_is_there() -> None:
    assert set(ENDPOINT_OF) == set(LEAST) == set(SHIPPED.slugs())
    assert all(SHIPPED.slugs(endpoint) for endpoint in TASK_ENDPOINT_NAMES)


@pytest.mark.parametrize(
    ("model", "defaults"),
    [
        ("flux-2", {"aspect_ratio": "1:1", "type": "pro", "resolution": "1K"}),
        ("seedream-4-5", {"aspect_ratio": "1:1", "type": "text-to-image", "quality": "basic"}),
        ("gpt-image-1-5", {"aspect_ratio": "1:1", "quality": "medium"}),
        ("qwen-image", {"aspect_ratio": "1:1"}),
        ("kling-3", {"mode": "std", "duration": 5, "aspect_ratio": "16:9", "sound": True}),
        (
            "seedance-1-5-pro",
            {
                "duration": 5,
                "aspect_ratio": "16:9",
                "resolution": "480p",
                "generateAudio": False,
                "fixedLens": False,
            },
        ),
        (
            "pixverse-5-6",
            {
                "duration": 5,
                "aspect_ratio": "16:9",
                "resolution": "720p",
                "generate_audio_switch": False,
                "thinking_type": "auto",
            },
        ),
        ("suno", {"mv": "chirp-v3-5", "make_instrumental": False}),
        ("minimax-music", {"lyrics": "[Instrumental]", "bitrate": 256000, "sample_rate": 44100}),
        ("elevenlabs-v3", {"stability": 0.5, "language_code": "auto"}),
        ("remove-bg", {}),
        ("face-swap", {"target_index": 0, "output_format": "jpeg"}),
        ("bg-remover", {}),
    ],
)
def test_the_least_a_model_takes_is_completed_with_its_defaults(model: str, defaults: dict[str, Any]) -> None:
    wanted = {**LEAST[model], **defaults}
    if model == "elevenlabs-v3":
        wanted["dialogue"] = [{"text": "Hello", "voice": "Rachel"}]
    task = read(model)
    assert (task.model, dict(task.parameters), task.warnings) == (model, wanted, [])


@pytest.mark.parametrize("model", LEAST)
def test_a_required_field_that_is_missing_or_null_is_named(model: str) -> None:
    for field in LEAST[model]:
        assert refusal(model, **{field: None}).param == field


PROMPTED = [
    "flux-2",
    "seedream-4-5",
    "gpt-image-1-5",
    "kling-3",
    "seedance-1-5-pro",
    "pixverse-5-6",
    "minimax-music",
]
LONGEST = {"kling-3": 2500, "seedance-1-5-pro": 2500, "pixverse-5-6": 2048, "minimax-music": 2000}


@pytest.mark.parametrize("model", PROMPTED)
def test_a_prompt_has_3_characters_and_no_more_than_the_models_most(model: str) -> None:
    most = LONGEST.get(model, 5000)
    for prompt in ("a" * 3, "안" * most):
        assert read(model, prompt=prompt).parameters["prompt"] == prompt
    for prompt in ("", "ab", "  a  ", "a" * (most + 1), 5, ["a fox"], {"text": "a fox"}, True, "a\0fox"):
        assert refusal(model, prompt=prompt).param == "prompt"


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (model, parameter["name"])
        for model in LEAST
        for parameter in describe(model)["parameters"]
        if parameter["type"] == "choice"
    ],
)
def test_a_choice_is_one_of_those_declared(model: str, field: str) -> None:
    declared = next(one for one in describe(model)["parameters"] if one["name"] == field)
    for choice in declared["choices"]:
        fields = {field: choice}
        if (model, choice) == ("seedream-4-5", "edit"):
            fields["input_urls"] = [URL]
        assert read(model, **fields).parameters[field] == choice
    for wrong in ("", "4K ", "nope", 1, True, ["1:1"], {}):
        assert refusal(model, **{field: wrong}).param == field


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("flux-2", "input_urls.1"),
        ("kling-3", "image"),
        ("remove-bg", "image"),
        ("face-swap", "face_image"),
        ("bg-remover", "video"),
        ("bg-remover", "background_image"),
    ],
)
@pytest.mark.parametrize(
    "wrong",
    ["ftp://example.com/a", "example.com/a.jpg", "http://", "https:///a", "file:///etc/passwd", "http://[::1",
     "https://example.com/a b", "https://example.com:0/", "https://example.com:x/", "javascript:alert(1)",
     "data:image/png;base64,AAAA", "http://a\\b", "https://e.com/" + "a" * 4096, 5, True, ["https://e.com"]],
)  # fmt: skip
def test_an_input_url_is_http_or_https(model: str, field: str, wrong: Any) -> None:
    name = field.split(".")[0]
    given = [URL, wrong] if field != name else wrong
    assert refusal(model, **{name: given}).param == field


def test_input_urls_are_a_list_no_longer_than_the_models_most() -> None:
    for model, most in (("flux-2", 8), ("seedream-4-5", 10), ("gpt-image-1-5", 16)):
        assert read(model, input_urls=[URL] * most).parameters["input_urls"] == [URL] * most
        for wrong in ([URL] * (most + 1), URL, {"0": URL}):
            assert refusal(model, input_urls=wrong).param == "input_urls"
        assert "input_urls" not in read(model, input_urls=[]).parameters


def test_the_callers_urls_are_given_with_their_fields() -> None:
    assert read("flux-2", input_urls=[URL, "http://b.test"]).urls == (
        ("input_urls.0", URL),
        ("input_urls.1", "http://b.test"),
    )
    assert read("bg-remover", background_image=URL).urls == (("video", URL), ("background_image", URL))
    assert read("kling-3").urls == ()


def test_seedream_edits_where_images_are_given() -> None:
    assert read("seedream-4-5", input_urls=[URL]).parameters["type"] == "edit"
    assert refusal("seedream-4-5", type="edit").param == "input_urls"
    assert refusal("seedream-4-5", type="text-to-image", input_urls=[URL]).param == "input_urls"
    assert refusal("seedream-4-5", model="seedream/4.5-edit").param == "input_urls"
    assert read("seedream-4-5", model="seedream/4.5-edit", input_urls=[URL]).parameters["type"] == "edit"
    assert refusal("seedream-4-5", image_urls=[URL]).param == "image_urls"


def test_a_target_index_is_a_whole_number_from_0_to_10() -> None:
    for index in (0, 10, 3.0):
        assert read("face-swap", target_index=index).parameters["target_index"] == int(index)
    for wrong in (-1, 11, 0.5, "1", True, [0]):
        assert refusal("face-swap", target_index=wrong).param == "target_index"


def test_seeds_are_whole_numbers() -> None:
    assert read("pixverse-5-6", seed=0).parameters["seed"] == 0
    for wrong in (-1, 2**31, 1.5, "1", True):
        assert refusal("pixverse-5-6", seed=wrong).param == "seed"


def test_only_a_tool_may_leave_out_its_model() -> None:
    for model in ("remove-bg", "face-swap", "bg-remover"):
        assert read_task(ENDPOINT_OF[model], None, LEAST[model]).model == model
    for model in ("flux-2", "kling-3", "suno"):
        with pytest.raises(InvalidRequest) as caught:
            read_task(ENDPOINT_OF[model], None, LEAST[model])
        assert caught.value.param == "model"
    for endpoint, model in (("video_task", "flux-2"), ("image_task", "nobody")):
        with pytest.raises(InvalidRequest) as caught:
            read_task(endpoint, model, {"prompt": "a fox"})
        assert caught.value.param == "model"


@pytest.mark.parametrize("model", LEAST)
def test_a_description_is_json_and_names_every_parameter(model: str) -> None:
    described = describe(model)
    assert json.loads(json.dumps(described)) == described
    assert (described["model"], described["endpoint"]) == (model, ENDPOINT_OF[model])
    for parameter in described["parameters"]:
        assert {"name", "type", "required", "default", "doc", "changes_price"} <= set(parameter)
        assert parameter["doc"].endswith(".")


def test_a_description_tells_limits_and_what_changes_the_price() -> None:
    shown = {one["name"]: one for one in describe("face-swap")["parameters"]}
    assert shown["target_index"] == {
        "name": "target_index",
        "type": "integer",
        "required": False,
        "default": 0,
        "changes_price": False,
        "minimum": 0,
        "maximum": 10,
        "doc": "Which of the image's faces to change, where there are several.",
    }
    kling = {one["name"] for one in describe("kling-3")["parameters"] if one["changes_price"]}
    assert kling == {"duration", "mode", "sound"}
    with pytest.raises(KeyError):
        describe("nobody")

"""A route's options turn canonical parameters into a provider's own."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.adapters.shared.limits import BadOption
from gateway.adapters.tasks.provider_input import provider_input, provider_model
from tests.gateway.adapters.driving import Route
from tests.gateway.adapters.tasks.task_driving import task


def sent(options: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return provider_input(task(**parameters), Route(options))


def test_without_options_the_parameters_go_as_they_are() -> None:
    assert sent({}, prompt="x", duration=5, sound=True) == {"prompt": "x", "duration": 5, "sound": True}


def test_fields_are_renamed_nested_and_left_out() -> None:
    options = {
        "fields": {"image": "image_url", "bitrate": "audio.bitrate", "rate": "audio.rate", "type": False}
    }
    assert sent(options, image="u", bitrate=1, rate=2, type="pro") == {
        "image_url": "u",
        "audio": {"bitrate": 1, "rate": 2},
    }


def test_values_are_translated_by_their_written_form() -> None:
    options = {
        "values": {"sound": {"true": "on", "false": "off"}, "ratio": {"1:1": "square"}, "n": {"5": "five"}}
    }
    assert sent(options, sound=True, ratio="1:1", n=5) == {"sound": "on", "ratio": "square", "n": "five"}
    assert sent(options, sound=False, ratio="2:3", n=6) == {"sound": "off", "ratio": "2:3", "n": 6}


def test_numbers_go_as_text_single_values_as_lists_and_fixed_ones_besides() -> None:
    options = {"texts": ["duration"], "lists": ["image"], "fixed": {"multi_shots": False}}
    assert sent(options, duration=5, image="u") == {"duration": "5", "image": ["u"], "multi_shots": False}


def test_the_first_variant_that_fits_names_the_model() -> None:
    variants = [
        {"when": {"type": "flex"}, "with": ["input_urls"], "model": "flex/edit"},
        {"when": {"type": "flex"}, "model": "flex"},
        {"with": ["input_urls"], "model": "edit"},
    ]
    route = Route({"variants": variants})
    assert provider_model(task(type="flex", input_urls=["u"]), route) == "flex/edit"
    assert provider_model(task(type="flex"), route) == "flex"
    assert provider_model(task(type="pro", input_urls=["u"]), route) == "edit"
    assert provider_model(task(type="pro"), route) == "theirs"


@pytest.mark.parametrize(
    "options",
    [
        {"fields": []},
        {"fields": {"prompt": 5}},
        {"fields": {"prompt": ""}},
        {"values": {"prompt": "x"}},
        {"texts": "duration"},
        {"lists": {}},
        {"fixed": "x"},
    ],
)
def test_an_option_of_another_form_is_the_catalogs_mistake(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        sent(options, prompt="x")


@pytest.mark.parametrize("variants", [{}, ["x"], [{"when": {}}]])
def test_a_variant_without_a_model_is_the_catalogs_mistake(variants: Any) -> None:
    with pytest.raises(BadOption):
        provider_model(task(), Route({"variants": variants}))

"""Every parameter that API in One's page lists is taken by a shipped model, with the default that the page gives."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.task_models.shipped import SHIPPED
from tests.gateway.task_models.bodies import LEAST, read, refusal

PAGE = (Path(__file__).resolve().parents[2] / "scenarios" / "seeds" / "apiinone-docs.txt").read_text()
ENDPOINTS = {
    "/images/generations": "image_task",
    "/videos/generations": "video_task",
    "/audio/music": "music_task",
    "/audio/speech": "speech_task",
    "/images/tools/face-swap": "face_swap",
}
NOT_PARAMETERS = {"model"}
VALUES: dict[str, Any] = {"true": True, "false": False, "5": 5, "0": 0, "0.5": 0.5}


def listed() -> list[tuple[str, str, Any]]:
    """Endpoint, parameter and documented default (None where there is none), as the page lists them."""
    found: list[tuple[str, str, Any]] = []
    for section in re.split(r"^(?=POST/api/v1)", PAGE, flags=re.M)[1:]:
        endpoint = next(
            (ENDPOINTS[path] for path in ENDPOINTS if section.startswith("POST/api/v1" + path)), None
        )
        if endpoint is None:
            continue
        parameters = section.partition("Body ParametersJSON")[2].partition("curl")[0]
        for name, said in re.findall(r"^([a-zA-Z_]+):(?:optional )?[a-z |]+\n(.*)$", parameters, re.M):
            default = re.search(r"Defaults to (\S+?)\.?$", said)
            value = default and VALUES.get(default[1], default[1])
            if name not in NOT_PARAMETERS:
                found.append((endpoint, name, value))
    return found


def test_the_page_is_read_whole() -> None:
    names = [name for _, name, _ in listed()]
    assert {"negative_prompt", "seed", "generate_audio_switch", "gpt_description_prompt", "dialogue"} <= set(
        names
    )
    assert len(names) == 29


@pytest.mark.parametrize(("endpoint", "name", "default"), listed())
def test_a_listed_parameter_is_taken_with_its_default(endpoint: str, name: str, default: Any) -> None:
    models = [slug for slug in SHIPPED.slugs(endpoint) if name in SHIPPED._models[slug].parameters]
    assert models, "no shipped model takes it"
    if default is not None:
        assert any(read(slug, **{name: default}).warnings == [] for slug in models)


def test_a_seed_and_what_to_avoid_are_sent_on() -> None:
    task = read("qwen-image", seed=7, negative_prompt="blurry")
    assert (task.parameters["seed"], task.parameters["negative_prompt"]) == (7, "blurry")
    assert task.warnings == []
    assert task.units == read("qwen-image").units


def test_an_instrumental_with_a_style_needs_no_lyrics() -> None:
    task = read("suno", prompt=None, style="pop", title="Summer", make_instrumental=True)
    assert "prompt" not in task.parameters
    assert task.units == read("suno").units
    assert refusal("suno", prompt=None, style="pop", title="Summer").param == "prompt"
    assert refusal("suno", prompt=None, make_instrumental=True).param == "prompt"


def test_minimaxs_style_may_be_left_out_where_lyrics_are_given() -> None:
    lyrics = "Walking down the street"
    assert read("minimax-music", prompt=None, lyrics=lyrics).parameters["prompt"]
    assert read("minimax-music", lyrics=lyrics).parameters["prompt"] == LEAST["minimax-music"]["prompt"]
    assert refusal("minimax-music", prompt=None).param == "prompt"

"""Suno's and ElevenLabs' own rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.task_models.bodies import LINE, read, refusal
from usage.ledger.units import Units


def test_suno_needs_lyrics_or_a_description_and_not_both() -> None:
    assert refusal("suno", prompt=None).param == "prompt"
    assert refusal("suno", prompt="").param == "prompt"
    assert refusal("suno", gpt_description_prompt="about rain").param == "gpt_description_prompt"
    task = read("suno", prompt="", gpt_description_prompt="about rain")
    assert "prompt" not in task.parameters
    assert read("suno", gpt_description_prompt="").parameters["prompt"] == "la la la"


def test_sunos_lyrics_may_be_as_long_as_the_version_allows() -> None:
    for version, most in (
        (None, 3000),
        ("chirp-v3-5", 3000),
        ("chirp-v4", 3000),
        ("chirp-v4-5", 5000),
        ("chirp-v4-5-plus", 5000),
        ("chirp-v5", 5000),
    ):
        assert read("suno", mv=version, prompt="a" * most).parameters["mv"] == (version or "chirp-v3-5")
        assert refusal("suno", mv=version, prompt="a" * (most + 1)).param == "prompt"
    assert refusal("suno", prompt="ab").param == "prompt"


def test_sunos_version_may_be_told_by_the_models_name() -> None:
    assert read("suno", model="chirp-v5", prompt="a" * 5000).parameters["mv"] == "chirp-v5"
    assert read("suno", model="chirp-v5", mv="chirp-v4").parameters["mv"] == "chirp-v4"
    assert read("suno", model="suno").parameters["mv"] == "chirp-v3-5"


def test_sunos_other_texts_have_their_limits() -> None:
    for field, most in (("style", 1000), ("title", 80)):
        assert read("suno", **{field: "a" * most}).parameters[field] == "a" * most
        assert refusal("suno", **{field: "a" * (most + 1)}).param == field
    assert read("suno", prompt=None, gpt_description_prompt="a" * 400)
    assert refusal("suno", prompt=None, gpt_description_prompt="a" * 401).param == "gpt_description_prompt"
    assert refusal("suno", make_instrumental="false").param == "make_instrumental"


@pytest.mark.parametrize(
    ("given", "step"),
    [(0, 0), (0.2, 0), (0.25, 0), (0.26, 0.5), (0.5, 0.5), (0.74, 0.5), (0.8, 1), (1, 1), (1.0, 1)],
)
def test_stability_is_moved_to_the_nearest_step(given: float, step: float) -> None:
    task = read("elevenlabs-v3", stability=given)
    assert task.parameters["stability"] == step
    assert len(task.warnings) == (given != step)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 50, "0.5", True, []])
def test_stability_outside_0_to_1_is_refused(wrong: Any) -> None:
    assert refusal("elevenlabs-v3", stability=wrong).param == "stability"


def test_voices_are_names_aliases_or_left_out() -> None:
    lines = [
        {"text": "a", "voice": voice}
        for voice in ("narrator", "USER", "Rachel", "rachel", None, "", " Bill ")
    ]
    spoken = read("elevenlabs-v3", dialogue=[*lines, {"text": "b"}]).parameters["dialogue"]
    assert [line["voice"] for line in spoken] == [
        "George",
        "Jessica",
        "Rachel",
        "Rachel",
        "Rachel",
        "Rachel",
        "Bill",
        "Rachel",
    ]
    for wrong in ("nobody", 5, ["Rachel"], True):
        error = refusal("elevenlabs-v3", dialogue=[LINE, {"text": "a", "voice": wrong}])
        assert error.param == "dialogue.1.voice"


@pytest.mark.parametrize(
    ("dialogue", "param"),
    [
        ([], "dialogue"),
        ("Hello", "dialogue"),
        ({"text": "Hello"}, "dialogue"),
        (["Hello"], "dialogue.0"),
        ([LINE, {}], "dialogue.1.text"),
        ([{"text": " "}], "dialogue.0.text"),
        ([{"text": 5}], "dialogue.0.text"),
        ([{"text": "a\0"}], "dialogue.0.text"),
        ([LINE] * 101, "dialogue"),
        ([{"text": "a" * 2501}, {"text": "a" * 2500}], "dialogue"),
    ],
)
def test_a_dialogue_is_lines_with_a_text(dialogue: Any, param: str) -> None:
    assert refusal("elevenlabs-v3", dialogue=dialogue).param == param


def test_a_dialogue_is_billed_by_the_characters_of_its_texts() -> None:
    task = read("elevenlabs-v3", dialogue=[{"text": "안녕하세요"}, {"text": "a" * 4995, "mood": "gay"}])
    assert task.units == Units(characters=5000)
    assert task.warnings == ["dialogue.1.mood: ignored."]


@pytest.mark.parametrize("code", ["auto", "en", "zh", "ja", "ko", "fil", "pt-BR"])
def test_language_codes_are_taken(code: str) -> None:
    assert read("elevenlabs-v3", language_code=code).parameters["language_code"] == code


@pytest.mark.parametrize("wrong", ["English", "e", "EN", "en_US", "en\n", 5])
def test_other_languages_are_refused(wrong: Any) -> None:
    assert refusal("elevenlabs-v3", language_code=wrong).param == "language_code"

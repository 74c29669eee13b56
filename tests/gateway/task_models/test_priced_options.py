"""What changes the price is billed as it was read, or refused by name; nothing of it is ever ignored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.task_models.bodies import LINE, read, refusal
from usage.ledger.units import Units

# A second of 720p, and what 1K is.
P720, K1 = 22_118_400, 1_048_576


@pytest.mark.parametrize("given", [3, 15, "3", "15", 5.0, "5.0", " 7 "])
def test_a_duration_is_a_number_or_text_and_billed_as_it_is_read(given: Any) -> None:
    task = read("kling-3", duration=given)
    seconds = int(float(given))
    assert task.parameters["duration"] == seconds
    assert type(task.parameters["duration"]) is int
    assert task.units == Units(video_ms=seconds * 1000, audio_ms=seconds * 1000, pixel_steps=seconds * P720)


@pytest.mark.parametrize(
    "wrong",
    ["abc", -5, 0, 2, 16, 5.5, "5.5", "5s", "", "1e1", "NaN", "inf", "٥", "0x5", "5,0", "--5", True, [5], {},
     10**30, "9" * 400, "5\n5"],
)  # fmt: skip
def test_any_other_duration_is_refused(wrong: Any) -> None:
    for model in ("kling-3", "seedance-1-5-pro", "pixverse-5-6"):
        assert refusal(model, duration=wrong).param == "duration"


def test_durations_have_each_models_range() -> None:
    for model, allowed in (("seedance-1-5-pro", range(4, 13)), ("pixverse-5-6", (5, 8, 10))):
        for seconds in range(1, 16):
            if seconds in allowed:
                assert read(model, duration=seconds).units.video_ms == seconds * 1000
            else:
                assert refusal(model, duration=seconds).param == "duration"
    assert refusal("pixverse-5-6", duration=10, resolution="1080p").param == "duration"
    assert read("pixverse-5-6", duration="8", resolution="1080p").parameters["duration"] == 8


SOUND = {"kling-3": "sound", "seedance-1-5-pro": "generateAudio", "pixverse-5-6": "generate_audio_switch"}


@pytest.mark.parametrize("model", SOUND)
@pytest.mark.parametrize("name", SOUND.values())
@pytest.mark.parametrize("value", [True, False])
def test_sound_under_another_models_name_is_ignored_only_where_it_changes_nothing(
    model: str, name: str, value: bool
) -> None:
    own = SOUND[model]
    if name == own:
        assert read(model, **{name: value}).units.audio_ms == (5000 if value else 0)
        return
    for effective in (True, False):
        fields = {own: effective, name: value}
        if value == effective:
            task = read(model, **fields)
            assert (task.parameters[own], name in task.parameters) == (effective, False)
            assert task.warnings[0].startswith(f"{name}: ignored")
        else:
            error = refusal(model, **fields)
            assert error.param == name
            assert own in error.message


@pytest.mark.parametrize("model", SOUND)
def test_sound_is_true_or_false(model: str) -> None:
    for wrong in ("true", 1, 0, "off", []):
        for name in SOUND.values():
            assert refusal(model, **{name: wrong}).param == name


def test_sound_of_a_model_without_any_is_refused_and_silence_is_not() -> None:
    assert refusal("flux-2", sound=True).param == "sound"
    assert read("flux-2", sound=False).warnings == ["sound: ignored, Flux 2 has no such parameter."]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("kling-3", {"resolution": "1080p"}),
        ("kling-3", {"quality": "high"}),
        ("kling-3", {"type": "pro"}),
        ("seedance-1-5-pro", {"mode": "pro"}),
        ("pixverse-5-6", {"mode": "std"}),
        ("flux-2", {"quality": "high"}),
        ("flux-2", {"duration": 5}),
        ("seedream-4-5", {"resolution": "2K"}),
        ("gpt-image-1-5", {"resolution": "2K"}),
        ("gpt-image-1-5", {"type": "pro"}),
        ("suno", {"duration": 60}),
        ("minimax-music", {"dialogue": [LINE]}),
        ("remove-bg", {"resolution": "2K"}),
        ("flux-2", {"n": 4}),
        ("flux-2", {"num_images": "2"}),
        ("kling-3", {"n": 0}),
        ("kling-3", {"multi_shots": True}),
        ("kling-3", {"multi_prompt": [{"prompt": "x", "duration": 3}]}),
    ],
)
def test_another_models_option_that_would_change_the_price_is_refused_by_name(
    model: str, fields: dict[str, Any]
) -> None:
    assert refusal(model, **fields).param == next(iter(fields))


def test_other_fields_are_ignored_and_said_so() -> None:
    task = read(
        "flux-2", seed=5, negative_prompt="rain", n=1, stability=0.2, callback_url="https://x.test", user=None
    )
    assert set(task.parameters) == {"prompt", "aspect_ratio", "type", "resolution"}
    assert [warning.split(":")[0] for warning in task.warnings] == [
        "seed",
        "negative_prompt",
        "n",
        "stability",
    ]
    assert read("kling-3", multi_shots=False, multi_prompt=[]).units == read("kling-3").units


def test_a_flood_of_unknown_fields_is_summed_up() -> None:
    task = read("flux-2", **{f"x{number}\n\0": number for number in range(1000)}, **{"y" * 5000: 1})
    assert len(task.warnings) == 21
    assert task.warnings[-1] == "981 more fields were ignored."
    assert all(warning.isprintable() and len(warning) < 200 for warning in task.warnings)


@pytest.mark.parametrize(
    ("model", "fields", "units"),
    [
        ("flux-2", {}, Units(images=1, pixel_steps=K1)),
        ("flux-2", {"resolution": "2K"}, Units(images=1, pixel_steps=4 * K1)),
        ("flux-2", {"type": "flex"}, Units(images=1, pixel_steps=5 * K1)),
        ("flux-2", {"type": "flex", "resolution": "2K"}, Units(images=1, pixel_steps=20 * K1)),
        ("seedream-4-5", {"quality": "high"}, Units(images=1)),
        ("gpt-image-1-5", {"quality": "high"}, Units(images=1, tokens_out=4160)),
        ("kling-3", {"sound": False}, Units(video_ms=5000, pixel_steps=5 * P720)),
        ("kling-3", {"mode": "pro"}, Units(video_ms=5000, audio_ms=5000, pixel_steps=5 * P720 * 9 // 4)),
        ("seedance-1-5-pro", {"resolution": "1080p"}, Units(video_ms=5000, pixel_steps=5 * P720 * 9 // 4)),
        ("pixverse-5-6", {"resolution": "360p"}, Units(video_ms=5000, pixel_steps=5 * P720 // 4)),
        ("suno", {"mv": "chirp-v5"}, Units()),
        ("minimax-music", {}, Units()),
        ("remove-bg", {}, Units(images=1)),
        ("face-swap", {}, Units(images=1)),
        ("bg-remover", {}, Units()),
    ],
)
def test_what_changes_the_price_changes_the_units(model: str, fields: dict[str, Any], units: Units) -> None:
    assert read(model, **fields).units == units

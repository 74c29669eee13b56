"""A model is added as data; a declaration that could leave a price open is refused when it is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from gateway.task_models.declarations import BadDeclaration, read_declarations
from gateway.task_models.reading import TaskModels
from gateway.task_models.shipped import FOLDER
from usage.ledger.units import Units

NEW = """
[new-model]
endpoint = "video_task"
name = "New model"
doc = "A model that no code knows."
refused = ["loop"]
[new-model.units]
video_ms = [1000, "seconds"]
characters = [{ characters = "prompt" }, { by = "hd", values = { true = 3, false = 1 } }]
[[new-model.rules]]
when = { style = "photo" }
given = ["image"]
only = { seconds = [2, 4] }
message = "photos of an image have 2 or 4 seconds"
[new-model.presets.new-model-hd]
style = "photo"
[new-model.parameters.prompt]
type = "text"
required = true
max_length = 10
doc = "Words."
[new-model.parameters.image]
type = "url"
doc = "An image."
[new-model.parameters.seconds]
type = "number"
minimum = 0.5
maximum = 4
default = 1
doc = "Length."
[new-model.parameters.style]
type = "choice"
choices = ["photo", "drawing"]
default = "drawing"
doc = "Style."
[new-model.parameters.hd]
type = "flag"
default = false
doc = "Whether it is sharp."
"""


def models(text: str = NEW) -> TaskModels:
    return TaskModels(read_declarations(text))


def test_a_model_that_no_code_knows_is_read_billed_and_described() -> None:
    body = {"prompt": "fox", "seconds": 1.5, "hd": True, "other": 1}
    task = models().read("video_task", "new-model", body)
    assert dict(task.parameters) == {"prompt": "fox", "seconds": 1.5, "style": "drawing", "hd": True}
    assert task.units == Units(video_ms=1500, characters=9)
    assert task.warnings == ["other: ignored, New model has no such parameter."]
    names = [one["name"] for one in models().describe("new-model")["parameters"]]
    assert names == ["prompt", "image", "seconds", "style", "hd"]


def test_its_rules_presets_and_refusals_hold() -> None:
    body = {"model": "new-model-hd", "prompt": "fox", "seconds": 3, "image": "https://a.test"}
    with pytest.raises(InvalidRequest, match="photos of an image") as caught:
        models().read("video_task", "new-model", body)
    assert caught.value.param == "seconds"
    assert models().read("video_task", "new-model", {**body, "seconds": 4})
    assert models().read("video_task", "new-model", {**body, "style": "drawing"})
    with pytest.raises(InvalidRequest):
        models().read("video_task", "new-model", {"prompt": "fox", "loop": True})


def test_a_new_models_priced_parameter_is_refused_by_all_others() -> None:
    shipped = (file.read_text() for file in sorted(FOLDER.glob("*.toml")))
    together = models(NEW + "\n".join(shipped))
    with pytest.raises(InvalidRequest) as caught:
        together.read("video_task", "kling-3", {"prompt": "a fox", "hd": True})
    assert caught.value.param == "hd"


@given(
    tenths=st.integers(5, 40),
    prompt=st.text(st.characters(exclude_characters="\0"), max_size=10),
    hd=st.booleans(),
)
def test_units_are_exact_and_the_same_for_equal_requests(tenths: int, prompt: str, hd: bool) -> None:
    body = {"prompt": prompt, "seconds": tenths / 10, "hd": hd}
    first = MODELS.read("video_task", "new-model", body)
    assert first == MODELS.read("video_task", "new-model", dict(reversed(body.items())))
    assert first.units == Units(video_ms=tenths * 100, characters=len(prompt) * (3 if hd else 1))


MODELS = models()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('endpoint = "video_task"', ""),
        ("video_ms = ", "video_hours = "),
        ('video_ms = [1000, "seconds"]', 'video_ms = ["style"]'),
        ('video_ms = [1000, "seconds"]', 'video_ms = ["nothing"]'),
        ('video_ms = [1000, "seconds"]', "video_ms = [-1]"),
        ('video_ms = [1000, "seconds"]', "video_ms = [1.5]"),
        ('video_ms = [1000, "seconds"]', "video_ms = [{ times = 2 }]"),
        ("minimum = 0.5", "minimum = -1"),
        ("minimum = 0.5", ""),
        ("default = 1\n", ""),
        ("{ true = 3, false = 1 }", "{ true = 3 }"),
        ("{ true = 3, false = 1 }", "{ true = 3, false = 1, maybe = 1 }"),
        ("{ true = 3, false = 1 }", "{ true = 3, false = -1 }"),
        ("default = false\n", ""),
        ("required = true", ""),
        ("max_length = 10", ""),
        ('choices = ["photo", "drawing"]', ""),
        ('default = "drawing"', 'default = "film"'),
        ('type = "flag"', 'type = "colour"'),
        ('doc = "Length."', ""),
        ('doc = "Length."', 'doc = "Length."\nsurprise = 1'),
        ('given = ["image"]', 'given = ["sound"]'),
        ("message = ", "massage = "),
        ('style = "photo"\n', 'style = "film"\n'),
        ("[new-model.units]", "[new-model.units"),
        ("[new-model]", "old = 5\n[new-model]"),
    ],
)
def test_a_declaration_that_leaves_something_open_is_refused(old: str, new: str) -> None:
    assert old in NEW
    with pytest.raises(BadDeclaration):
        models(NEW.replace(old, new))


def test_a_slug_is_declared_once() -> None:
    with pytest.raises(BadDeclaration):
        TaskModels(read_declarations(NEW) * 2)

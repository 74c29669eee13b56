"""Moderation by words: the same input gets the same verdict, and images are judged by what they show."""

import base64

import pytest

from gateway.sandbox.files import png


def judged(sandbox, given):
    response = sandbox.post("/v1/moderations", json={"model": "m", "input": given})
    assert response.status_code == 200, response.text
    return response.json()["results"]


def found(result):
    return [category for category, is_found in result["categories"].items() if is_found]


def test_each_text_has_a_verdict_of_its_own(sandbox):
    calm, rough = judged(sandbox, ["a fine day", "[[sbx:delay_ms=1]]You idiot, I will kill you"])
    assert (calm["flagged"], found(calm)) == (False, [])
    assert (rough["flagged"], found(rough)) == (True, ["harassment", "violence"])
    assert max(calm["category_scores"].values()) < 0.5 < rough["category_scores"]["violence"] <= 1
    assert len(rough["categories"]) == len(rough["category_scores"]) == 13


def test_the_same_input_has_the_same_answer(sandbox):
    body = {"model": "m", "input": "a fine day"}
    assert (
        sandbox.post("/v1/moderations", json=body).json() == sandbox.post("/v1/moderations", json=body).json()
    )


def test_parts_have_one_verdict_and_an_image_is_judged_by_what_it_shows(sandbox):
    drawn = base64.b64encode(png.draw(8, 8, "somebody wants to stab a dragon", 1)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{drawn}"}}
    (result,) = judged(sandbox, [{"type": "text", "text": "look"}, image])
    assert found(result) == ["violence"]
    assert result["category_applied_input_types"]["violence"] == ["text", "image"]
    assert result["category_applied_input_types"]["harassment"] == ["text"]


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        [],
        ["a", ""],
        ["a", 1],
        [{"type": "audio"}],
        [{"type": "image_url", "image_url": {"url": "https://e.x/a"}}] * 2,
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_refused(sandbox, given):
    response = sandbox.post("/v1/moderations", json={"model": "m", "input": given})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"

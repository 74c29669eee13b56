"""Replicate predictions."""

import time

import pytest


def create(sandbox, prompt="a fox", headers=None, **body):
    document = {"version": "abc", "input": {"prompt": prompt}, **body}
    response = sandbox.post("/v1/predictions", json=document, headers=headers or {})
    assert response.status_code == 201
    return response.json()


def test_prediction_walks_through_its_states(sandbox):
    sandbox.post("/__sandbox/clock", json={"mode": "virtual"})
    prediction = create(sandbox)
    seen = [prediction["status"]]
    for step in (3, 8):
        sandbox.post("/__sandbox/clock", json={"advance_s": step})
        prediction = sandbox.client.get(prediction["urls"]["get"]).json()
        seen.append(prediction["status"])
    assert seen == ["starting", "processing", "succeeded"]
    assert sandbox.client.get(prediction["output"][0]).headers["content-type"] == "image/png"
    assert prediction["completed_at"] > prediction["created_at"]


def test_official_models_have_a_path_of_their_own(sandbox):
    response = sandbox.post("/v1/models/kling/video-3/predictions", json={"input": {"prompt": "x"}})
    assert (response.status_code, response.json()["model"]) == (201, "kling/video-3")


def test_failed_prediction_has_an_error_and_no_output(sandbox):
    prediction = create(sandbox, "[[sbx:task=fail]]")
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    prediction = sandbox.client.get(prediction["urls"]["get"]).json()
    assert (prediction["status"], prediction["output"]) == ("failed", None)
    assert prediction["error"]


def test_cancel_ends_it(sandbox):
    prediction = create(sandbox)
    response = sandbox.client.post(prediction["urls"]["cancel"])
    assert (response.status_code, response.json()["status"]) == (200, "canceled")


def test_waiting_answers_at_the_end(sandbox):
    before = time.monotonic()
    prediction = create(sandbox, "[[sbx:task_s=0.1]]", {"prefer": "wait"})
    assert prediction["status"] == "succeeded"
    assert 0.1 <= time.monotonic() - before < 2


@pytest.mark.parametrize("body", [{}, {"version": "abc"}, {"input": {}}], ids=str)
def test_bad_prediction_is_refused_in_its_words(sandbox, body):
    response = sandbox.post("/v1/predictions", json=body)
    assert response.status_code == 422
    assert set(response.json()) == {"title", "detail", "status"}


def test_unknown_prediction_is_not_found(sandbox):
    assert sandbox.get("/v1/predictions/nobody").status_code == 404

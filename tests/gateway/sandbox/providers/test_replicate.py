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
    assert 0.1 <= time.monotonic() - before < 9  # a task that is told nothing takes ten seconds here


@pytest.mark.parametrize("body", [{}, {"version": "abc"}, {"input": {}}], ids=str)
def test_bad_prediction_is_refused_in_its_words(sandbox, body):
    response = sandbox.post("/v1/predictions", json=body)
    assert response.status_code == 422
    assert set(response.json()) == {"title", "detail", "status"}


def test_unknown_prediction_is_not_found(sandbox):
    assert sandbox.get("/v1/predictions/nobody").status_code == 404


def page(sandbox, **query):
    response = sandbox.client.get("/v1/predictions", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_list_is_newest_first_and_tells_the_webhook_again(sandbox):
    first = create(
        sandbox, "one", webhook="http://127.0.0.1:9/hook?marker=1", webhook_events_filter=["start"]
    )
    second = create(sandbox, "two")
    sandbox.post(
        "/api/v1/jobs/createTask", json={"model": "flux", "input": {"prompt": "of another provider"}}
    )

    listed = page(sandbox)

    assert [prediction["id"] for prediction in listed["results"]] == [second["id"], first["id"]]
    assert [prediction.get("webhook") for prediction in listed["results"]] == [None, first["webhook"]]
    assert (listed["next"], listed["previous"]) == (None, None)


def test_the_list_has_pages_of_a_hundred_that_new_predictions_do_not_move(sandbox):
    ids = [create(sandbox, str(number))["id"] for number in range(205)]
    newest = page(sandbox)
    create(sandbox, "meanwhile")
    pages = [newest]
    while pages[-1]["next"]:
        pages.append(sandbox.client.get(pages[-1]["next"]).json())

    assert [len(listed["results"]) for listed in pages] == [100, 100, 5]
    assert [prediction["id"] for listed in pages for prediction in listed["results"]] == ids[::-1]
    assert sandbox.client.get("/v1/predictions", params={"cursor": "cD1ub2JvZHk"}).status_code == 400

"""The fal queue."""

import pytest


def submit(sandbox, prompt="a fox", app="flux/dev", **body):
    response = sandbox.post(f"/fal-ai/{app}", json={"prompt": prompt, **body})
    assert response.status_code == 200
    return response.json()


def advance(sandbox, seconds):
    sandbox.post("/__sandbox/clock", json={"mode": "virtual", "advance_s": seconds})


def test_request_walks_through_the_queue(sandbox):
    advance(sandbox, 0)
    ticket = submit(sandbox)
    assert ticket["status"] == "IN_QUEUE"
    assert "/fal-ai/flux/requests/" in ticket["status_url"]
    seen = []
    for step in (0, 3, 8):
        advance(sandbox, step)
        response = sandbox.client.get(ticket["status_url"])
        seen.append((response.status_code, response.json()["status"]))
    assert seen == [(202, "IN_QUEUE"), (202, "IN_PROGRESS"), (200, "COMPLETED")]
    result = sandbox.client.get(ticket["response_url"]).json()
    assert sandbox.client.get(result["images"][0]["url"]).headers["content-type"] == "image/png"


def test_result_is_refused_while_it_runs(sandbox):
    assert sandbox.client.get(submit(sandbox)["response_url"]).status_code == 400


def test_failed_request_is_completed_with_an_error(sandbox):
    ticket = submit(sandbox, "[[sbx:task=fail]]")
    advance(sandbox, 11)
    status = sandbox.client.get(ticket["status_url"]).json()
    assert status["status"] == "COMPLETED"
    assert status["error"]
    response = sandbox.client.get(ticket["response_url"])
    assert response.status_code == 500
    assert response.json()["detail"]


def test_cancel_is_told_apart_by_when_it_comes(sandbox):
    ticket = submit(sandbox)
    response = sandbox.client.put(ticket["cancel_url"])
    assert (response.status_code, response.json()["status"]) == (202, "CANCELLATION_REQUESTED")
    response = sandbox.client.put(ticket["cancel_url"])
    assert (response.status_code, response.json()["status"]) == (400, "ALREADY_COMPLETED")
    assert sandbox.client.get(ticket["status_url"]).json()["error_type"] == "request_cancelled"
    assert sandbox.client.put(f"{sandbox.url}/fal-ai/flux/requests/nobody/cancel").status_code == 404


@pytest.mark.parametrize(
    ("app", "body", "key"),
    [
        ("kling-video/v3", {}, "video"),
        ("elevenlabs/tts", {}, "audio"),
        ("birefnet", {"prompt": None}, "image"),
    ],
)
def test_output_has_the_shape_of_its_kind(sandbox, app, body, key):
    document = {"prompt": "x", **body}
    document = {name: value for name, value in document.items() if value is not None}
    ticket = sandbox.post(f"/fal-ai/{app}", json=document).json()
    advance(sandbox, 11)
    assert sandbox.client.get(ticket["response_url"]).json()[key]["url"].startswith("http")


def test_failing_model_is_known_by_its_path(sandbox):
    assert sandbox.post("/fal-ai/sbx-fail", json={"prompt": "x"}).status_code == 500

"""WaveSpeed predictions."""

import pytest


def create(sandbox, model="wavespeed-ai/flux-dev", **body):
    return sandbox.post(f"/api/v3/{model}", json=body)


def test_prediction_walks_through_its_states(sandbox):
    sandbox.post("/__sandbox/clock", json={"mode": "virtual"})
    data = create(sandbox, prompt="a fox").json()["data"]
    seen = [data["status"]]
    for step in (3, 8):
        sandbox.post("/__sandbox/clock", json={"advance_s": step})
        data = sandbox.client.get(data["urls"]["get"]).json()["data"]
        seen.append(data["status"])
    assert seen == ["created", "processing", "completed"]
    assert sandbox.client.get(data["outputs"][0]).status_code == 200
    assert sandbox.get(f"/api/v3/predictions/{data['id']}").json()["data"] == data


def test_failed_prediction_is_an_http_200(sandbox):
    data = create(sandbox, prompt="[[sbx:task=fail]]").json()["data"]
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    data = sandbox.client.get(data["urls"]["get"]).json()["data"]
    assert (data["status"], data["outputs"]) == ("failed", [])
    assert data["error"]


def test_face_swap_needs_both_pictures_and_a_small_index(sandbox):
    model = "wavespeed-ai/image_face_swap"
    assert create(sandbox, model, image="http://a/b.png").status_code == 400
    pictures = {"image": "http://a/b.png", "face_image": "http://a/c.png"}
    assert create(sandbox, model, **pictures, target_index=11).status_code == 400
    assert create(sandbox, model, **pictures, target_index=10).status_code == 200


@pytest.mark.parametrize("path", ["/api/v3/predictions/nobody", "/api/v3/predictions/nobody/result"])
def test_unknown_prediction_is_not_found(sandbox, path):
    response = sandbox.get(path)
    assert (response.status_code, response.json()["code"]) == (404, 404)

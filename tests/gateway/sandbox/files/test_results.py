"""Result files: there once the task has succeeded, of the size asked for, carrying the prompt."""

import pytest

from gateway.sandbox.files import mp3, mp4, png


def result_of(sandbox, model, **given):
    """A kie task's result URL, its time already passed."""
    body = {"model": model, "input": given}
    task_id = sandbox.post("/api/v1/jobs/createTask", json=body).json()["data"]["taskId"]
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    record = sandbox.get("/api/v1/jobs/recordInfo", params={"taskId": task_id}).json()["data"]
    return sandbox.url + "/files/" + task_id + "/0." + record["resultJson"].split('"]')[0].rsplit(".", 1)[1]


@pytest.mark.parametrize(
    ("ratio", "shape"), [("1:1", (512, 512)), ("16:9", (680, 384)), ("9:16", (384, 680))]
)
def test_image_has_its_aspect_ratio_and_prompt(sandbox, ratio, shape):
    response = sandbox.get(result_of(sandbox, "flux-2", prompt="a fox", aspect_ratio=ratio))
    assert response.headers["content-type"] == "image/png"
    assert png.size_of(response.content) == shape
    assert png.text_of(response.content, "prompt") == "a fox"


def test_video_has_its_duration(sandbox):
    response = sandbox.get(result_of(sandbox, "kling-3", prompt="a fox", duration="7"))
    assert response.headers["content-type"] == "video/mp4"
    assert mp4.duration_of(response.content) == 7.0
    assert b"a fox" in response.content


def test_dialogue_is_spoken_in_one_file(sandbox):
    lines = [{"text": "Hello.", "voice": "a"}, {"text": "Hi!", "voice": "b"}]
    response = sandbox.get(result_of(sandbox, "elevenlabs/text-to-dialogue-v3", dialogue=lines))
    assert response.headers["content-type"] == "audio/mpeg"
    assert mp3.comment_of(response.content) == "Hello. Hi!"
    assert mp3.duration_of(response.content) == pytest.approx(10 / 16, abs=0.025)


def test_file_is_not_there_before_the_end_nor_for_nobody(sandbox):
    body = {"model": "flux-2", "input": {"prompt": "x"}}
    task_id = sandbox.post("/api/v1/jobs/createTask", json=body).json()["data"]["taskId"]
    assert sandbox.get(f"/files/{task_id}/0.png").status_code == 404
    assert sandbox.get("/files/nobody/0.png").status_code == 404


def test_lost_result_is_a_404(sandbox):
    assert sandbox.get(result_of(sandbox, "flux-2", prompt="[[sbx:result=404]]")).status_code == 404


def test_private_result_points_at_a_link_local_address(sandbox):
    body = {"model": "flux-2", "input": {"prompt": "[[sbx:result=private]]"}}
    task_id = sandbox.post("/api/v1/jobs/createTask", json=body).json()["data"]["taskId"]
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    record = sandbox.get("/api/v1/jobs/recordInfo", params={"taskId": task_id}).json()["data"]
    assert "http://169.254.169.254/" in record["resultJson"]

"""kie.ai's market and Suno."""

import json

import pytest


def create(sandbox, prompt="a fox", **body):
    document = {"model": "flux-2/pro-text-to-image", "input": {"prompt": prompt}, **body}
    return sandbox.post("/api/v1/jobs/createTask", json=document).json()["data"]["taskId"]


def record_of(sandbox, task_id, advance_s=0.0):
    sandbox.post("/__sandbox/clock", json={"advance_s": advance_s})
    return sandbox.get("/api/v1/jobs/recordInfo", params={"taskId": task_id}).json()["data"]


def test_task_walks_through_kies_states(sandbox):
    sandbox.post("/__sandbox/clock", json={"mode": "virtual"})
    task_id = create(sandbox)
    states = [record_of(sandbox, task_id, step)["state"] for step in (0, 1.5, 1, 8)]
    assert states == ["waiting", "queuing", "generating", "success"]
    record = record_of(sandbox, task_id)
    assert json.loads(record["resultJson"])["resultUrls"][0].endswith(".png")
    assert json.loads(record["param"])["input"] == {"prompt": "a fox"}
    assert record["completeTime"] - record["createTime"] == 10_000


def test_failed_task_says_why(sandbox):
    record = record_of(sandbox, create(sandbox, "[[sbx:task=fail]]"), 11)
    assert (record["state"], record["failCode"], record["resultJson"]) == ("fail", "501", "")
    assert record["failMsg"]


def test_errors_come_under_http_200(sandbox):
    for response in (
        sandbox.post("/api/v1/jobs/createTask", json={"input": {}}),
        sandbox.post("/api/v1/jobs/createTask", json={"model": "x"}),
        sandbox.get("/api/v1/jobs/recordInfo", params={"taskId": "nobody"}),
    ):
        assert response.status_code == 200
        assert response.json()["code"] in (404, 422)
        assert response.json()["data"] is None


def test_lack_of_credits_can_be_had_under_http_200(sandbox):
    body = {"model": "m", "input": {"prompt": "[[sbx:error_in_200=402]]"}}
    response = sandbox.post("/api/v1/jobs/createTask", json=body)
    assert (response.status_code, response.json()["code"]) == (200, 402)


def song(sandbox, prompt="a song", **body):
    document = {"prompt": prompt, "model": "V4_5", "customMode": False, "instrumental": False, **body}
    return sandbox.post("/api/v1/generate", json=document).json()


def song_record(sandbox, task_id, advance_s=0.0):
    sandbox.post("/__sandbox/clock", json={"advance_s": advance_s})
    return sandbox.get("/api/v1/generate/record-info", params={"taskId": task_id}).json()["data"]


def test_song_walks_through_sunos_states(sandbox):
    sandbox.post("/__sandbox/clock", json={"mode": "virtual"})
    task_id = song(sandbox)["data"]["taskId"]
    records = [song_record(sandbox, task_id, step) for step in (0, 5, 3, 2)]
    assert [record["status"] for record in records] == ["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"]
    assert [len(record["response"]["sunoData"]) for record in records] == [0, 0, 1, 2]
    url = records[-1]["response"]["sunoData"][1]["audioUrl"]
    assert sandbox.client.get(url).headers["content-type"] == "audio/mpeg"


def test_failed_song_has_its_own_word(sandbox):
    record = song_record(sandbox, song(sandbox, "[[sbx:task=fail]]")["data"]["taskId"], 11)
    assert record["status"] == "GENERATE_AUDIO_FAILED"
    assert record["errorMessage"]


def test_callback_exception_is_on_the_way_to_success(sandbox):
    task_id = song(sandbox, "[[sbx:task=callback_exception]]")["data"]["taskId"]
    statuses = [song_record(sandbox, task_id, step)["status"] for step in (0, 6, 5)]
    assert statuses == ["PENDING", "CALLBACK_EXCEPTION", "SUCCESS"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "chirp"},
        {"customMode": "yes"},
        {"customMode": True},
        {"customMode": True, "style": "pop", "title": "T", "prompt": ""},
        {"prompt": ""},
    ],
    ids=str,
)
def test_bad_song_is_refused_under_http_200(sandbox, body):
    assert song(sandbox, **body)["code"] == 422

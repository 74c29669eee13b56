"""ACE-Step's queue."""

import json

import pytest

from gateway.sandbox.files import mp3, wav


def release(sandbox, **body):
    return sandbox.post("/release_task", json={"prompt": "calm piano", **body})


def state_of(sandbox, task_id):
    answer = sandbox.post("/query_result", json={"task_id_list": [task_id]}).json()
    assert (answer["code"], answer["error"]) == (200, None)
    return answer["data"][0]


def test_song_is_queued_then_made_then_fetched(sandbox):
    answer = release(sandbox, audio_duration=12, audio_format="wav", batch_size=1, seed=3).json()
    assert answer["data"]["status"] == "queued"
    task_id = answer["data"]["task_id"]
    state = state_of(sandbox, task_id)
    assert state["status"] == 0
    assert isinstance(state["result"], str)
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    state = state_of(sandbox, task_id)
    results = json.loads(state["result"])
    assert (state["status"], len(results)) == (1, 1)
    assert results[0]["file"].startswith("/v1/audio?path=")
    sound = sandbox.get(results[0]["file"])
    assert sound.headers["content-type"] == "audio/wav"
    assert wav.duration_of(sound.content) == 12.0
    assert wav.transcript_of(sound.content) == "calm piano"


def test_default_is_two_songs_in_mp3(sandbox):
    task_id = release(sandbox).json()["data"]["task_id"]
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    results = json.loads(state_of(sandbox, task_id)["result"])
    assert len(results) == 2
    assert mp3.duration_of(sandbox.get(results[1]["file"]).content) == pytest.approx(30, abs=0.025)


def test_failed_song_has_status_2(sandbox):
    task_id = release(sandbox, lyrics="[[sbx:task=fail]]").json()["data"]["task_id"]
    sandbox.post("/__sandbox/clock", json={"advance_s": 11})
    assert state_of(sandbox, task_id)["status"] == 2


def test_list_of_ids_may_be_a_string(sandbox):
    task_id = release(sandbox).json()["data"]["task_id"]
    answer = sandbox.post("/query_result", json={"task_id_list": json.dumps([task_id, "unknown"])}).json()
    assert [state["status"] for state in answer["data"]] == [0, 0]


def test_song_may_be_described_in_a_form(sandbox):
    response = sandbox.post("/release_task", files={"prompt": (None, "calm"), "audio_duration": (None, "10")})
    assert response.status_code == 200


def test_full_queue_is_a_429_in_its_words(sandbox):
    response = release(sandbox, lyrics="[[sbx:status=429]]")
    assert response.status_code == 429
    assert response.json()["code"] == 429


@pytest.mark.parametrize(
    "body", [{"audio_duration": 9}, {"audio_duration": "long"}, {"audio_format": "midi"}], ids=str
)
def test_bad_song_is_refused(sandbox, body):
    assert release(sandbox, **body).status_code == 422


def test_unknown_sound_is_not_found(sandbox):
    assert sandbox.get("/v1/audio", params={"path": "/etc/passwd"}).status_code == 404

"""Hearing back what the speech files say, in three protocols."""

import json

import pytest

from gateway.sandbox.files import mp3, wav

SOUND = wav.speak("Hello there. How are you?")


def upload(sandbox, path, name="file", data=SOUND, **fields):
    return sandbox.post(path, files={name: ("a.wav", data, "audio/wav")}, data=fields)


def test_wrapper_gives_text_duration_and_segments(sandbox):
    answer = upload(sandbox, "/stt", language="ko", beam_size="5", vad_filter="true").json()
    assert answer["text"] == "Hello there. How are you?"
    assert answer["language"] == "ko"
    assert answer["duration"] == pytest.approx(25 / 16, abs=0.001)
    assert [segment["text"] for segment in answer["segments"]] == ["Hello there.", "How are you?"]
    assert answer["segments"][-1]["end"] == pytest.approx(answer["duration"], abs=0.001)


def test_fields_after_the_file_are_read_too(sandbox):
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + SOUND + b"\r\n"
        b'--B\r\nContent-Disposition: form-data; name="language"\r\n\r\nja\r\n--B--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=B"}
    assert sandbox.post("/stt", content=body, headers=headers).json()["language"] == "ja"


def test_whisper_asr_serves_json_as_plain_text(sandbox):
    response = upload(sandbox, "/asr?output=json&task=transcribe&language=en", name="audio_file")
    assert response.headers["content-type"].startswith("text/plain")
    assert json.loads(response.text)["text"] == "Hello there. How are you?"
    assert upload(sandbox, "/asr", name="audio_file").text == "Hello there. How are you?\n"


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations"])
def test_openai_gives_the_text(sandbox, path):
    assert upload(sandbox, path, model="m").json()["text"] == "Hello there. How are you?"
    assert upload(sandbox, path, response_format="text").text == "Hello there. How are you?\n"
    verbose = upload(sandbox, path, response_format="verbose_json").json()
    assert verbose["task"] == ("transcribe" if "transcriptions" in path else "translate")
    assert verbose["duration"] == pytest.approx(25 / 16, abs=0.001)


def test_openai_knows_no_beam_size(sandbox):
    assert upload(sandbox, "/v1/audio/transcriptions", beam_size="5").status_code == 400


def test_sound_without_a_transcript_always_says_the_same(sandbox):
    one = upload(sandbox, "/stt", data=b"\x01\x02" * 4000).json()
    assert one == upload(sandbox, "/stt", data=b"\x01\x02" * 4000).json()
    assert one["text"] != upload(sandbox, "/stt", data=b"\x01\x03" * 4000).json()["text"]
    assert one["duration"] == 2.0


def test_mp3_made_here_is_heard_too(sandbox):
    assert upload(sandbox, "/stt", data=mp3.silence(1.0, "quiet words")).json()["text"] == "quiet words"


def test_directive_inside_the_sound_works_and_is_not_heard(sandbox):
    response = upload(sandbox, "/stt", data=wav.file_of(b"\x00" * 480, "[[sbx:status=503]] hello"))
    assert response.status_code == 503
    response = upload(sandbox, "/stt", data=wav.file_of(b"\x00" * 480, "[[sbx:delay_ms=1]] hello"))
    assert response.json()["text"] == "hello"


def test_upload_is_journaled_by_its_digest(sandbox):
    upload(sandbox, "/stt")
    entry = sandbox.journal()[-1]
    assert (entry["body"], len(entry["body_sha256"])) == (None, 64)


def test_missing_file_and_missing_form_are_refused(sandbox):
    assert upload(sandbox, "/stt", name="wrong").status_code == 422
    assert upload(sandbox, "/stt", data=b"").status_code == 400
    assert sandbox.post("/stt", json={}).status_code == 422
    headers = {"content-type": "multipart/form-data; boundary=B"}
    assert sandbox.post("/stt", content=b"--B\r\ncut off", headers=headers).status_code == 400


def test_bad_option_is_refused(sandbox):
    assert upload(sandbox, "/stt", task="sing").status_code == 422
    assert upload(sandbox, "/stt", beam_size="many").status_code == 422

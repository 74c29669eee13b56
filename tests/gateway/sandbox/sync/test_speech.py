"""Speech: valid sound whose length follows the text and which carries it."""

import base64
import io
import wave

import pytest

from gateway.sandbox.files import mp3, wav


def samples_in(data):
    with wave.open(io.BytesIO(data)) as opened:
        assert (opened.getframerate(), opened.getsampwidth(), opened.getnchannels()) == (24_000, 2, 1)
        return opened.getnframes()


def test_speech_is_a_wav_of_a_sixteenth_second_a_character(sandbox):
    response = sandbox.post("/v1/audio/speech", json={"input": "sixteen letters!", "voice": "vivian"})
    assert response.headers["content-type"] == "audio/wav"
    assert samples_in(response.content) == 24_000
    assert wav.duration_of(response.content) == pytest.approx(1.0)
    assert response.headers["x-vllm-omni-input-text-tokens"] == "4"
    assert response.headers["x-vllm-omni-output-tokens"] == "12"


@pytest.mark.parametrize("text", ["hello", "안녕하세요 세계", "odd"])
def test_transcript_travels_in_the_file(sandbox, text):
    data = sandbox.post("/v1/audio/speech", json={"input": text + " [[sbx:delay_ms=1]]"}).content
    assert wav.transcript_of(data) == text
    assert samples_in(data) == len(text) * wav.SAMPLES_PER_CHARACTER


def test_same_text_gives_the_same_sound():
    assert wav.speak("hello") == wav.speak("hello") != wav.speak("hellp")


def test_pcm_is_the_samples_alone(sandbox):
    body = {"input": "hello", "response_format": "pcm"}
    assert sandbox.post("/v1/audio/speech", json=body).content == wav.samples_of("hello")


def test_mp3_is_silence_of_the_same_length(sandbox):
    response = sandbox.post("/v1/audio/speech", json={"input": "hello", "response_format": "mp3"})
    assert response.headers["content-type"] == "audio/mpeg"
    assert mp3.comment_of(response.content) == "hello"
    assert mp3.duration_of(response.content) == pytest.approx(5 / 16, abs=0.024)


def test_speed_shortens_the_sound(sandbox):
    data = sandbox.post("/v1/audio/speech", json={"input": "sixteen letters!", "speed": 2.0}).content
    assert samples_in(data) == 12_000


def clone(sandbox, **fields):
    reference = "data:audio/wav;base64," + base64.b64encode(wav.speak("x" * 32)).decode()
    body = {"input": "hello", "task_type": "Base", "ref_audio": reference, **fields}
    return sandbox.post("/v1/audio/speech", json=body)


def test_clone_with_its_transcript_counts_the_reference(sandbox):
    response = clone(sandbox, ref_text="what was said")
    assert samples_in(response.content)
    assert response.headers["x-vllm-omni-input-audio-tokens"] == "24"


def test_clone_of_the_timbre_needs_no_transcript(sandbox):
    response = clone(sandbox, x_vector_only_mode=True)
    assert response.status_code == 200
    assert response.headers["x-vllm-omni-input-audio-tokens"] == "0"


def test_clone_without_transcript_fails_as_the_model_does(sandbox):
    response = clone(sandbox)
    assert response.status_code == 400
    assert "ref_text" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": "  "},
        {"input": "x", "voice": "nobody"},
        {"input": "x", "language": "ko"},
        {"input": "x", "response_format": "midi"},
        {"input": "x", "speed": 9},
        {"input": "x", "task_type": "Base"},
        {
            "input": "x",
            "task_type": "Base",
            "ref_audio": "data:audio/wav;base64,%%",
            "x_vector_only_mode": True,
        },
    ],
    ids=str,
)
def test_bad_speech_request_is_refused(sandbox, body):
    assert sandbox.post("/v1/audio/speech", json=body).status_code == 400


def test_voices_and_speakers_are_the_models_nine(sandbox):
    voices = sandbox.get("/v1/audio/voices").json()
    assert len(voices["voices"]) == 9
    assert voices["uploaded_voices"] == []
    assert "Vivian" in sandbox.get("/tts/speakers").json()["speakers"]


def test_wrapper_speaks_too(sandbox):
    body = {"text": "hello", "speaker": "ryan", "language": "Korean", "instruct": "calm"}
    response = sandbox.post("/tts", json=body)
    assert wav.transcript_of(response.content) == "hello"
    assert sandbox.entry("hello")["delivered"]["content"] == "hello"


@pytest.mark.parametrize(
    "body", [{"text": ""}, {"text": "x", "speaker": "nobody"}, {"text": "x", "language": "ko"}]
)
def test_wrapper_refuses_with_a_detail(sandbox, body):
    response = sandbox.post("/tts", json=body)
    assert response.status_code in (400, 422)
    assert set(response.json()) == {"detail"}


def test_malformed_speech_is_no_sound(sandbox):
    response = sandbox.post("/tts", json={"text": "hello [[sbx:malformed]]"})
    assert response.headers["content-type"] == "audio/wav"
    assert wav.duration_of(response.content) is None


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"ID3\x04", b"\xff\xf3" * 9])
def test_other_bytes_are_no_sound(data):
    assert wav.duration_of(data) is None
    assert wav.transcript_of(data) is None
    assert mp3.duration_of(data) is None

"""Speech, voices and cloning of vLLM-Omni, and of a plain wrapper."""

import base64
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import MalformedAnswer, StreamedAnswer, UpstreamFault
from gateway.adapters.shared.requests import SpeechRequest, VoiceCloneRequest, VoicesRequest
from gateway.adapters.shared.voices import speaker_for
from gateway.adapters.sync import (
    tts_wrapper_speech,
    tts_wrapper_voices,
    vllm_omni_clone,
    vllm_omni_speech,
    vllm_omni_voices,
)
from tests.gateway.adapters.driving import MemoryUpload, Route, as_audio, as_json, drive
from usage.ledger.units import Units

SPEECH_ADAPTERS = [vllm_omni_speech, tts_wrapper_speech]
SAMPLE = MemoryUpload(b"RIFF\x00\x00\x00\x00WAVE")


def test_omni_speech_is_streamed_and_costs_its_characters() -> None:
    request = SpeechRequest("안녕하세요", "ryan", "ko", "softly", "mp3", 1.25)
    answer, (call,), _ = drive(vllm_omni_speech, request, as_audio("audio/mpeg"))
    assert answer == StreamedAnswer("audio/mpeg", Units(characters=5))
    assert (call.path, call.streamed) == ("/v1/audio/speech", True)
    assert call.json == {
        "model": "theirs",
        "input": "안녕하세요",
        "voice": "Ryan",
        "language": "Korean",
        "instructions": "softly",
        "response_format": "mp3",
        "speed": 1.25,
    }


def test_what_was_not_asked_for_is_left_to_the_upstream() -> None:
    _, (call,), _ = drive(vllm_omni_speech, SpeechRequest("hi"), as_audio())
    assert set(call.json) == {"model", "input", "response_format"}
    _, (call,), _ = drive(tts_wrapper_speech, SpeechRequest("hi"), as_audio())
    assert call.json == {"text": "hi"}


def test_the_wrapper_has_names_of_its_own() -> None:
    request = SpeechRequest("hi", "Uncle Fu", "en", "slowly")
    answer, (call,), _ = drive(tts_wrapper_speech, request, as_audio("audio/x-wav; rate=24000"))
    assert answer == StreamedAnswer("audio/x-wav", Units(characters=2))
    assert (call.path, call.streamed) == ("/tts", True)
    assert call.json == {"text": "hi", "language": "English", "speaker": "Uncle_Fu", "instruct": "slowly"}


@pytest.mark.parametrize("adapter", SPEECH_ADAPTERS)
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "", "video/mp4"])
def test_an_answer_that_is_not_sound_is_malformed(adapter: Any, content_type: str) -> None:
    with pytest.raises(MalformedAnswer):
        drive(adapter, SpeechRequest("hi"), as_audio(content_type))


@pytest.mark.parametrize("adapter", SPEECH_ADAPTERS)
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (SpeechRequest("hi", language="klingon"), "language"),
        (SpeechRequest("hi", voice="nobody"), "voice"),
        (SpeechRequest("hi", response_format="exe"), "response_format"),
        (SpeechRequest("123456"), "text"),
        (SpeechRequest(" "), "text"),
    ],
)
def test_what_a_route_cannot_speak_is_refused_by_field(
    adapter: Any, request_: SpeechRequest, param: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        adapter.ceiling(request_, Route(options={"max_characters": 5}))
    assert raised.value.param == param


def test_the_wrapper_speaks_at_one_speed() -> None:
    assert tts_wrapper_speech.ceiling(SpeechRequest("hi", speed=1.0), Route()) == Units(characters=2)
    with pytest.raises(InvalidRequest) as raised:
        tts_wrapper_speech.ceiling(SpeechRequest("hi", speed=2.0), Route())
    assert raised.value.param == "speed"


def test_voices_are_found_by_any_spelling_and_openais_by_alias() -> None:
    route = Route()
    assert speaker_for("RYAN", route) == speaker_for("ryan", route) == "Ryan"
    assert speaker_for("ono anna", route) == "Ono_Anna"
    for voice in (
        "alloy",
        "ash",
        "ballad",
        "coral",
        "echo",
        "fable",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    ):
        assert speaker_for(voice, route) is not None
    assert speaker_for(None, route) is None


def test_a_routes_own_speakers_aliases_and_default() -> None:
    route = Route(options={"speakers": ["Kim", "Lee"], "voices": {"Alloy": "kim"}, "default_voice": "lee"})
    assert speaker_for("alloy", route) == speaker_for("KIM", route) == "Kim"
    assert speaker_for(None, route) == "Lee"
    for unknown in ("Ryan", "echo"):
        with pytest.raises(InvalidRequest):
            speaker_for(unknown, route)


def test_voice_lists_in_one_form() -> None:
    omni = {"voices": ["ryan", "mine"], "uploaded_voices": [{"name": "mine"}, {"name": "yours"}]}
    answer, (call,), _ = drive(vllm_omni_voices, VoicesRequest(), as_json(omni))
    assert answer.values == ["ryan", "mine", "yours"]
    assert (call.method, call.path, answer.units) == ("GET", "/v1/audio/voices", Units())
    for listed in ({"speakers": ["Ryan"], "languages": []}, ["Ryan"], [{"name": "Ryan"}]):
        answer, (call,), _ = drive(tts_wrapper_voices, VoicesRequest(), as_json(listed))
        assert answer.values == ["Ryan"]
        assert (call.method, call.path) == ("GET", "/tts/speakers")


@pytest.mark.parametrize("adapter", [vllm_omni_voices, tts_wrapper_voices])
@pytest.mark.parametrize("listed", [{}, [], None, {"voices": []}, {"speakers": [1]}, {"voices": [{"id": 1}]}])
def test_a_list_without_voices_is_malformed(adapter: Any, listed: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(adapter, VoicesRequest(), as_json(listed))
    with pytest.raises(UpstreamFault):
        drive(adapter, VoicesRequest(), as_json({"error": {"code": 500}}))


def test_a_clone_carries_its_sample_as_a_data_url() -> None:
    request = VoiceCloneRequest("hello", SAMPLE, "en", x_vector_only=False, reference_text="as I said")
    answer, (call,), _ = drive(vllm_omni_clone, request, as_audio())
    assert answer == StreamedAnswer("audio/wav", Units(characters=5))
    assert call.path == "/v1/audio/speech"
    assert call.streamed
    assert call.json == {
        "model": "theirs",
        "input": "hello",
        "task_type": "Base",
        "ref_audio": "data:audio/wav;base64," + base64.b64encode(SAMPLE.content).decode(),
        "ref_text": "as I said",
        "x_vector_only_mode": False,
        "language": "English",
        "response_format": "wav",
    }


def test_a_clone_without_a_transcript_falls_back_to_timbre_only() -> None:
    request = VoiceCloneRequest("hello", SAMPLE, x_vector_only=False, reference_text=" ")
    assert vllm_omni_clone.clones_timbre_only(request)
    _, (call,), _ = drive(vllm_omni_clone, request, as_audio())
    assert call.json["x_vector_only_mode"] is True
    assert "ref_text" not in call.json


@pytest.mark.parametrize(
    ("sample", "text", "language", "param"),
    [
        (MemoryUpload(b"%PDF-1.7", "application/pdf"), "hi", "ko", "ref_audio"),
        (MemoryUpload(b"", "audio/wav"), "hi", "ko", "ref_audio"),
        (MemoryUpload(b"12345", "audio/wav"), "hi", "ko", "ref_audio"),
        (MemoryUpload(b"1", "audio/wav"), "", "ko", "text"),
        (MemoryUpload(b"1", "audio/wav"), "hi", "xx", "language"),
    ],
)
def test_what_cannot_be_cloned_is_refused_by_field(
    sample: MemoryUpload, text: str, language: str, param: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        vllm_omni_clone.ceiling(
            VoiceCloneRequest(text, sample, language), Route(options={"max_reference_bytes": 4})
        )
    assert raised.value.param == param


def test_a_samples_transcript_is_no_longer_than_a_text_may_be() -> None:
    request = VoiceCloneRequest("hi", SAMPLE, x_vector_only=False, reference_text="x" * 6)
    assert vllm_omni_clone.ceiling(request, Route()) == Units(characters=2)
    with pytest.raises(InvalidRequest) as caught:
        vllm_omni_clone.ceiling(request, Route(options={"max_characters": 5}))
    assert caught.value.param == "ref_text"

"""Three ways to ask for a transcription, one normal form, and the audio's length in each."""

from dataclasses import replace
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import MalformedAnswer, UpstreamFault
from gateway.adapters.shared.requests import TranscriptionRequest
from gateway.adapters.sync import faster_whisper, openai_transcription, whisper_asr
from gateway.media.sound_length import SoundLength
from tests.gateway.adapters.driving import MemoryUpload, Route, as_json, as_text, drive
from usage.ledger.units import Units

SOUND = MemoryUpload(b"x" * 1000)
ADAPTERS = [faster_whisper, openai_transcription, whisper_asr]


def request_for(audio_ms: int | None = 2500, **fields: Any) -> TranscriptionRequest:
    length = SoundLength(audio_ms, SOUND.size_bytes if audio_ms is None else audio_ms)
    return TranscriptionRequest(SOUND, length, **fields)


def test_faster_whisper_gets_every_option_as_a_form_field() -> None:
    request = request_for(language="Korean", task="translate", beam_size=3, vad_filter=False, prompt="names")
    heard = {"text": " hello ", "language": "ko", "duration": 1.5, "segments": [{"id": 0}]}
    answer, (call,), _ = drive(faster_whisper, request, as_json(heard))
    assert answer.values == {"text": "hello", "language": "ko", "duration": 1.5, "segments": [{"id": 0}]}
    assert (answer.units, answer.estimated) == (Units(audio_ms=1500), False)
    assert (call.path, call.form.file_field, call.form.file) == ("/stt", "file", SOUND)
    assert call.form.fields == {
        "language": "ko",
        "task": "translate",
        "beam_size": "3",
        "vad_filter": "false",
        "initial_prompt": "names",
    }


def test_openai_ignores_what_it_does_not_know() -> None:
    request = request_for(language="ko", beam_size=3, vad_filter=True, prompt="p", temperature=0.5)
    answer, (call,), _ = drive(openai_transcription, request, as_json({"text": "hi", "duration": "8.47"}))
    assert call.path == "/v1/audio/transcriptions"
    assert call.form.fields == {
        "model": "theirs",
        "response_format": "verbose_json",
        "language": "ko",
        "prompt": "p",
        "temperature": "0.5",
    }
    assert answer.units == Units(audio_ms=8470)


def test_openai_translates_at_another_path_without_a_language() -> None:
    request = request_for(language="ko", task="translate", timestamp_granularities=["word"])
    _, (call,), _ = drive(openai_transcription, request, as_json({"text": "hi"}))
    assert call.path == "/v1/audio/translations"
    assert set(call.form.fields) == {"model", "response_format"}


def test_openai_words_are_asked_for_and_kept() -> None:
    request = request_for(timestamp_granularities=["word", "segment"])
    words = [{"word": "hi", "start": 0, "end": 1}]
    answer, (call,), _ = drive(openai_transcription, request, as_json({"text": "hi", "words": words}))
    assert call.form.fields["timestamp_granularities[]"] == ("word", "segment")
    assert answer.values["words"] == words


def test_words_within_segments_are_words() -> None:
    words = [{"word": " hi", "start": 0, "end": 1}, {"word": " there", "start": 1, "end": 2}]
    segments = [{"start": 0, "end": 2, "text": "hi there", "words": words}, {"words": None}, 5]
    request = request_for(timestamp_granularities=["word"])
    answer, (call,), _ = drive(whisper_asr, request, as_json({"text": "hi there", "segments": segments}))
    assert call.query["word_timestamps"] == "true"
    assert answer.values["words"] == words
    answer, _, _ = drive(whisper_asr, request_for(), as_json({"text": "hi there", "segments": segments}))
    assert "words" not in answer.values


def test_whisper_asr_gets_its_options_in_the_query_and_answers_json_as_text() -> None:
    request = request_for(language="en", beam_size=3, vad_filter=True)
    body = '{"text":"hi","language":"en","segments":[{"end":2.0}]}'
    answer, (call,), _ = drive(whisper_asr, request, as_text(body, "text/plain"))
    assert answer.values == {"text": "hi", "language": "en", "duration": 2.5, "segments": [{"end": 2.0}]}
    assert (answer.units, answer.estimated) == (Units(audio_ms=2500), False)
    assert (call.path, call.form.file_field, call.form.fields) == ("/asr", "audio_file", {})
    assert call.query == {
        "output": "json",
        "encode": "true",
        "task": "transcribe",
        "language": "en",
        "vad_filter": "true",
    }


@pytest.mark.parametrize(
    ("heard", "audio_ms", "units", "estimated"),
    [
        ({"text": "a", "duration": 1.2345}, None, 1234, False),
        ({"text": "a", "duration": 0}, 2500, 2500, False),
        ({"text": "a", "duration": -1, "usage": {"seconds": 3}}, None, 3000, False),
        ({"text": "a", "usage": {"seconds": 3}}, 2500, 2500, False),
        ({"text": "a", "segments": [{"end": 0.5}, {"end": 0.25}, {}]}, None, 500, True),
        ({"text": "a", "segments": [None], "duration": 1e300}, None, 1000, True),
        ({"text": ""}, None, 1000, True),
    ],
)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_length_is_the_upstreams_else_ours_else_a_guess(
    adapter: Any, heard: Any, audio_ms: int | None, units: int, estimated: bool
) -> None:
    answer, _, _ = drive(adapter, request_for(audio_ms), as_json(heard))
    assert (answer.units, answer.estimated) == (Units(audio_ms=units), estimated)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("heard", "most_ms", "units", "estimated"),
    [
        ({"text": "a", "duration": 30.0}, 20_000, 30_000, False),
        ({"text": "a", "segments": [{"end": 12.5}]}, 20_000, 12_500, True),
        ({"text": "a", "usage": {"seconds": 13}}, 20_000, 13_000, True),
        ({"text": "a", "segments": [{"end": 30.0}]}, 20_000, 20_000, True),
        ({"text": "a", "segments": [{"end": 30.0}]}, 2_500, 2_500, False),
        ({"text": "a"}, 20_000, 2_500, False),
    ],
)
def test_a_file_that_may_be_longer_than_it_tells_is_charged_for_what_was_heard(
    adapter: Any, heard: Any, most_ms: int, units: int, estimated: bool
) -> None:
    request = replace(request_for(), length=SoundLength(2_500, most_ms))
    answer, _, _ = drive(adapter, request, as_json(heard))
    assert (answer.units, answer.estimated) == (Units(audio_ms=units), estimated)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("duration", "length", "size_bytes", "units", "estimated"),
    [
        (0.0004, SoundLength(300_000, 300_000), 9_600_000, 300_000, False),
        (1.0, SoundLength(300_000, 300_000), 9_600_000, 300_000, False),
        (150.0, SoundLength(300_000, 310_000), 9_600_000, 150_000, False),
        # A download that broke off: its header tells of all of it.
        (120.0, SoundLength(300_000, 300_000), 1_920_000, 120_000, False),
        (0.0004, SoundLength(None, 64_000), 64_000, 64_000, True),
        (1.0, SoundLength(None, 64_000), 64_000, 1_000, False),
    ],
)
def test_an_upstream_that_says_too_little_of_a_sound_makes_it_no_cheaper(
    adapter: Any, duration: float, length: SoundLength, size_bytes: int, units: int, estimated: bool
) -> None:
    request = replace(request_for(), file=MemoryUpload(b"x" * size_bytes), length=length)
    answer, _, _ = drive(adapter, request, as_json({"text": "a", "duration": duration}))
    assert (answer.units, answer.estimated) == (Units(audio_ms=units), estimated)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_ceiling_is_what_the_file_can_play_at_most(adapter: Any) -> None:
    request = replace(request_for(), length=SoundLength(10, 1_250_000))
    assert adapter.ceiling(request, Route()) == Units(audio_ms=1_250_000)
    assert adapter.ceiling(request, Route(options={"max_audio_s": 60})) == Units(audio_ms=60_000)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_silence_says_nothing_and_that_is_an_answer(adapter: Any) -> None:
    answer, _, _ = drive(adapter, request_for(), as_json({"text": "", "duration": 1.0}))
    assert answer.values == {"text": "", "duration": 1.0}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("heard", [{}, [], {"text": None}, {"text": 1}, "hello"])
def test_an_answer_without_a_text_is_malformed(adapter: Any, heard: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(adapter, request_for(), as_json(heard))
    with pytest.raises(UpstreamFault):
        drive(adapter, request_for(), as_json({"detail": "out of memory"}))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_ceiling_is_the_measured_length_else_the_size_at_8_kbits(adapter: Any) -> None:
    assert adapter.ceiling(request_for(2500), Route()) == Units(audio_ms=2500)
    assert adapter.ceiling(request_for(None), Route()) == Units(audio_ms=1000)
    large = TranscriptionRequest(MemoryUpload(b"x" * 5000), SoundLength(None, 5000))
    assert adapter.ceiling(large, Route(options={"max_audio_s": 3})) == Units(audio_ms=3000)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (request_for(3001), "file"),
        (request_for(language="xx"), "language"),
        (request_for(task="summarise"), "task"),
    ],
)
def test_what_a_route_cannot_hear_is_refused_by_field(
    adapter: Any, request_: TranscriptionRequest, param: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        adapter.ceiling(request_, Route(options={"max_audio_s": 3}))
    assert raised.value.param == param


@pytest.mark.parametrize("beam_size", [-1, 0, 21])
def test_a_beam_that_is_none_is_refused(beam_size: int) -> None:
    with pytest.raises(InvalidRequest) as raised:
        faster_whisper.ceiling(request_for(beam_size=beam_size), Route())
    assert raised.value.param == "beam_size"

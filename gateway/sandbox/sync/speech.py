"""Speech from text: vLLM-Omni's OpenAI-like surface and a plain Qwen3-TTS wrapper."""

from __future__ import annotations

import base64
import binascii

from gateway.sandbox import dialects
from gateway.sandbox.chat import tokens
from gateway.sandbox.files import mp3, wav
from gateway.sandbox.magic import without_magic
from gateway.sandbox.wire import Answer, Call, Headers, Json, Refusal, Reply, Route, Text, json_reply

SPEAKERS = ("Vivian", "Serena", "Uncle_Fu", "Dylan", "Eric", "Ryan", "Aiden", "Ono_Anna", "Sohee")
LANGUAGES = ("Auto", "Chinese", "English", "Japanese", "Korean", "German", "French", "Russian", "Portuguese",
             "Spanish", "Italian")  # fmt: skip
# OpenAI's voice names, which its clients send by default, are accepted beside the model's own.
OPENAI_VOICES = (
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
)
MAX_CHARACTERS = 4096


def routes() -> list[Route]:
    """The speech surface."""
    return [
        Route("POST", "/v1/audio/speech", speech, dialects.openai),
        Route("GET", "/v1/audio/voices", voices, dialects.openai),
        Route("POST", "/tts", wrapper_speech, dialects.fastapi),
        Route("GET", "/tts/speakers", speakers, dialects.fastapi),
    ]


def voices(call: Call) -> Answer:
    """vLLM-Omni: the names in lower case, and no uploaded ones."""
    return json_reply({"voices": sorted(name.lower() for name in SPEAKERS), "uploaded_voices": []})


def speakers(call: Call) -> Answer:
    """The wrapper: the names as the model has them."""
    return json_reply({"speakers": list(SPEAKERS), "languages": list(LANGUAGES)})


def speech(call: Call) -> Answer:
    """vLLM-Omni: speak `input` in a preset voice, or in the voice of `ref_audio` (task_type Base)."""
    body = call.json()
    text = _required_text(body, "input", 400)
    speed = body.get("speed", 1.0)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4.0:
        raise Refusal(400, "speed must be from 0.25 to 4.0")
    _check_language(body.get("language"), 400)
    clones = body.get("task_type") == "Base" or "ref_audio" in body
    reference_tokens = _check_reference(body) if clones else _check_voice(body)
    script = without_magic(text)
    sound_format = body.get("response_format") or "wav"
    # Twelve codec frames a second is what the 12 Hz models make.
    frames = max(round(len(script) / 16 * 12 / speed), 1)
    headers = _usage_headers(
        tokens.count([text, str(body.get("instructions") or "")]), reference_tokens, frames
    )
    if sound_format == "wav":
        return _sound(wav.speak(script, speed), b"audio/wav", script, headers)
    if sound_format == "pcm":
        return _sound(wav.samples_of(script, speed), b"audio/pcm", script, headers)
    if sound_format == "mp3":
        return _sound(mp3.silence(len(script) / 16 / speed, script), b"audio/mpeg", script, headers)
    raise Refusal(400, f"response_format {sound_format!r} is not supported here: wav, pcm or mp3")


def wrapper_speech(call: Call) -> Answer:
    """The wrapper: speak `text` as a WAV file."""
    body = call.json()
    text = _required_text(body, "text", 422)
    speaker = body.get("speaker")
    if speaker is not None and str(speaker).lower() not in {name.lower() for name in SPEAKERS}:
        raise Refusal(400, f"unknown speaker: {speaker}")
    _check_language(body.get("language"), 400)
    script = without_magic(text)
    return _sound(wav.speak(script), b"audio/wav", script, [])


def _sound(data: bytes, content_type: bytes, script: str, headers: Headers) -> Reply:
    return Reply(data, content_type=content_type, headers=headers, text=Text(content=script))


def _required_text(body: dict[str, Json], name: str, status: int) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise Refusal(status, f"{name} cannot be empty")
    if len(text) > MAX_CHARACTERS:
        raise Refusal(status, f"{name} is longer than {MAX_CHARACTERS} characters")
    return text


def _check_language(language: Json, status: int) -> None:
    """Full names only, in any case: the model knows no codes."""
    if language is not None and str(language).lower() not in {name.lower() for name in LANGUAGES}:
        raise Refusal(status, f"Invalid language '{language}'. Supported: {', '.join(LANGUAGES)}")


def _check_voice(body: dict[str, Json]) -> int:
    voice = str(body.get("voice") or "vivian").lower()
    if voice not in {name.lower() for name in SPEAKERS} and voice not in OPENAI_VOICES:
        raise Refusal(400, f"Invalid voice '{voice}'. Supported: {', '.join(sorted(SPEAKERS))}")
    return 0


def _check_reference(body: dict[str, Json]) -> int:
    """The reference's codec frames, as tokens; refused where the voice cannot be cloned from what came."""
    reference = body.get("ref_audio")
    if not isinstance(reference, str) or not reference:
        raise Refusal(400, "Base task requires 'ref_audio'")
    only_timbre = bool(body.get("x_vector_only_mode"))
    if not only_timbre and not body.get("ref_text"):
        raise Refusal(400, "Base task requires non-empty 'ref_text' unless 'x_vector_only_mode' is true")
    if reference.startswith(("http://", "https://")):
        return 0
    head, _, encoded = reference.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64"):
        raise Refusal(400, "ref_audio must be a URL or a base64 data URL")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise Refusal(400, "ref_audio is not valid base64") from None
    if not data:
        raise Refusal(400, "ref_audio is empty")
    return 0 if only_timbre else round((wav.duration_of(data) or 1.0) * 12)


def _usage_headers(text_tokens: int, audio_tokens: int, output_tokens: int) -> Headers:
    """A body of bytes has no room for usage, so vLLM-Omni reports it beside."""
    counts = {
        b"x-vllm-omni-input-tokens": text_tokens + audio_tokens,
        b"x-vllm-omni-output-tokens": output_tokens,
        b"x-vllm-omni-total-tokens": text_tokens + audio_tokens + output_tokens,
        b"x-vllm-omni-input-text-tokens": text_tokens,
        b"x-vllm-omni-input-audio-tokens": audio_tokens,
    }
    return [(name, b"%d" % count) for name, count in counts.items()]

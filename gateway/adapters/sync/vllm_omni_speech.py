"""Speech of vLLM-Omni (Qwen3-TTS and others) on its OpenAI-like surface: POST /v1/audio/speech.

Source: docs/serving/speech_api.md of vllm-project/vllm-omni.
"""

from typing import Any

from gateway.adapters.protocol import AdapterRoute, Steps, StreamedAnswer, UpstreamCall
from gateway.adapters.shared import speech
from gateway.adapters.shared.languages import full_name
from gateway.adapters.shared.requests import SpeechRequest
from gateway.adapters.shared.voices import speaker_for
from usage.ledger.units import Units

SERVES = frozenset({"speech"})
PATH = "/v1/audio/speech"
FORMATS = ("wav", "mp3", "flac", "pcm", "opus")


def ceiling(request: SpeechRequest, route: AdapterRoute) -> Units:
    """The text's characters. Raises InvalidRequest for a voice, language or format the route has not."""
    speaker_for(request.voice, route)
    full_name(request.language)
    speech.check_format(request.response_format, route, FORMATS)
    return speech.max_units(request.text, route)


def steps(request: SpeechRequest, route: AdapterRoute) -> Steps:
    """One call, its sound streamed."""
    body: dict[str, Any] = {
        "model": route.upstream_model,
        "input": request.text,
        "response_format": request.response_format,
        "voice": speaker_for(request.voice, route),
        "language": full_name(request.language),
        "instructions": request.instructions,
        "speed": request.speed,
    }
    body = {name: value for name, value in body.items() if value is not None}
    received = yield UpstreamCall(PATH, json=body, accept="audio/*", streamed=True)
    return StreamedAnswer(speech.audio_type(received), speech.max_units(request.text, route))

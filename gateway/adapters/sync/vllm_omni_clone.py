"""Voice cloning of vLLM-Omni: its speech endpoint with `task_type: "Base"` and a sample of the voice.

Source: docs/serving/speech_api.md of vllm-project/vllm-omni, "Voice Clone Parameters".
"""

from typing import Any

from gateway.adapters.protocol import AdapterRoute, Steps, StreamedAnswer, UpstreamCall
from gateway.adapters.shared import speech
from gateway.adapters.shared.languages import full_name
from gateway.adapters.shared.limits import check_count
from gateway.adapters.shared.requests import VoiceCloneRequest
from gateway.adapters.sync.vllm_omni_speech import PATH
from usage.ledger.units import Units

SERVES = frozenset({"voice_clone"})


def ceiling(request: VoiceCloneRequest, route: AdapterRoute) -> Units:
    """The text's characters.

    Raises InvalidRequest for an unknown language, a sample that is no sound, or a transcript of it that is longer than
    a text may be: the model reads that too, and nobody pays for it.
    """
    full_name(request.language)
    speech.check_reference(request.reference, route)
    if request.reference_text:
        most = speech.MAX_CHARACTERS
        check_count(len(request.reference_text), route, "max_characters", most, "ref_text", "characters")
    return speech.max_units(request.text, route)


def clones_timbre_only(request: VoiceCloneRequest) -> bool:
    """Whether only the voice's timbre is taken: asked for, or all that can be done without a transcript.

    The model fails without `ref_text` in the other mode, and the documents call it only "recommended".
    """
    return request.x_vector_only or not (request.reference_text or "").strip()


def steps(request: VoiceCloneRequest, route: AdapterRoute) -> Steps:
    """One call, with the sample in it as a data URL; its audio is streamed."""
    timbre_only = clones_timbre_only(request)
    body: dict[str, Any] = {
        "model": route.upstream_model,
        "input": request.text,
        "task_type": "Base",
        "ref_audio": speech.reference_url(request.reference),
        "x_vector_only_mode": timbre_only,
        "language": full_name(request.language),
        "response_format": "wav",
    }
    if not timbre_only:
        body["ref_text"] = request.reference_text
    received = yield UpstreamCall(PATH, json=body, accept="audio/*", streamed=True)
    return StreamedAnswer(speech.audio_type(received), speech.max_units(request.text, route))

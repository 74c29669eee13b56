"""Transcription of whisper-asr-webservice: POST /asr, options in the query, JSON served as text/plain.

Source: app/webservice.py of ahmetoner/whisper-asr-webservice. It does not tell the audio's length.
"""

from gateway.adapters.protocol import AdapterRoute, Form, Steps, UpstreamCall
from gateway.adapters.shared import transcription
from gateway.adapters.shared.languages import iso_code
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import TranscriptionRequest
from usage.ledger.units import Units

SERVES = frozenset({"transcription"})
PATH = "/asr"


def ceiling(request: TranscriptionRequest, route: AdapterRoute) -> Units:
    """The most audio the file can hold; see `transcription.max_units`."""
    return transcription.max_units(request, route)


def steps(request: TranscriptionRequest, route: AdapterRoute) -> Steps:
    """One call."""
    query = {"output": "json", "encode": "true", "task": request.task}
    language = iso_code(request.language)
    if language is not None:
        query["language"] = language
    if request.vad_filter is not None:
        query["vad_filter"] = "true" if request.vad_filter else "false"
    if request.prompt:
        query["initial_prompt"] = request.prompt
    if "word" in request.timestamp_granularities:
        query["word_timestamps"] = "true"
    received = yield UpstreamCall(PATH, query=query, form=Form({}, "audio_file", request.file), accept="*/*")
    values = received.json()
    raise_for_error_body(values)
    return transcription.answer(values, request, route, received)

"""Transcription as OpenAI and speaches speak it: a form to /v1/audio/transcriptions, or /translations.

Sources: OpenAI's API reference; speaches' docs. Neither knows `beam_size` or `vad_filter`, so those stay here.
`verbose_json` is asked for because only it tells the audio's length; a model that has it not (gpt-4o-transcribe)
needs the route's option `response_format = "json"`.
"""

from collections.abc import Sequence

from gateway.adapters.protocol import AdapterRoute, Form, Steps, UpstreamCall
from gateway.adapters.shared import transcription
from gateway.adapters.shared.languages import iso_code
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import TranscriptionRequest
from usage.ledger.units import Units

SERVES = frozenset({"transcription"})
TRANSCRIPTIONS_PATH = "/v1/audio/transcriptions"
TRANSLATIONS_PATH = "/v1/audio/translations"


def ceiling(request: TranscriptionRequest, route: AdapterRoute) -> Units:
    """The most audio the file can hold; see `transcription.max_units`."""
    return transcription.max_units(request, route)


def steps(request: TranscriptionRequest, route: AdapterRoute) -> Steps:
    """One call. A translation is always into English, and its endpoint takes no language."""
    translates = request.task == "translate"
    response_format = route.options.get("response_format", "verbose_json")
    fields: dict[str, str | Sequence[str]] = {
        "model": route.upstream_model,
        "response_format": response_format,
    }
    language = iso_code(request.language)
    if language is not None and not translates:
        fields["language"] = language
    if request.prompt:
        fields["prompt"] = request.prompt
    if request.temperature is not None:
        fields["temperature"] = str(request.temperature)
    # Segments come unasked unless words are asked for; they cost nothing more, and subtitles are made of them.
    if "word" in request.timestamp_granularities and response_format == "verbose_json" and not translates:
        fields["timestamp_granularities[]"] = ("word", "segment")
    path = TRANSLATIONS_PATH if translates else TRANSCRIPTIONS_PATH
    received = yield UpstreamCall(path, form=Form(fields, "file", request.file))
    values = received.json()
    raise_for_error_body(values)
    return transcription.answer(values, request, route, received)

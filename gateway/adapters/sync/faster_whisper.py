"""Transcription of a faster-whisper wrapper: a form to POST /stt → `{text, language, duration, segments}`.

Source: the Omakase document, whose own upstream it is; field names are faster-whisper's.
"""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, Form, Steps, UpstreamCall
from gateway.adapters.shared import transcription
from gateway.adapters.shared.languages import iso_code
from gateway.adapters.shared.limits import limit
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import TranscriptionRequest
from usage.ledger.units import Units

SERVES = frozenset({"transcription"})
PATH = "/stt"
MAX_BEAM_SIZE = 20


def ceiling(request: TranscriptionRequest, route: AdapterRoute) -> Units:
    """The most audio the file can hold; see `transcription.max_units`.

    Raises InvalidRequest for a `beam_size` below 1 or above the route's `max_beam_size`.
    """
    most = limit(route, "max_beam_size", MAX_BEAM_SIZE)
    if request.beam_size is not None and not 1 <= request.beam_size <= most:
        raise InvalidRequest(_("%(param)s: must be from 1 to %(most)s."), param="beam_size", most=most)
    return transcription.max_units(request, route)


def steps(request: TranscriptionRequest, route: AdapterRoute) -> Steps:
    """One call."""
    fields = {"task": request.task}
    language = iso_code(request.language)
    if language is not None:
        fields["language"] = language
    if request.beam_size is not None:
        fields["beam_size"] = str(request.beam_size)
    if request.vad_filter is not None:
        fields["vad_filter"] = "true" if request.vad_filter else "false"
    if request.prompt:
        fields["initial_prompt"] = request.prompt
    received = yield UpstreamCall(PATH, form=Form(fields, "file", request.file))
    values = received.json()
    raise_for_error_body(values)
    return transcription.answer(values, request, route, received)

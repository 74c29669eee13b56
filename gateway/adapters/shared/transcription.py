"""Transcriptions: what a recording costs, and the normal form of what was heard in it.

`{"text", "language"?, "duration"?, "segments"?, "words"?}`; `duration` is in seconds, and an empty text is what
silence says.
"""

from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Received
from gateway.adapters.shared.languages import iso_code
from gateway.adapters.shared.limits import limit
from gateway.adapters.shared.requests import TranscriptionRequest
from gateway.media.sound_length import MOST_BYTES_A_MS
from usage.ledger.units import Units

MAX_AUDIO_S = 7200
# A length beyond this is a broken clock, and would not fit the books.
LONGEST_BELIEVABLE_S = 10_000_000
TASKS = ("transcribe", "translate")


def max_units(request: TranscriptionRequest, route: AdapterRoute) -> Units:
    """The most audio that a decoder can find in this file, whatever its header states, up to the route's `max_audio_s`.

    Raises InvalidRequest for a file that is longer than that, for a task that does not exist, or for an unknown
    language.
    """
    if request.task not in TASKS:
        raise InvalidRequest(
            _("%(param)s: must be one of %(choices)s."), param="task", choices=", ".join(TASKS)
        )
    iso_code(request.language)
    most_ms = limit(route, "max_audio_s", MAX_AUDIO_S) * 1000
    if request.length.ms is not None and request.length.ms > most_ms:
        raise InvalidRequest(
            _("%(param)s: this model takes at most %(seconds)s seconds of audio."),
            param="file",
            seconds=f"{most_ms // 1000:,}",
        )
    return Units(audio_ms=min(request.length.most_ms, most_ms))


def answer(
    values: object, request: TranscriptionRequest, route: AdapterRoute, received: Received
) -> JsonAnswer:
    """The transcript. Its audio's length is the upstream's if that is possible, else as measured, else estimated.

    Raises MalformedAnswer for anything without a text.
    """
    if not isinstance(values, dict) or not isinstance(values.get("text"), str):
        raise MalformedAnswer("no text")
    heard: dict[str, Any] = {"text": values["text"].strip()}
    language = values.get("language")
    if isinstance(language, str) and language:
        heard["language"] = language
    duration = _seconds(values.get("duration"))
    for name in ("segments", "words"):
        if isinstance(values.get(name), list):
            heard[name] = values[name]
    if "word" in request.timestamp_granularities and "words" not in heard:
        # Servers that are faster-whisper inside have the words of each segment within it.
        segments = _objects(values.get("segments"))
        heard["words"] = [word for segment in segments for word in _objects(segment.get("words"))]
    units, estimated = _units(duration, values, request, route)
    if duration is not None or not estimated:
        heard["duration"] = duration if duration is not None else units.audio_ms / 1000
    return JsonAnswer(heard, units, estimated, received.body, received.content_type)


def _units(
    duration: float | None, values: dict[str, Any], request: TranscriptionRequest, route: AdapterRoute
) -> tuple[Units, bool]:
    """The audio's length, and whether that is an estimate."""
    told_ms = None if duration is None else round(duration * 1000)
    if told_ms is not None and _is_possible(told_ms, request):
        return Units(audio_ms=told_ms), False
    # OpenAI's newer models bill by whole seconds and say how many.
    usage = values.get("usage")
    billed = _seconds(usage.get("seconds")) if isinstance(usage, dict) else None
    billed_ms = None if billed is None else round(billed * 1000)
    known_ms, heard_ms = request.length.ms, _last_end_ms(values)
    if known_ms is not None:
        # Seconds are rounded up, and models place ends behind a sound's end: both are believed only where the file may
        # be longer than it tells.
        longer_ms = min(max(billed_ms or 0, heard_ms or 0), request.length.most_ms)
        return Units(audio_ms=max(known_ms, longer_ms)), longer_ms > known_ms
    if billed_ms is not None:
        return Units(audio_ms=billed_ms), False
    if heard_ms is not None:
        return Units(audio_ms=heard_ms), True
    return max_units(request, route), True


def _is_possible(told_ms: int, request: TranscriptionRequest) -> bool:
    """Whether a sound can be as short as its upstream says.

    A file's header states at most twice the length that it plays, unless the file was cut short; then its size says how
    long it must be.
    """
    length = request.length
    if length.ms is not None and told_ms * 2 >= length.ms:
        return True
    bytes_of_sound = length.most_ms if length.ms is None else request.file.size_bytes
    return told_ms * MOST_BYTES_A_MS >= bytes_of_sound


def _last_end_ms(values: dict[str, Any]) -> int | None:
    """When the last thing heard ended; None where no segment tells."""
    ends = [_seconds(segment.get("end")) for segment in _objects(values.get("segments"))]
    last_end = max((end for end in ends if end is not None), default=None)
    return None if last_end is None else round(last_end * 1000)


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _seconds(value: object) -> float | None:
    """A length above zero and within reason; OpenAI has sent it as a string too."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= LONGEST_BELIEVABLE_S else None

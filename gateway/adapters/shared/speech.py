"""Spoken and played sound: what a text to speak costs, and what counts as an audio answer or a voice sample."""

import base64

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Received, Upload
from gateway.adapters.shared.limits import check_count
from gateway.media.kinds import AUDIO_KINDS
from usage.ledger.units import Units

# OpenAI's own limit for one speech request.
MAX_CHARACTERS = 4096
MAX_REFERENCE_BYTES = 20_000_000


def max_units(text: str, route: AdapterRoute) -> Units:
    """The units of speaking a text, which are known before it is spoken: its characters.

    Raises InvalidRequest naming `text` for none, or for more than the route's `max_characters`.
    """
    characters = len(text) if text.strip() else 0
    check_count(characters, route, "max_characters", MAX_CHARACTERS, "text", "characters")
    return Units(characters=characters)


def check_format(response_format: str, route: AdapterRoute, default: tuple[str, ...]) -> None:
    """Raises InvalidRequest for a format that is not among the route's `formats`."""
    formats = route.options.get("formats", default)
    if response_format not in formats:
        raise InvalidRequest(
            _("%(param)s: this model gives %(formats)s."), param="response_format", formats=", ".join(formats)
        )


def audio_type(received: Received) -> str:
    """The answer's content type, if it says that it is sound; raises MalformedAnswer otherwise."""
    content_type = received.content_type.partition(";")[0].strip().lower()
    if not content_type.startswith("audio/"):
        raise MalformedAnswer("an answer that is not audio")
    return content_type


def check_reference(upload: Upload, route: AdapterRoute) -> None:
    """Raises InvalidRequest naming `ref_audio` for a voice sample that is too large, or no sound at all.

    An upload's content type is what its bytes showed when it was received.
    """
    check_count(
        upload.size_bytes, route, "max_reference_bytes", MAX_REFERENCE_BYTES, "ref_audio", "bytes of audio"
    )
    if upload.content_type not in AUDIO_KINDS:
        raise InvalidRequest(_("%(param)s: this is not an audio file."), param="ref_audio")


def reference_url(upload: Upload) -> str:
    """The sample as a base64 data URL."""
    return f"data:{upload.content_type};base64,{base64.b64encode(upload.read()).decode('ascii')}"

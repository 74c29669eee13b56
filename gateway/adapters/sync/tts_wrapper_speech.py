"""Speech of a plain Qwen3-TTS wrapper: POST /tts `{text, language, speaker, instruct}` → a sound file.

Source: the Omakase document, whose own upstream it is.
"""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, Steps, StreamedAnswer, UpstreamCall
from gateway.adapters.shared import speech
from gateway.adapters.shared.languages import full_name
from gateway.adapters.shared.requests import SpeechRequest
from gateway.adapters.shared.voices import speaker_for
from usage.ledger.units import Units

SERVES = frozenset({"speech"})
PATH = "/tts"
FORMATS = ("wav",)


def ceiling(request: SpeechRequest, route: AdapterRoute) -> Units:
    """The text's characters. Raises InvalidRequest for what the wrapper has not: another format or speed."""
    speaker_for(request.voice, route)
    full_name(request.language)
    speech.check_format(request.response_format, route, FORMATS)
    if request.speed not in (None, 1.0):
        raise InvalidRequest(_("%(param)s: this model speaks at one speed only."), param="speed")
    return speech.max_units(request.text, route)


def steps(request: SpeechRequest, route: AdapterRoute) -> Steps:
    """One call, its sound streamed."""
    body = {
        "text": request.text,
        "language": full_name(request.language),
        "speaker": speaker_for(request.voice, route),
        "instruct": request.instructions,
    }
    body = {name: value for name, value in body.items() if value is not None}
    received = yield UpstreamCall(PATH, json=body, accept="audio/*", streamed=True)
    return StreamedAnswer(speech.audio_type(received), speech.max_units(request.text, route))

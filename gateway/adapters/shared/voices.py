"""Whose voice speaks: speakers by any spelling of their names, and OpenAI's voices as aliases of them."""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, MalformedAnswer

# The preset speakers of Qwen3-TTS's CustomVoice models, as the model spells them.
SPEAKERS = ("Vivian", "Serena", "Uncle_Fu", "Dylan", "Eric", "Ryan", "Aiden", "Ono_Anna", "Sohee")
# OpenAI's clients must name one of its voices, so each is given the preset speaker that is nearest to it.
OPENAI_VOICES = {
    "alloy": "Aiden",
    "ash": "Ryan",
    "ballad": "Dylan",
    "cedar": "Uncle_Fu",
    "coral": "Vivian",
    "echo": "Eric",
    "fable": "Dylan",
    "marin": "Serena",
    "nova": "Vivian",
    "onyx": "Uncle_Fu",
    "sage": "Serena",
    "shimmer": "Sohee",
    "verse": "Ryan",
}


def speaker_for(voice: str | None, route: AdapterRoute) -> str | None:
    """The upstream's speaker for a voice; None, its own default, where none was asked for.

    The route's options may say `speakers` (a list), `voices` (aliases of them) and `default_voice`. Raises
    InvalidRequest naming `voice` for one that is none of these.
    """
    if voice is None:
        voice = route.options.get("default_voice")
        if voice is None:
            return None
    speakers = {_key(speaker): speaker for speaker in route.options.get("speakers", SPEAKERS)}
    aliases = {**OPENAI_VOICES, **route.options.get("voices", {})}
    named = {_key(alias): speakers.get(_key(speaker)) for alias, speaker in aliases.items()}
    found = speakers.get(_key(voice)) or named.get(_key(voice))
    if found is None:
        raise InvalidRequest(
            _("%(param)s: must be one of %(choices)s."), param="voice", choices=", ".join(speakers.values())
        )
    return found


def names_in(listed: object) -> list[str]:
    """A voice list's normal form: the names in their order, each once; items may be names or objects.

    Raises MalformedAnswer where there is no name at all.
    """
    if not isinstance(listed, list):
        raise MalformedAnswer("no list of voices")
    given = [item.get("name") if isinstance(item, dict) else item for item in listed]
    names = [name for name in given if isinstance(name, str) and name]
    if not names or len(names) < len(given):
        raise MalformedAnswer("voices without names")
    return list(dict.fromkeys(names))


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_")

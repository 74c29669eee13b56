"""One value of one parameter: its canonical form, or InvalidRequest naming the parameter."""

import math
import re
from typing import Any
from urllib.parse import urlsplit

from aio_platform.errors import wrong_field
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.task_models.declarations import Parameter

MAX_URL_LENGTH = 4096
MAX_SHOWN_LENGTH = 60
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f\x7f\\]")


def canonical(parameter: Parameter, value: Any, warnings: list[str]) -> Any:
    """The value in its declared type and range; what was moved or left out is said in `warnings`."""
    match parameter.type:
        case "text":
            return _text(parameter, value)
        case "choice":
            return _choice(parameter, value)
        case "number":
            return _number(parameter, value, warnings)
        case "flag":
            if not isinstance(value, bool):
                raise wrong_field(parameter.name, _("must be true or false"))
            return value
        case "url":
            return _url(parameter.name, value)
        case "urls":
            return _urls(parameter, value)
        case "dialogue":
            return _dialogue(parameter, value, warnings)
    raise AssertionError(f"no such type: {parameter.type}")


def is_absent(parameter: Parameter, value: Any) -> bool:
    """Whether an optional field was sent empty, as forms do."""
    if parameter.required:
        return False
    empty_text = parameter.type in ("text", "url") and value == ""
    return empty_text or (parameter.type == "urls" and value == [])


def shown(name: str) -> str:
    """A field's name as a message can hold it, whatever the caller wrote there."""
    printable = "".join(letter if letter.isprintable() else "�" for letter in name[:MAX_SHOWN_LENGTH])
    return printable if len(name) <= MAX_SHOWN_LENGTH else printable + "…"


def check_max_length(name: str, value: str, most: int) -> None:
    if len(value) > most:
        raise wrong_field(name, _("must have at most %(most)s characters"), most=f"{most:,}")


def _text(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise wrong_field(parameter.name, _("must be text"))
    if len(value.strip()) < parameter.min_length:
        raise wrong_field(
            parameter.name,
            _("must have at least %(min_length)s characters"),
            min_length=f"{parameter.min_length:,}",
        )
    if parameter.max_length is not None:
        check_max_length(parameter.name, value, parameter.max_length)
    if parameter.pattern is not None and not re.fullmatch(parameter.pattern, value):
        raise wrong_field(parameter.name, _("is not one. %(rule)s"), rule=parameter.doc.rstrip("."))
    return value


def _choice(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str) or value not in parameter.choices:
        raise wrong_field(
            parameter.name, _("must be one of %(choices)s"), choices=", ".join(parameter.choices)
        )
    return value


def _number(parameter: Parameter, value: Any, warnings: list[str]) -> int | float:
    if isinstance(value, str) and parameter.from_text and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise wrong_field(parameter.name, _("must be a number"))
    if parameter.allowed:
        if value not in parameter.allowed:
            raise wrong_field(
                parameter.name,
                _("must be one of %(choices)s"),
                choices=", ".join(map(_shown, parameter.allowed)),
            )
    else:
        least, most = parameter.minimum, parameter.maximum
        assert least is not None, "declarations sees to it"
        assert most is not None, "declarations sees to it"
        if not least <= value <= most:
            raise wrong_field(
                parameter.name,
                _("must be from %(least)s to %(most)s"),
                least=_shown(least),
                most=_shown(most),
            )
    if parameter.whole and value != int(value):
        raise wrong_field(parameter.name, _("must be a whole number"))
    if parameter.snaps:
        nearest = min(parameter.snaps, key=lambda step: abs(step - value))
        if nearest != value:
            warnings.append(
                f"{parameter.name}: {_shown(value)} was moved to {_shown(nearest)}, the nearest step."
            )
        value = nearest
    return int(value) if value == int(value) else value


def _url(param: str, value: Any) -> str:
    """http or https, with a host; whether it may be fetched is not asked here."""
    if not isinstance(value, str):
        raise wrong_field(param, _("must be a URL"))
    if len(value) > MAX_URL_LENGTH:
        raise wrong_field(param, _("must have at most %(most)s characters"), most=f"{MAX_URL_LENGTH:,}")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or _NOT_IN_URLS.search(value):
        raise wrong_field(param, _("must be a URL that starts with http:// or https://"))
    return value


def _urls(parameter: Parameter, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise wrong_field(parameter.name, _("must be a list of URLs"))
    if parameter.max_items is not None and len(value) > parameter.max_items:
        raise wrong_field(
            parameter.name, _("must have at most %(max_items)s URLs"), max_items=parameter.max_items
        )
    return [_url(f"{parameter.name}.{place}", item) for place, item in enumerate(value)]


def _dialogue(parameter: Parameter, value: Any, warnings: list[str]) -> list[dict[str, str]]:
    """Lines with a text and one of the model's voices each."""
    if not isinstance(value, list) or not value:
        raise wrong_field(parameter.name, _("must be a list of objects with a text"))
    if parameter.max_items is not None and len(value) > parameter.max_items:
        raise wrong_field(
            parameter.name, _("must have at most %(max_items)s lines"), max_items=parameter.max_items
        )
    lines = []
    for place, item in enumerate(value):
        where = f"{parameter.name}.{place}"
        if not isinstance(item, dict):
            raise wrong_field(where, _("must be an object with a text"))
        text = item.get("text")
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise wrong_field(f"{where}.text", _("must be text that is not empty"))
        lines.append({"text": text, "voice": _voice(parameter, f"{where}.voice", item.get("voice"))})
        warnings += [f"{where}.{shown(name)}: ignored." for name in item if name not in ("text", "voice")]
    if parameter.max_length is not None and sum(len(line["text"]) for line in lines) > parameter.max_length:
        raise wrong_field(
            parameter.name,
            _("the texts must have at most %(max_length)s characters together"),
            max_length=f"{parameter.max_length:,}",
        )
    return lines


def _voice(parameter: Parameter, where: str, value: Any) -> str:
    """The model's own spelling of a voice, of an alias, or the default voice."""
    if value is None or value == "":
        assert parameter.default_voice is not None
        return parameter.default_voice
    if isinstance(value, str):
        known = {voice.lower(): voice for voice in parameter.voices} | dict(parameter.voice_aliases)
        if value.strip().lower() in known:
            return known[value.strip().lower()]
    names = ", ".join((*parameter.voices, *parameter.voice_aliases))
    raise wrong_field(where, _("must be one of %(choices)s"), choices=names)


def _shown(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else str(number)

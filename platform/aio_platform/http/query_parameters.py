"""Reading query strings: every mistake is InvalidRequest, 400, naming the parameter."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from rest_framework.request import Request

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.timestamps import parse_timestamp

MAX_TEXT_LENGTH = 200
MAX_NAME_SHOWN = 50
_is_whole_number = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch


class QueryParameters:
    """The query string of a request that takes `known` parameters and no others."""

    def __init__(
        self, request: Request | HttpRequest, known: Sequence[str], *, skip_empty: bool = False
    ) -> None:
        """Raises InvalidRequest for an unknown parameter, one given twice, and text no database takes.

        `skip_empty` is for forms, whose fields are sent also when nobody filled them in.
        """
        try:
            given = request.GET.lists()
        except SuspiciousOperation:  # more parameters than Django reads
            raise InvalidRequest(_("There are too many query parameters.")) from None
        self._texts: dict[str, str] = {}
        for name, texts in given:
            if name not in known:
                shown = name[:MAX_NAME_SHOWN]
                raise InvalidRequest(
                    _("There is no parameter %(shown)s here; there are %(known)s."),
                    param=shown,
                    shown=repr(shown),
                    known=", ".join(known),
                )
            if len(texts) != 1:
                raise InvalidRequest(_("%(param)s was given more than once."), param=name)
            [text] = texts
            if skip_empty and not text:
                continue
            if not text or len(text) > MAX_TEXT_LENGTH or not text.isprintable():
                raise InvalidRequest(
                    _("%(param)s has 1 to %(max_text_length)s printable characters."),
                    param=name,
                    max_text_length=MAX_TEXT_LENGTH,
                )
            self._texts[name] = text

    def text(self, name: str) -> str | None:
        """The parameter as it is; None when it was not given."""
        return self._texts.get(name)

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str | None:
        text = self._texts.get(name, default)
        if text is not None and text not in choices:
            raise InvalidRequest(
                _("%(param)s is one of %(choices)s."), param=name, choices=", ".join(choices)
            )
        return text

    def choices(self, name: str, choices: Sequence[str], default: tuple[str, ...]) -> tuple[str, ...]:
        """Some of the choices, separated by commas, each at most once."""
        if name not in self._texts:
            return default
        chosen = tuple(self._texts[name].split(","))
        if not set(chosen) <= set(choices) or len(set(chosen)) != len(chosen):
            raise InvalidRequest(
                _("%(param)s is one or more of %(choices)s, separated by commas."),
                param=name,
                choices=", ".join(choices),
            )
        return chosen

    def whole_number(self, name: str, *, low: int, high: int, default: int) -> int:
        text = self._texts.get(name, str(default))
        if not _is_whole_number(text) or not low <= int(text) <= high:
            raise InvalidRequest(
                _("%(param)s is a whole number from %(low)s to %(high)s."), param=name, low=low, high=high
            )
        return int(text)

    def timestamp(self, name: str, zone: tzinfo = UTC) -> datetime | None:
        text = self._texts.get(name)
        return None if text is None else parse_timestamp(text, name, zone)


def read_limit(parameters: QueryParameters) -> int:
    """How many rows a page has: 1 to 200, 50 when not given."""
    return parameters.whole_number("limit", low=1, high=200, default=50)

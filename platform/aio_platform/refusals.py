"""Why a call is refused before anything is carried: one table, of which every app declares its rows.

An error class says what the caller is answered; its row says how the books' pages name the refusal and what staff who
answer customers read of it. A row stands beside the errors it is about: in `settings.REFUSAL_TABLES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from aio_platform import errors
from aio_platform.error_kinds import KIND_OF
from aio_platform.errors import PlatformError


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason to refuse a call. `own_code` is the books' name for it, where that is not the error's code."""

    error: type[PlatformError]
    label: Promise
    explanation: Promise
    own_code: str | None = None

    @property
    def code(self) -> str:
        """What it is counted and stored under."""
        return self.own_code or self.error.code

    @property
    def status(self) -> int:
        return self.error.status

    @property
    def type(self) -> str:
        return self.error.type

    @property
    def what_to_do(self) -> Promise:
        """What its reader can do about it."""
        return KIND_OF[self.status, self.type].what_to_do


REFUSALS = (
    Refusal(
        errors.InvalidRequest,
        _("bad request"),
        _("The body, or a field in it, is not what the endpoint takes."),
    ),
    Refusal(errors.BodyTooSlow, _("body too slow"), _("The body did not arrive in time.")),
    Refusal(errors.BodyTooLarge, _("body too large"), _("The body is over the endpoint's limit.")),
)


@cache
def refusals() -> Mapping[str, Refusal]:
    """Every row of every app, by code."""
    return {row.code: row for table in settings.REFUSAL_TABLES for row in import_module(table).REFUSALS}


def refusal_label(code: str) -> str:
    """The reason in a few words; a code that has no row is shown as it is."""
    row = refusals().get(code)
    return code if row is None else str(row.label)


def refusal_explanation(code: str) -> str:
    """The reason in a sentence; the code itself, made readable, where it has no row."""
    row = refusals().get(code)
    return code.replace("_", " ").capitalize() + "." if row is None else str(row.explanation)

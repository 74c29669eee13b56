"""U+0000, which no text of PostgreSQL's can have: who has it, and what is said of it."""

from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

NUL = "\0"
# A JSON document with the character, and a text of another encoding's than the database's.
_SQL_STATES = frozenset({"22P05", "22021"})


class NullCharacter(InvalidRequest):
    """A text with U+0000; `param` names the field where that is known."""

    code = "null_character"
    template = _("A text has the character U+0000, which texts cannot have.")

    def __init__(self, param: str | None = None) -> None:
        super().__init__(param=param)


def place_of_null(value: Any) -> str | None:
    """Where a string in plain JSON values has U+0000, as in `scopes.models.0`; None where none has.

    A field whose name has it is the place; "" is the value itself.
    """
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        place, one = waiting.pop()
        if isinstance(one, str):
            if NUL in one:
                return place
        elif isinstance(one, dict):
            for name, each in one.items():
                inner = f"{place}.{name}" if place else name
                if NUL in name:
                    return inner
                waiting.append((inner, each))
        elif isinstance(one, (list, tuple)):
            waiting += ((f"{place}.{index}" if place else str(index), each) for index, each in enumerate(one))
    return None


def without_null(cookies: dict[str, str]) -> dict[str, str]:
    r"""The cookies that can be looked up: a quoted one may have any character, as in "\000". We give out none."""
    return {name: value for name, value in cookies.items() if NUL not in value}


def is_refusal_of_null(error: BaseException) -> bool:
    """Whether the database, or its driver, refused a text for its U+0000."""
    cause = error.__cause__ or error
    return getattr(cause, "sqlstate", None) in _SQL_STATES or "cannot contain NUL" in str(cause)

"""PostgreSQL arrays in their text form, as parameters of statements that take many rows at once. Pure.

On the hot path: psycopg's own lists cost a microsecond an element, these a tenth.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson


def array_literal(values: Sequence[object]) -> str:
    """An array of numbers, booleans, hex digits and nulls. Not for free text: nothing is quoted."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def name_array_literal(values: Sequence[str | None]) -> str:
    """An array of strings that come again and again, as names of models and routes do: their quoting is kept."""
    return "{" + ",".join([_quoted_name(value) for value in values]) + "}"


def text_array_literal(values: Sequence[str | None]) -> str:
    """An array of strings that come once: nothing of them is kept in memory."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def json_array_literal(values: Sequence[Any]) -> str:
    """An array of JSON values, as text; None is SQL's null, not JSON's."""
    return text_array_literal([None if value is None else orjson.dumps(value).decode() for value in values])


def bytes_array_literal(values: Sequence[bytes | None]) -> str:
    """An array of byte strings (bytea)."""
    # The backslash of the hex form is doubled within an array's quotes.
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=4096)
def _quoted_name(value: str | None) -> str:
    return "NULL" if value is None else _quoted(value)

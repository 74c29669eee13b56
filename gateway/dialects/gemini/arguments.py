"""Objects of a tool's call and of its result, which Gemini has as JSON values and the inner form as JSON text."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

# Google's API reads no deeper, and nobody's tool has arguments that deep.
MAX_DEPTH = 100


def text_of(values: Mapping[str, Any]) -> str:
    """The JSON text of an object, as short as it can be."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def object_of(text: str) -> dict[str, Any] | None:
    """The object that a JSON text is; an empty text is an empty one. None for any other text."""
    if not text.strip():
        return {}
    if not text.lstrip().startswith("{"):
        return None
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and _is_shallow(values) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _is_shallow(values: Any) -> bool:
    level = [values]
    for _depth in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def result_text_of(response: Mapping[str, Any]) -> tuple[str, bool]:
    """What a tool gave back, as text, and whether that is an error.

    Google's documentation: `output` is what it gave, `error` what went wrong; without these the whole is the output.
    """
    if len(response) == 1:
        (name, value), *_others = response.items()
        if name in ("output", "error") and isinstance(value, str):
            return value, name == "error"
    return text_of(response), False


def response_of(text: str, is_error: bool) -> dict[str, Any]:
    """The `response` of a tool that gave this text back.

    It stays a text where it is JSON too: in an object of Google's every number is a double, and long ids would change.
    """
    return {"error" if is_error else "output": text}

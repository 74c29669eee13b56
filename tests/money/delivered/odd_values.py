"""Values that a field may have although nobody would write them, and JSON text with what `json` alone cannot say."""

import json
from typing import Any

from hypothesis import strategies as st

ABSENT = "@absent@"
# Written out by `to_json`, for these are deeper than any writer recurses.
NESTED = {"@nested-120@": 120, "@nested-254@": 254, "@nested-260@": 260, "@nested-1100@": 1100}

TEXTS = st.one_of(
    st.sampled_from(
        (
            "hello",
            "안녕하세요, 세계",
            "a" * 300,
            "👍🏽 ok",
            " ",
            "line\nbreak",
            "\x00",
            "</script>",
            "data: [DONE]\n\n",
        )
    ),
    st.text(max_size=24),
)
PLAIN_TEXTS = st.sampled_from(("hello", "안녕하세요, 세계", "a" * 300, "The answer is 42.", "👍🏽", "x"))

_SCALARS = st.sampled_from(
    (
        None,
        True,
        False,
        0,
        1,
        -1,
        5,
        2**31,
        2**53 + 1,
        2**63,
        2**64,
        10**30,
        0.0,
        -0.0,
        0.5,
        7.0,
        1e308,
        "",
        "5",
        "12.5",
        "text",
        "안녕",
        "\ud800",
        "\udc00 half",
        "\x00",
    )
)
_SHAPES = st.sampled_from(
    (
        [],
        [None],
        [[]],
        ["text", 5],
        {},
        {"text": None},
        {"type": "text"},
        {"type": "text", "text": "in a part"},
        [{"type": "text", "text": "in a list of parts"}],
        {"url": "https://example.com/cat.png"},
        {"a": {"b": {"c": []}}},
        *NESTED,
    )
)
# What any JSON can hold.
ODD = st.one_of(
    _SCALARS, _SHAPES, st.text(max_size=8), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
# What lax writers put out beside it.
LAX = st.one_of(ODD, ODD, ODD, st.sampled_from((float("nan"), float("inf"), float("-inf"))))


def to_json(value: Any, *, ascii_only: bool = True) -> bytes:
    """JSON text; lone halves of surrogate pairs are escaped, or invalid UTF-8 where `ascii_only` is false."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    for name, depth in NESTED.items():
        text = text.replace(f'"{name}"', "[" * depth + "]" * depth)
    return text.encode("utf-8", "surrogatepass")


def without_absent(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}

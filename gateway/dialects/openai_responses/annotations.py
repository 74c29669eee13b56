"""Annotations of an answer's text: what it rests on, both ways."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.dialects.conversation import Citation, DialectName

_HERE = DialectName.OPENAI_RESPONSES


def read_annotations(annotations: Iterable[object]) -> list[Citation]:
    """The citations of a text. What is no object is none."""
    return [read_annotation(each) for each in annotations if isinstance(each, dict)]


def read_annotation(values: Mapping[str, Any]) -> Citation:
    return Citation(
        _HERE,
        values,
        url=_text(values, "url"),
        title=_text(values, "title") or _text(values, "filename"),
        start=_offset(values, "start_index"),
        end=_offset(values, "end_index"),
    )


def write_annotation(citation: Citation, length: int) -> dict[str, Any] | None:
    """The annotation of a text of this length; None for what rests on no web page and comes from another dialect.

    A citation without offsets is of the whole text so far.
    """
    if citation.dialect is _HERE:
        return dict(citation.values)
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "start_index": citation.start or 0,
        "end_index": length if citation.end is None else citation.end,
        "url": citation.url,
        "title": citation.title or "",
    }


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None


def _offset(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    return value if type(value) is int and value >= 0 else None

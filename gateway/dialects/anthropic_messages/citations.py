"""Citations of a text, both ways."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.dialects.conversation import Citation, DialectName


def read_citation(values: Mapping[str, Any]) -> Citation:
    """What a citation rests on. Anthropic's cite with the whole block of text that they stand beside."""
    return Citation(
        dialect=DialectName.ANTHROPIC_MESSAGES,
        values=values,
        url=_text(values.get("url")) or _text(values.get("source")),
        title=_text(values.get("title")) or _text(values.get("document_title")),
        cited_text=_text(values.get("cited_text")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def write_citation(citation: Citation) -> dict[str, Any] | None:
    """A citation of an answer; None for another dialect's that names no page.

    Another dialect's page is told as a result of a web search. Its `encrypted_index`, which only Anthropic can make, is
    empty.
    """
    if citation.dialect is DialectName.ANTHROPIC_MESSAGES:
        return dict(citation.values)
    if citation.url is None:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.cited_text or "",
        "encrypted_index": "",
    }


def own_citations(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """The citations that may be sent back to Anthropic: those that it made, not those that were told in its form."""
    return [
        dict(each.values)
        for each in citations
        if each.dialect is DialectName.ANTHROPIC_MESSAGES and each.values.get("encrypted_index") != ""
    ]

"""What an answer rests on: Gemini's `groundingMetadata` and `citationMetadata`, read and written.

Google counts places in UTF-8 bytes of the part, and leaves out a place of 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gateway.dialects.conversation import Citation, DialectName
from gateway.dialects.gemini.fields import snake, whole_number

# The number of a part, its text, and what is cited in it.
Cited = tuple[int, str, list[Citation]]


def read_citations(candidate: Mapping[str, Any], text: str) -> list[Citation]:
    """The citations of a candidate whose text is this one. What makes no sense is left out."""
    citations = []
    grounding = field_of(candidate, "groundingMetadata")
    chunks = field_of(grounding, "groundingChunks")
    chunks = chunks if isinstance(chunks, list) else []
    for support in _objects(field_of(grounding, "groundingSupports")):
        indices = field_of(support, "groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            number = whole_number(index)
            if number is not None and 0 <= number < len(chunks) and isinstance(chunks[number], Mapping):
                citations.append(_grounded(support, chunks[number], text))
    for citation in _objects(field_of(field_of(candidate, "citationMetadata"), "citations")) or _objects(
        field_of(field_of(candidate, "citationMetadata"), "citationSources")
    ):
        start, end = _place(citation, text)
        citations.append(
            Citation(
                DialectName.GEMINI,
                citation,
                url=_text(citation, "uri"),
                title=_text(citation, "title"),
                start=start,
                end=end,
            )
        )
    return citations


def says_sources(candidate: Mapping[str, Any]) -> bool:
    """Whether the candidate says anything of what it rests on."""
    return bool(field_of(candidate, "groundingMetadata") or field_of(candidate, "citationMetadata"))


def web_searches_of(candidate: Mapping[str, Any]) -> int:
    """How many queries Google's search was asked: that is what its current models are billed by."""
    queries = field_of(field_of(candidate, "groundingMetadata"), "webSearchQueries")
    return len(queries) if isinstance(queries, list) else 0


def _grounded(support: Mapping[str, Any], chunk: Mapping[str, Any], text: str) -> Citation:
    segment = field_of(support, "segment")
    source = field_of(chunk, "web") or field_of(chunk, "retrievedContext") or field_of(chunk, "maps")
    start, end = _place(segment, text) if isinstance(segment, Mapping) else (None, None)
    return Citation(
        DialectName.GEMINI,
        {"groundingChunk": chunk, "groundingSupport": support},
        url=_text(source, "uri"),
        title=_text(source, "title"),
        cited_text=_text(field_of(chunk, "retrievedContext"), "text"),
        start=start,
        end=end,
    )


def _place(segment: Mapping[str, Any], text: str) -> tuple[int | None, int | None]:
    """Where a segment begins and ends, in characters of the text."""
    end = whole_number(field_of(segment, "endIndex"))
    if end is None:
        return None, None
    start = whole_number(field_of(segment, "startIndex")) or 0
    encoded = text.encode("utf-8", "surrogatepass")
    if not 0 <= start <= end <= len(encoded):
        return None, None
    said = _text(segment, "text")
    if said is not None and encoded[start:end] != said.encode("utf-8", "surrogatepass"):
        return None, None  # a place in another part
    return len(encoded[:start].decode("utf-8", "ignore")), len(encoded[:end].decode("utf-8", "ignore"))


def moved(citations: Iterable[Citation], start: int, length: int) -> list[Citation]:
    """The citations of a text of this length that begins at `start` of another.

    One without a place stands for the whole of its text, as Anthropic's do.
    """
    return [
        replace(each, start=start + (each.start or 0), end=start + (length if each.end is None else each.end))
        for each in citations
    ]


def written_grounding(cited: Iterable[Cited]) -> dict[str, Any] | None:
    """The `groundingMetadata` of texts whose citations have places; None where nothing is cited."""
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    for part_index, text, citations in cited:
        for citation in citations:
            chunk = _chunk(citation)
            if chunk not in chunks:
                chunks.append(chunk)
            segment: dict[str, Any] = {
                "startIndex": _bytes_in(text[: citation.start]),
                "endIndex": _bytes_in(text[: citation.end]),
                "text": text[citation.start : citation.end],
            }
            if part_index:
                segment["partIndex"] = part_index
            supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    return {"groundingChunks": chunks, "groundingSupports": supports} if supports else None


def _chunk(citation: Citation) -> dict[str, Any]:
    named = {"uri": citation.url, "title": citation.title}
    if citation.cited_text is not None or citation.url is None:
        return {"retrievedContext": _given({**named, "text": citation.cited_text})}
    return {"web": _given(named)}


def _given(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _bytes_in(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def field_of(values: Any, name: str) -> Any:
    """A field of an answer in either spelling; None where there is no such object."""
    if not isinstance(values, Mapping):
        return None
    value = values.get(name)
    return values.get(snake(name)) if value is None else value


def _objects(values: Any) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _text(values: Any, name: str) -> str | None:
    value = field_of(values, name)
    return value if isinstance(value, str) else None

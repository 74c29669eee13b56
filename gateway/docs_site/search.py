"""Finding pages by words: in titles, texts, parameters and errors, in the visitor's language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import strip_tags
from django.utils.translation import get_language

from aio_platform.error_kinds import ERROR_KINDS
from gateway.docs_site.api_changes import CHANGES
from gateway.docs_site.facts import facts
from gateway.docs_site.pages import Page, every_page
from gateway.docs_site.reference import operations_of

MAX_FOUND = 12
MAX_QUERY_LENGTH = 100
_EXCERPT_BEFORE, _EXCERPT_AFTER = 40, 100
# What guides say by themselves; their examples and prices are not searched.
_GUIDE_CONTEXT = {"for_search": True, "error_kinds": ERROR_KINDS, "changes": CHANGES, "facts": facts()}
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Found:
    """A page with what it says around the first word asked for."""

    page: Page
    excerpt: str


def search(query: str) -> list[Found]:
    """The pages that have every word of the query, those with one in their title first."""
    words = query[:MAX_QUERY_LENGTH].casefold().split()
    if not words:
        return []
    texts = _texts(get_language() or settings.LANGUAGE_CODE)
    found = []
    for page in every_page():
        title, text = str(page.title).casefold(), texts[page]
        searched = f"{title} {text.casefold()}"
        if all(word in searched for word in words):
            in_title = all(word in title or any(word in each for each in page.addresses) for word in words)
            found.append((not in_title, Found(page, _excerpt(text, words[0]))))
    found.sort(key=lambda each: each[0])
    return [each for _, each in found[:MAX_FOUND]]


def _excerpt(text: str, word: str) -> str:
    place = text.casefold().find(word)
    start, end = max(place - _EXCERPT_BEFORE, 0), max(place, 0) + _EXCERPT_AFTER
    return ("…" if start > 0 else "") + text[start:end].strip() + ("…" if end < len(text) else "")


@lru_cache(maxsize=len(settings.LANGUAGES))
def _texts(language: str) -> Mapping[Page, str]:
    return {page: _text_of(page) for page in every_page()}


def _text_of(page: Page) -> str:
    if not page.addresses:
        rendered = render_to_string(page.template, _GUIDE_CONTEXT | {"page": page})
        return f"{page.lead} " + _SPACE.sub(" ", strip_tags(rendered)).strip()
    parts = [str(page.lead)]
    for address in page.addresses:
        for operation in operations_of(address):
            rows = [*operation.query_rows, *operation.body_rows]
            rows += [row for model in operation.task_models for row in model.rows]
            parts.append(f"{operation.method} {address} {operation.description}")
            parts += [model.slug for model in operation.task_models]
            parts += [f"{row.name}: {row.description}" for row in rows]
    return " ".join(parts)

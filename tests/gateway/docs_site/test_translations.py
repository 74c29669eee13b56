"""Korean is complete: every text that pages can show is in the catalogue, translated, and compiled."""

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize
from error_classes import error_classes

from gateway.docs_site import translatable_texts
from gateway.docs_site.description_texts import DESCRIPTIONS

ROOT = Path(settings.ROOT)
SOURCES = ("platform", "accounts", "usage", "gateway")
CATALOGUE = ROOT / "platform" / "locale" / "ko" / "LC_MESSAGES" / "django.po"
# Errors that only commands tell, to operators.
ENGLISH_ONLY = {"usage.archive.refusals"}
RUN = "run manage.py make_messages, and translate what is new"
FUNCTIONS = {
    "_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy",
}  # fmt: skip
IN_TEMPLATES = re.compile(
    r"""\b(?P<function>n?p?gettext|_)\(\s*u?(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.DOTALL
)
PLACES = re.compile(r"%\(\w+\)[sd]|{\w+}|<[a-z/][^>]*>")


@dataclass
class Entry:
    """One message of the catalogue."""

    is_fuzzy: bool = False
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def translations(self) -> list[str]:
        return [text for name, text in self.fields.items() if name.startswith("msgstr")]


def entries() -> list[Entry]:
    found = []
    for block in CATALOGUE.read_text("utf-8").split("\n\n"):
        entry, name = Entry(), ""
        for line in block.splitlines():
            keyword = re.match(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$', line)
            if line.startswith("#"):
                entry.is_fuzzy |= line.startswith("#,") and "fuzzy" in line
            elif keyword:
                name = keyword[1]
                entry.fields[name] = ast.literal_eval(keyword[2])
            elif line:
                entry.fields[name] += ast.literal_eval(line)
        found.append(entry)
    assert len(found) > 500, "the catalogue was not read"
    return found


def texts_in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[1] if name.startswith("pgettext") and len(node.args) > 1 else node.args[0]
        if name in FUNCTIONS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def texts_in_template(path: Path) -> Iterator[str]:
    for found in IN_TEMPLATES.finditer(templatize(path.read_text("utf-8"))):
        yield ast.literal_eval(found["text"])


def texts_in_source() -> dict[str, str]:
    """Every text marked for translation, with where it is."""
    found: dict[str, str] = {}
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix == ".py" and "/docs_pages/code/" not in path.as_posix():
                texts = texts_in_python(path)
            elif path.suffix in (".html", ".txt") and "templates" in path.parts:
                texts = texts_in_template(path)
            else:
                continue
            found |= {text: path.relative_to(ROOT).as_posix() for text in texts}
    assert len(found) > 500, "the source was not found"
    return found


def test_every_text_of_the_source_is_in_the_catalogue() -> None:
    known = {entry.fields.get("msgid") for entry in entries()}

    assert {text: where for text, where in texts_in_source().items() if text not in known} == {}, RUN


def test_everything_in_the_catalogue_is_translated_and_sure() -> None:
    for entry in entries()[1:]:
        assert entry.translations, entry.fields
        assert all(entry.translations), f"not translated: {entry.fields['msgid']!r}"
        assert not entry.is_fuzzy, f"fuzzy: {entry.fields['msgid']!r}"


def test_translations_keep_the_values_and_the_markup_of_their_texts() -> None:
    for entry in entries()[1:]:
        texts = [text for name, text in entry.fields.items() if name in ("msgid", "msgid_plural")]
        allowed = set().union(*(PLACES.findall(text) for text in texts))
        needed = set.intersection(*(set(PLACES.findall(text)) for text in texts))
        for translated in entry.translations:
            assert needed <= set(PLACES.findall(translated)) <= allowed, entry.fields["msgid"]


def test_the_compiled_catalogue_says_what_the_source_says() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in entries()[1:]:
        text, context = entry.fields["msgid"], entry.fields.get("msgctxt")
        if "msgid_plural" in entry.fields:
            shown = compiled.ngettext(text, entry.fields["msgid_plural"], 2)
        else:
            shown = compiled.pgettext(context, text) if context else compiled.gettext(text)
        assert shown == entry.translations[0], RUN
    keys = {key[0] if isinstance(key, tuple) else key for key in compiled._catalog}  # type: ignore[attr-defined]
    # What has a context stands behind it.
    texts = {key.rpartition("\x04")[2] for key in keys}
    assert texts == {entry.fields["msgid"] for entry in entries()}, RUN


def test_every_error_says_what_is_in_the_catalogue() -> None:
    known = {entry.fields.get("msgid") for entry in entries()}
    said = {kind: str(kind.template) for kind in error_classes() if kind.template}

    assert len(said) > 60, "the errors were not found"
    missing = {kind.__name__ for kind, text in said.items() if text not in known}
    assert missing == {kind.__name__ for kind in said if kind.__module__ in ENGLISH_ONLY}, RUN


def test_descriptions_were_collected_since_they_changed() -> None:
    assert list(DESCRIPTIONS) == translatable_texts.description_texts(), RUN


@pytest.mark.parametrize("marked", ["Overview", "API keys", "The API key is revoked."])
def test_what_people_read_most_is_among_it(marked: str) -> None:
    assert marked in {entry.fields.get("msgid") for entry in entries()}

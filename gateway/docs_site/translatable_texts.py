"""Texts that pages show but that no call of gettext names: the API's own description, models.

`manage.py make_messages` writes them into a module that makemessages reads.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.utils import translation

from gateway.docs_site.openapi import document
from gateway.docs_site.parameters import Row
from gateway.docs_site.reference import Operation, operations_of

MAX_LINE = 120
DESCRIPTIONS_FILE = Path(settings.ROOT) / "gateway" / "docs_site" / "description_texts.py"


def description_texts() -> list[str]:
    """Every text of the OpenAPI document and of the models' declarations that the documentation shows."""
    found: set[str] = set()
    with translation.override("en"):
        for address in document()["paths"]:
            for operation in operations_of(address):
                found.add(operation.description)
                found.update(refusal.description for refusal in operation.refusals)
                found.update(row.description for row in _rows(operation))
                for model in operation.task_models:
                    found |= {model.description, *model.rules}
    return sorted(text for text in found if text)


def _rows(operation: Operation) -> Iterator[Row]:
    yield from (*operation.path_rows, *operation.query_rows, *operation.header_rows, *operation.body_rows)
    for answer in operation.answers:
        yield from answer.rows
    for model in operation.task_models:
        yield from model.rows


def as_module(about: str, name: str, texts: Iterable[str]) -> str:
    """The source of a module with the texts marked for translation."""
    lines = [f'"""{about} Written by `manage.py make_messages`."""', ""]
    lines += ["from aio_platform.i18n.translatable import gettext_noop as _", "", "# fmt: off", f"{name} = ("]
    for text in texts:
        line = f"    _({_literal(text)}),"
        lines.append(line if len(line) <= MAX_LINE else f"{line}  # noqa: E501")
    return "\n".join([*lines, ")", "# fmt: on", ""])


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

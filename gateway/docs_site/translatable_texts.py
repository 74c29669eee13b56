"""Texts that pages show but that no call of gettext names: errors' messages, the API's own description, models.

`manage.py make_messages` writes them into modules that makemessages reads.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.utils import translation

from aio_platform.errors import PlatformError
from gateway.docs_site.openapi import document
from gateway.docs_site.parameters import Row
from gateway.docs_site.reference import Operation, operations_of

SOURCES = ("platform/aio_platform", "accounts", "usage", "gateway")
# What only operators and commands see stays English.
NOT_SHOWN = (
    "/management/",
    "/migrations/",
    "/sandbox/",
    "archive/refusals.py",
    "catalog/line_numbers.py",
    "catalog/fields.py",
    "declarations.py",
)
_PLACEHOLDER = re.compile(r"{\w+}")
MAX_LINE = 120
# Functions that make an error out of a field's name and a message.
_MAKERS = frozenset({"wrong", "_bad", "_wrong"})
MESSAGES_FILE = Path(settings.ROOT) / "platform" / "aio_platform" / "i18n" / "message_texts.py"
DESCRIPTIONS_FILE = Path(settings.ROOT) / "gateway" / "docs_site" / "description_texts.py"


def message_texts() -> list[str]:
    """Every message that an error is made with in our source, its values as {names}."""
    for room in (
        "accounts.errors",
        "usage.errors",
        "gateway.errors",
        "gateway.results.errors",
        "gateway.urls",
    ):
        import_module(room)
    names = {each.__name__ for each in _with_those_below(PlatformError)}
    found: set[str] = set()
    for folder in SOURCES:
        for path in sorted((Path(settings.ROOT) / folder).rglob("*.py")):
            if not any(part in path.as_posix() for part in NOT_SHOWN):
                found.update(_messages_in(ast.parse(path.read_text("utf-8")), names))
    return sorted(text for text in found if any(letter.isalpha() for letter in _PLACEHOLDER.sub("", text)))


def _with_those_below(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _with_those_below(each)


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


def _messages_in(tree: ast.AST, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _messages_of_class(node)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in names and node.args:
                yield from _texts(node.args[0])
            elif called in _MAKERS and len(node.args) > 1:
                yield from _texts(node.args[1])


def _messages_of_class(node: ast.ClassDef) -> Iterator[str]:
    """What classes hand on to PlatformError, in calls of super and as defaults."""
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name != "__init__":
            continue
        for default in method.args.defaults:
            yield from _texts(default)
        for call in ast.walk(method):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__" and call.args:
                yield from _texts(call.args[0])


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        yield _template(node)


def _template(node: ast.JoinedStr) -> str:
    parts, used = [], 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            used += 1
            name = getattr(part.value, "id", getattr(part.value, "attr", ""))
            taken = any(f"{{{name}}}" == each for each in parts)
            parts.append(f"{{{name if name and not taken else f'value{used}'}}}")
    return "".join(parts)

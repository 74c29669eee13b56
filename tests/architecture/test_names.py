"""Names are the field's: no definition goes by one of the private words that the house gave up, and no prose does."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "platform" / "aio_platform", ROOT / "accounts", ROOT / "usage", ROOT / "gateway")
BENCHMARKS = ROOT / "benchmarks"

# What each was called, and what it is called now.
MODULES = {
    "asking": "step_runner",
    "callers": "authentication",
    "carrying": "execute",
    "choices": "filter_options",
    "deed": "audit",
    "deeds": "actions",
    "desk": "service",
    "dialing": "dialer",
    "ending": "completion",
    "exploration": "chart_series",
    "figures": "aggregates, metrics, formatting or stats",
    "finding": "lookup",
    "keeping": "retention or mirror",
    "key_desk": "service",
    "looking": "queries",
    "making": "builder",
    "member_desk": "service",
    "moments": "timestamps",
    "money_door": "the ledger",
    "narrowing": "time_pruning",
    "one_write": "write_coalescing",
    "ordinary_urls": "django_urls",
    "owning_streams": "stream_priming",
    "pace": "backoff",
    "pictures": "images",
    "question": "report_query",
    "ranks": "rerank",
    "refusal_words": "labels",
    "secrets_of_accounts": "signing_secrets",
    "sounds": "speech",
    "standing": "account_status",
    "subjects": "path_params",
    "told_errors": "raise_error_body",
    "transcripts": "transcription",
    "vectors": "embeddings",
    "wording": "labels",
}
CLASSES = {
    "Allowance": "TokenBucket",
    "Caller": "Principal or Credentials",
    "Carried": "ExecutedCall",
    "DatabaseLine": "Connection",
    "Ended": "TransitionResult",
    "Figures": "stats",
    "Meaning": "FailureKind",
    "PreparedLine": "PipelinedConnection",
    "Question": "ReportQuery",
    "Recipe": "ReportDefinition",
    "Running": "Runtime",
    "Standing": "what it says of whom",
    "StepFault": "StepError",
    "TaskDesk": "TaskStore",
    "TaskEnd": "Transition",
    "TaskEnds": "TaskFinisher",
    "WorkLine": "TaskQueue",
}
FUNCTIONS = {
    "asked": "to_request",
    "bound": "max_units",
    "caller_of": "principal_of or credentials_of",
    "carried": "execute",
    "carried_once": "run_idempotent",
    "carry": "execute",
    "checked": "validate",
    "figure": "what it shows",
    "figures": "aggregate_calls or stats",
    "guess": "estimate_units",
    "looking": "query_fn",
    "making": "builder",
    "moment": "timestamp",
    "raise_told_error": "raise_for_error_body",
    "refusal_of": "precheck",
    "refused": "precheck",
    "running": "runtime",
    "shaped": "to_response",
    "spoken": "max_units",
}
# Parameters and attributes.
VALUES = {
    "carry": "execute",
    "deed": "action",
    "deeds": "actions",
    "desk": "store",
    "door": "what it leads to",
    "figures": "aggregates, metrics, formatting or stats",
    "key_desk": "service",
    "looking": "query_fn",
    "making": "builder",
    "meaning": "kind",
    "question": "query",
    "recipe": "definition",
    "spoken": "max_units",
    "standing": "account_status",
    "task_desk": "store",
    "work_line": "queue",
}
# No prose of ours speaks of these things in these words.
PHRASES = re.compile(
    r"\b(money door|(ledger|money|gateway|tasks?)'s? (own )?door|(the|a|another|other|own|its|one) doors?"
    r"|(the|a|task|key|member|callback)s?'?s? desk|(work|database|prepared) lines?|lines? to the database|deeds?)\b",
    re.I,
)
# Where connections live, a line is one of them; everywhere else it is a line of text.
ROOMS_OF_CONNECTIONS = (
    ROOT / "platform" / "aio_platform" / "db",
    ROOT / "usage" / "ledger",
    ROOT / "gateway" / "tasks",
    ROOT / "gateway" / "webhooks_out",
)
A_CONNECTION = re.compile(r"\b(the|a|its|this|that|each|every|another) line\b", re.I)
UNMISTAKABLE = re.compile(
    r"`[\w./]*\b("
    + "|".join(
        {
            *(CLASSES.keys() - {"Running", "Standing", "Question", "Ended", "Figures", "Meaning"}),
            *(name for name in (*MODULES, *FUNCTIONS, *VALUES) if "_" in name),
        }
    )
    + r")\b"
)


# A module or a function in backticks by a name that was given up, behind or before a dot: `vectors.bound`. Catalogs and
# answers have fields of their own that are called `choices`.
IN_BACKTICKS = re.compile(
    rf"`({'|'.join(MODULES.keys() - {'choices'})})\.\w+|`[\w.]+\.({'|'.join(FUNCTIONS)})\b(?!\.)"
)
# What is no Python and has comments of ours.
OTHER_SOURCES = ("*.sql", "*.mjs", "*.js", "*.css", "*.html", "*.toml")


class Definition(NamedTuple):
    """A name that some file gives to something, without the underscores before it."""

    kind: str
    name: str
    place: str


def product_files() -> list[Path]:
    found = [file for package in PACKAGES for file in package.rglob("*.py") if "migrations" not in file.parts]
    found += BENCHMARKS.rglob("*.py")
    assert len(found) > 300
    return found


def definitions_in(text: str, place: str) -> Iterator[Definition]:
    for node in ast.walk(ast.parse(text)):
        kind, name = _defined_by(node)
        if name:
            yield Definition(kind, name.lstrip("_"), f"{place}:{getattr(node, 'lineno', 0)}")
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                for target in _assigned_by(statement):
                    yield Definition("value", target.lstrip("_"), f"{place}:{statement.lineno}")


def _defined_by(node: ast.AST) -> tuple[str, str]:
    if isinstance(node, ast.ClassDef):
        return "class", node.name
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return "function", node.name
    if isinstance(node, ast.arg):
        return "value", node.arg
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return "value", node.attr
    if isinstance(node, ast.alias) and node.asname:
        return "module", node.asname
    return "", ""


def _assigned_by(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def prose_in(text: str) -> Iterator[tuple[int, str]]:
    """The comments and docstrings of a file, each with the line it starts on."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield getattr(node, "lineno", 1), docstring


def faults_of_names(text: str, place: str) -> list[str]:
    given_up = {"class": CLASSES, "function": FUNCTIONS, "value": VALUES, "module": MODULES}
    return [
        f"{one.place}: {one.kind} {one.name} → {given_up[one.kind][one.name]}"
        for one in definitions_in(text, place)
        if one.name in given_up[one.kind]
    ]


def faults_of_prose(text: str, place: str, *phrases: re.Pattern[str]) -> list[str]:
    return [
        f"{place}:{line}: {found.group()}"
        for line, prose in prose_in(text)
        for phrase in phrases
        if (found := phrase.search(" ".join(prose.split())))
    ]


def test_no_module_has_a_name_that_was_given_up() -> None:
    scripts = [file for package in PACKAGES for file in package.rglob("*.mjs")]
    assert scripts
    names = {
        file.relative_to(ROOT): {file.stem, *file.relative_to(ROOT).parts[:-1]}
        for file in (*product_files(), *scripts, *(ROOT / "platform" / "static").rglob("*.mjs"))
    }
    faults = {str(file): parts & MODULES.keys() for file, parts in names.items() if parts & MODULES.keys()}
    assert faults == {}


def test_nothing_is_defined_under_a_name_that_was_given_up() -> None:
    faults = [
        fault
        for file in product_files()
        for fault in faults_of_names(file.read_text(), str(file.relative_to(ROOT)))
    ]
    assert faults == []


def test_no_comment_or_docstring_speaks_of_doors_desks_and_lines() -> None:
    faults = []
    for file in product_files():
        phrases = [PHRASES, UNMISTAKABLE, IN_BACKTICKS]
        if any(file.is_relative_to(room) for room in ROOMS_OF_CONNECTIONS):
            phrases.append(A_CONNECTION)
        faults += faults_of_prose(file.read_text(), str(file.relative_to(ROOT)), *phrases)
    assert faults == []


def test_nothing_that_is_no_python_speaks_of_doors_and_desks_nor_does_a_test() -> None:
    folders = (
        *(folder for folder in PACKAGES),
        ROOT / "platform" / "static",
        ROOT / "platform" / "templates",
    )
    files = [file for folder in folders for kind in OTHER_SOURCES for file in folder.rglob(kind)]
    files += [file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__).resolve()]
    files = [file for file in files if not {"vendor", "seeds"} & set(file.parts)]
    assert len(files) > 500
    faults = [
        f"{file.relative_to(ROOT)}:{number}: {found.group()}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (found := PHRASES.search(line))
    ]
    assert faults == []


def test_no_document_speaks_of_doors_and_desks() -> None:
    """The change log stays as it was written; a seed document is somebody else's."""
    documents = [
        file
        for folder in (*PACKAGES, BENCHMARKS, ROOT / "docs")
        for file in folder.rglob("*.md")
        if "seeds" not in file.parts
    ]
    documents += [file for file in ROOT.glob("*.md") if file.name != "CHANGELOG.md"]
    assert len(documents) > 30
    faults = [
        f"{file.relative_to(ROOT)}: {found.group()}"
        for file in documents
        for phrase in (PHRASES, UNMISTAKABLE, IN_BACKTICKS)
        for found in phrase.finditer(" ".join(file.read_text().split()))
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("class PreparedLine: ...", "class PreparedLine"),
        ("async def _carry(): ...", "function carry"),
        ("def rows(question): ...", "value question"),
        ("class Error:\n    meaning: str", "value meaning"),
        ("def start(self):\n    self._desk = 1", "value desk"),
        ("from gateway.adapters.shared import images as pictures", "module pictures"),
    ],
)
def test_a_name_that_was_given_up_is_found(text: str, fault: str) -> None:
    [found] = faults_of_names(text, "x.py")
    assert fault in found


@pytest.mark.parametrize(
    "text",
    [
        "# through the money door",
        'def f():\n    """What the task desk keeps."""',
        "# before the deed",
        "# see `vectors.length`",
        "# see `embeddings.bound`",
    ],
)
def test_a_phrase_that_was_given_up_is_found(text: str) -> None:
    assert len(faults_of_prose(text + "\n", "x.py", PHRASES, IN_BACKTICKS)) == 1

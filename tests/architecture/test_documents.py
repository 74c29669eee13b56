"""What documents name is there: files and folders by their paths, and where other people's files come from."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("gateway", "usage", "accounts", "platform", "platform/aio_platform")
SKIPPED = {".venv", "node_modules", ".aio", ".pytest_cache"}
DOCUMENTS = [file for file in sorted(ROOT.rglob("*.md")) if not SKIPPED & set(file.relative_to(ROOT).parts)]
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
# A path in the repository: a file of a kind that lies here, or a folder written with its slash.
PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*(?:\.(?:py|sql|toml|md|html|css|js|mjs|svg|json|lock|po)|/)")
# Not here: the newcomer's own files, and what other documents and systems call theirs.
ELSEWHERE = re.compile(r"vendor/|\.aio/|\.venv/|aio\.toml|my[-_.].*|.*<.*")


def paths_in(text: str) -> set[str]:
    return {
        token
        for token in IN_BACKTICKS.findall(text)
        if PATH.fullmatch(token) and not ELSEWHERE.fullmatch(token)
    }


def is_there(path: str, document: Path) -> bool:
    """By its path from the root, from the document, or from an app that the document is about."""
    places = [ROOT, document.parent, *(ROOT / app for app in APPS)]
    return any(any(place.glob(path.rstrip("/"))) for place in places)


def test_documents_name_paths():
    assert len(DOCUMENTS) > 30
    assert sum(len(paths_in(document.read_text())) for document in DOCUMENTS) > 100


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_path_that_a_document_names_is_there(document):
    assert [path for path in sorted(paths_in(document.read_text())) if not is_there(path, document)] == []


LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document):
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


STEP = re.compile(r"^\| .*? \| `([^`]+\.(?:py|sql))` \| (.*) \|$", re.MULTILINE)


def names_in(file: Path) -> set[str]:
    """The classes and functions that a module defines, methods with their class, or a file's SQL functions."""
    if file.suffix == ".sql":
        return set(re.findall(r"CREATE FUNCTION (\w+)", file.read_text()))
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names |= {node.name, *(f"{node.name}.{part.name}" for part in node.body if hasattr(part, "name"))}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
    return names


def test_the_newcomers_trace_names_what_is_there():
    steps = STEP.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert len(steps) > 20
    for path, names in steps:
        assert set(IN_BACKTICKS.findall(names)) - names_in(ROOT / path) == set(), path


def test_every_file_of_others_is_in_the_notices():
    notices = (ROOT / "THIRD_PARTY.md").read_text()
    vendored = [
        file for file in ROOT.glob("*/**/vendor/*") if not SKIPPED & set(file.relative_to(ROOT).parts)
    ]
    assert vendored
    assert [file.name for file in vendored if f"`{file.relative_to(ROOT)}`" not in notices] == []
    for version, script in re.findall(r"\| ([\d.]+) \| `(\S+\.js)`", notices):
        assert version in (ROOT / script).read_text(), script


def test_the_licence_is_stated_and_goes_with_the_package():
    project = (ROOT / "pyproject.toml").read_text()
    assert 'license = "Apache-2.0"' in project
    for name in re.search(r"license-files = \[(.*)\]", project)[1].replace('"', "").split(", "):
        assert (ROOT / name).stat().st_size > 1000
    assert "Apache License" in (ROOT / "LICENSE").read_text()


OPERATING = ROOT / "docs" / "operating.md"
SETTINGS = ROOT / "platform" / "aio_platform" / "settings.py"
READ_BY_SETTINGS = re.compile(r'(?:_flag|_integer|_networks|environ\.get)\("([A-Z][A-Z0-9_]+)"')
LIMIT_OF_AN_ENDPOINT = re.compile(r'\bLimit\("([A-Z0-9_]+)"')


def test_every_variable_that_settings_read_is_in_the_operators_manual():
    read = set(READ_BY_SETTINGS.findall(SETTINGS.read_text()))
    assert len(read) > 60
    assert sorted(read - set(IN_BACKTICKS.findall(OPERATING.read_text()))) == []


def test_every_variable_in_the_operators_manual_is_read():
    limits = LIMIT_OF_AN_ENDPOINT.findall((ROOT / "gateway" / "endpoints.py").read_text())
    read = {*READ_BY_SETTINGS.findall(SETTINGS.read_text()), *(f"AIO_{name}" for name in limits)}
    read |= {"AIO_SANDBOX_URL"}  # by a catalog, as env:AIO_SANDBOX_URL
    assert sorted(set(re.findall(r"`(AIO_[A-Z0-9_]+)`", OPERATING.read_text())) - read) == []

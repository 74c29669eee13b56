"""Decisions can be found from the code and the code from decisions: dates, states, options, and who cites which."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "adr"
FILES = {int(file.name[:4]): file for file in sorted(DECISIONS.glob("[0-9]*.md"))}
PACKAGES = ("platform/aio_platform", "accounts", "usage", "gateway")
CITED_IN = ("*.py", "*.sql", "*.md", "*.toml", "*.js", "*.html")
STATUS = re.compile(
    r"accepted|accepted, narrowed by \[(?P<by>\d+)\]\(\S+\)|superseded by \[(?P<successor>\d+)\]\(\S+\)"
)
NUMBERS = re.compile(r"\bADRs? (\d+)((?:(?:, | and )(?:ADR )?\d+)*)\b")


def cited(text: str) -> set[int]:
    """The numbers of decisions that a text names, as in "ADR 7" or "ADR 16 and 19"."""
    return {int(number) for match in NUMBERS.finditer(text) for number in re.findall(r"\d+", match[0])}


def texts(*roots: Path) -> dict[Path, str]:
    found = {file: file.read_text() for root in roots for kind in CITED_IN for file in root.rglob(kind)}
    assert len(found) > 5
    return found


def test_decisions_are_numbered_without_a_gap():
    assert list(FILES) == list(range(1, len(FILES) + 1))


@pytest.mark.parametrize("number", FILES)
def test_a_decision_has_a_date_a_status_and_what_was_turned_down(number):
    title, blank, head, *rest = FILES[number].read_text().splitlines()
    assert title.startswith(f"# {number}. ")
    assert blank == ""
    said = re.fullmatch(r"Date: (\d{4}-\d{2}-\d{2})\. Status: (.+)\.", head)
    assert said, head
    status = STATUS.fullmatch(said[2])
    assert status, said[2]
    assert {int(other) for other in status.groups() if other} <= set(FILES)
    body = "\n".join(rest)
    assert "**Decided.**" in body
    assert "**Turned down.**" in body


def test_the_list_of_decisions_says_what_their_files_say():
    rows = []
    for number, file in FILES.items():
        text = file.read_text()
        title = text.partition("\n")[0].removeprefix(f"# {number}. ")
        date, status = re.search(r"^Date: (\S+)\. Status: (.+)\.$", text, re.MULTILINE).groups()
        status = re.sub(r"\[(\d+)\]\(\S+?\)", r"\1", status)
        rows.append(f"| [{number}]({file.name}) | {title} | {date} | {status} |")
    listed = [line for line in (DECISIONS / "README.md").read_text().splitlines() if line.startswith("| [")]
    assert listed == rows


def test_every_decision_is_named_by_a_module_that_rests_on_it():
    modules = texts(*(ROOT / package for package in PACKAGES)) | {
        ROOT / "manage.py": (ROOT / "manage.py").read_text()
    }
    naming = {
        number for file, text in modules.items() if file.suffix in {".py", ".sql"} for number in cited(text)
    }
    assert set(FILES) - naming == set()


def test_every_decision_that_is_named_exists():
    everywhere = texts(*(ROOT / part for part in (*PACKAGES, "docs", "tests", "benchmarks")))
    everywhere |= {
        file: file.read_text() for file in (*ROOT.glob("*.md"), *ROOT.glob("*.py"), ROOT / "pyproject.toml")
    }
    unknown = {
        str(file.relative_to(ROOT)): numbers
        for file, text in everywhere.items()
        if (numbers := cited(text) - set(FILES))
    }
    assert unknown == {}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("see ADR 5.", {5}),
        ("ADR 16 and 19)", {16, 19}),
        ("see ADR 1 and ADR 2", {1, 2}),
        ("ADRs 1, 2 and 3", {1, 2, 3}),
    ],
)
def test_numbers_are_found_however_they_are_written(text, numbers):
    assert cited(text) == numbers

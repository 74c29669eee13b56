"""What we depend on: each line says why, and what is installed is checked by hash from wherever it comes."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PYPROJECT = (ROOT / "pyproject.toml").read_text()


def normal_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def locked() -> dict[str, list[str]]:
    """Each locked requirement with its hashes."""
    entries: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", LOCK.strip()):
        first, *rest = entry.split("\n")
        entries[first.rstrip("\\ ")] = [line.strip().rstrip("\\ ") for line in rest]
    return entries


def declared() -> list[str]:
    described = tomllib.loads(PYPROJECT)
    return [*described["project"]["dependencies"], *described["dependency-groups"]["dev"]]


def test_every_requirement_is_pinned_and_has_its_hashes() -> None:
    assert len(locked()) > 40
    for requirement, hashes in locked().items():
        assert re.match(r"^[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[^ ;]+( ;.*)?$", requirement), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text) for text in hashes), requirement


def test_the_lock_carries_no_address() -> None:
    assert "://" not in LOCK
    for option in ("--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ "):
        assert option not in LOCK


def test_everything_declared_is_locked() -> None:
    names = {normal_name(requirement) for requirement in locked()}
    assert [requirement for requirement in declared() if normal_name(requirement) not in names] == []


def test_every_dependency_says_what_it_is_for() -> None:
    lines = [line.strip() for line in PYPROJECT.splitlines() if re.match(r'\s+"[a-z].*[<>=]', line)]
    assert len(lines) == len(declared())
    for line in lines:
        assert re.search(r'",?\s+# \S', line), line

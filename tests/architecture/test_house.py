"""The house stays as it was laid out: one-way imports, rooms with names, one way to the money."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "platform" / "aio_platform", ROOT / "accounts", ROOT / "usage", ROOT / "gateway")
NAMELESS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "managers",
    "misc",
    "common",
    "base_utils",
    "tools",
}
MOST_MODULES = 20
MOST_AT_GATEWAYS_ROOT = 12
# The rooms that ask the books for something; every other room asks one of these.
LEDGER_API = {
    "archive/months.py",
    "ledger/client.py",
    "ledger/grants.py",
    "ledger/idempotency.py",
    "ledger/rate_card.py",
    "ledger/route_costs.py",
    "rollups.py",
}
# A latency's place in a histogram is arithmetic, which any query may do.
MONEY_FUNCTION = re.compile(r"usage_(?!latency_mark)[a-z_]+_v[0-9]+")


def python_files() -> list[Path]:
    found = [file for package in PACKAGES for file in package.rglob("*.py") if "migrations" not in file.parts]
    assert len(found) > 50
    return found


def output_of(*statements: str, path: tuple[Path, ...] = ()) -> str:
    """What a fresh interpreter in the repository's root prints, with these directories first on its path."""
    before = f"import sys; sys.path[:0] = {[str(directory) for directory in path]!r}\n"
    return subprocess.run(
        [sys.executable, "-c", before + "\n".join(statements)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize("path", [(), (ROOT,), (ROOT, ROOT / "platform"), (ROOT / "platform", ROOT)])
def test_platform_is_the_standard_librarys(path: tuple[Path, ...]) -> None:
    printed = output_of(
        "import platform, os", "print(platform.__file__); print(platform.system())", path=path
    )
    file, system = printed.splitlines()
    assert not Path(file).is_relative_to(ROOT)
    assert Path(file).name == "platform.py"
    assert system


def test_the_platform_folder_is_no_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "tests" / "platform").exists()


def test_imports_run_one_way() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert re.search(r"\b0 broken", completed.stdout), completed.stdout


def test_every_module_of_accounts_has_its_place_among_the_layers() -> None:
    """Its package keys lies on several layers, so import-linter cannot see by itself that the list is whole."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [contract] = [each for each in linter["contracts"] if each["name"] == "inside accounts"]
    placed = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    modules = {_module_name(file) for file in python_files() if file.is_relative_to(ROOT / "accounts")}
    assert len(modules) > 30
    packages = {name.rpartition(".")[0] for name in modules}
    homeless = {
        name
        for name in modules - packages
        if not any(name == place or name.startswith(f"{place}.") for place in placed)
    }
    assert homeless == set()


def test_every_room_has_a_name_that_says_what_is_in_it() -> None:
    nameless = [file for file in python_files() if NAMELESS & set(file.stem.split("_"))]
    assert nameless == []


def test_every_room_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in python_files()
        if file.read_text().strip()
        and not file.read_text().startswith('"""')
        and file.name not in ("apps.py", "base.py")
    ]
    assert silent == []


def test_the_money_functions_are_called_by_the_ledger_api_alone() -> None:
    """The functions of `usage/sql` are called in these rooms of usage, and nowhere else."""
    callers = {file for file in python_files() if MONEY_FUNCTION.search(_code(file))}
    assert {str(file.relative_to(ROOT / "usage")) for file in callers} == LEDGER_API


def _code(file: Path) -> str:
    """The file without its comments and docstrings, which may name a function."""
    text = re.sub(
        r'"""(.*?)"""',
        lambda found: "" if _is_prose(found.group(1)) else found.group(),
        file.read_text(),
        flags=re.S,
    )
    return re.sub(r"^\s*#.*$", "", text, flags=re.M)


def _is_prose(text: str) -> bool:
    return not re.search(r"\b(SELECT|PREPARE|CALL|EXECUTE)\b", text)


def test_no_room_writes_to_the_books_tables_by_itself() -> None:
    writes = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+usage_", re.I)
    assert [str(file.relative_to(ROOT)) for file in python_files() if writes.search(_code(file))] == []


def test_packages_have_few_modules_and_gateways_root_fewer_still() -> None:
    sizes = Counter(file.parent for file in python_files())
    assert sizes[ROOT / "gateway"] <= MOST_AT_GATEWAYS_ROOT
    assert {
        str(folder.relative_to(ROOT)): size for folder, size in sizes.items() if size > MOST_MODULES
    } == {}


def test_there_is_no_import_circle() -> None:
    """By every import statement: one inside a function or for type checkers alone is an arrow too."""
    arrows = imports_by_module()
    sorter = TopologicalSorter(arrows)
    sorter.prepare()  # raises CycleError, which names the circle
    assert len(arrows) > 300


def imports_by_module() -> dict[str, set[str]]:
    files = {_module_name(file): file for file in python_files()}
    arrows: dict[str, set[str]] = {}
    for name, file in files.items():
        arrows[name] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                arrows[name] |= {alias.name for alias in node.names} & set(files)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    imported = f"{node.module}.{alias.name}"
                    arrows[name] |= {imported if imported in files else node.module} & set(files)
        arrows[name].discard(name)
    return arrows


def _module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "platform":
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

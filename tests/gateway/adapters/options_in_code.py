"""Which options of a route each adapter reads, as its code has it: what its functions reach, call by call."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "gateway" / "adapters"
PACKAGES = {"adapters", *(folder.name for folder in FOLDER.iterdir() if folder.is_dir())}
# Helpers that are given an option's name, by the place of it among their arguments.
READERS = {"limit": 1, "check_count": 2, "_of": 1}
Place = tuple[str, str]


class Module:
    """The functions of one file: the options each names itself, and the functions it refers to."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        tree = ast.parse(path.read_text())
        self.constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        # A name of this file → where it comes from; a whole module is ("module", "").
        self.imported: dict[str, Place] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gateway.adapters"):
                module = (node.module or "").rpartition(".")[2]
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (
                        (alias.name, "") if module in PACKAGES else (module, alias.name)
                    )
        self.functions = {
            node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    def options(self, function: str) -> Iterator[str]:
        for node in ast.walk(self.functions[function]):
            named: ast.expr | None = None
            if isinstance(node, ast.Call):
                if (
                    isinstance(node.func, ast.Attribute)
                    and node.func.attr == "get"
                    and _is_options(node.func.value)
                ):
                    named = node.args[0]
                elif isinstance(node.func, ast.Name) and node.func.id in READERS:
                    named = node.args[READERS[node.func.id]]
            elif isinstance(node, ast.Compare) and _is_options(node.comparators[0]):
                named = node.left
            elif isinstance(node, ast.Subscript) and _is_options(node.value):
                named = node.slice
            if isinstance(named, ast.Constant):
                yield str(named.value)
            elif isinstance(named, ast.Name) and named.id in self.constants:
                yield str(self.constants[named.id])

    def refers_to(self, function: str) -> Iterator[Place]:
        for node in ast.walk(self.functions[function]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module, inside = self.imported.get(node.value.id, ("", ""))
                if module and not inside:
                    yield module, node.attr
            elif isinstance(node, ast.Name):
                if node.id in self.functions:
                    yield self.name, node.id
                elif self.imported.get(node.id, ("", ""))[1]:
                    yield self.imported[node.id]


def _is_options(node: ast.expr) -> bool:
    """`route.options`; other things have options too."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "options"
        and isinstance(node.value, ast.Name)
        and node.value.id == "route"
    )


def options_read_by(adapter: str, modules: dict[str, Module]) -> set[str]:
    """The options that any function of the adapter's own file reaches."""
    found: set[str] = set()
    seen: set[Place] = set()
    waiting: list[Place] = [(adapter, function) for function in modules[adapter].functions]
    while waiting:
        place = waiting.pop()
        module, function = place
        if place in seen or module not in modules or function not in modules[module].functions:
            continue
        seen.add(place)
        found |= set(modules[module].options(function))
        waiting += modules[module].refers_to(function)
    return found


def modules_of_adapters() -> dict[str, Module]:
    return {path.stem: Module(path) for path in FOLDER.rglob("*.py")}

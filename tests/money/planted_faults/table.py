"""The faults that are planted: which text of which file becomes which, and the tests that must notice.

They are written in the TOML files beside this one, a `[[fault]]` each: `name`, `file`, `old`, `new`, `tests`. A file
named with a star, as in `usage/sql/functions/authorize_v*.sql`, is the newest of those: the version in force.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE_DIR = Path(__file__).resolve().parent
_VERSION = re.compile(r"_v(\d+)\.sql$")
_FIELDS = frozenset({"name", "file", "old", "new", "tests"})


class FaultUnfit(AssertionError):
    """A record that cannot be planted as it is written: its place is gone, or there are several."""


@dataclass(frozen=True)
class Fault:
    """One rule broken on purpose. `tests` are pytest ids from the repository's root."""

    name: str
    area: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def path_in(self, root: Path) -> Path:
        """The file to break; raises FaultUnfit where there is none."""
        found = sorted(root.glob(self.file), key=_version_of)
        if not found:
            raise FaultUnfit(f"{self.name}: there is no {self.file}")
        return found[-1]

    def planted_in(self, text: str) -> str:
        """The file's text with the fault; raises FaultUnfit unless the old text is there exactly once."""
        count = text.count(self.old)
        if count != 1:
            raise FaultUnfit(f"{self.name}: its text is {count} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def all_faults() -> list[Fault]:
    """Every record of every file, in order; raises FaultUnfit for one that lacks a field or shares its name."""
    faults: list[Fault] = []
    for path in sorted(TABLE_DIR.glob("*.toml")):
        for record in tomllib.loads(path.read_text())["fault"]:
            if set(record) != _FIELDS or not record["tests"] or record["old"] == record["new"]:
                raise FaultUnfit(f"{path.name}: a fault has {', '.join(sorted(_FIELDS))}: {record}")
            faults.append(Fault(area=path.stem, **{**record, "tests": tuple(record["tests"])}))
    names = [fault.name for fault in faults]
    for name in names:
        if names.count(name) > 1:
            raise FaultUnfit(f"two faults are called {name!r}")
    return faults


def _version_of(path: Path) -> tuple[int, str]:
    found = _VERSION.search(path.name)
    return (int(found.group(1)) if found else 0, path.name)

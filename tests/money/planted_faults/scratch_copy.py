"""A copy of the repository to break things in, and running its tests there, on its own code and nobody else's."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from money.planted_faults.table import Fault

ROOT = Path(__file__).resolve().parents[3]
RUN_LIMIT_S = 600.0
# Where there is no git to ask which files are the repository's.
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "*.egg-info")


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended. An error is what befell a test outside of itself: importing, collecting, setting up."""

    passed: int
    failed: tuple[str, ...]
    errors: tuple[str, ...]
    printed: str

    @property
    def is_green(self) -> bool:
        return self.passed > 0 and not self.failed and not self.errors


class ScratchCopy:
    """One copy in a directory of its own, with what its tests write beside it.

    Not below pytest's own directory: every pytest that starts closes that to other users, and the database servers
    of the others' tests run as one.
    """

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="aio-planted-"))
        self._home.chmod(0o755)
        self.root = self._home / "copy"
        self._changes = 0
        _copy_repository(self.root)

    def remove(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """The fault is in the copy while the block runs."""
        path = fault.path_in(self.root)
        whole = path.read_text()
        self._write(path, fault.planted_in(whole))
        try:
            yield
        finally:
            self._write(path, whole)

    def run(self, tests: Sequence[str], *, until_first: bool) -> Outcome:
        """Run these tests in the copy; raises TimeoutError when they take longer than any of ours should."""
        report = self._home / "report.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
        command += ["-p", "money.planted_faults.own_code_only", f"--junitxml={report}"]
        command += [f"--basetemp={self._home / 'temporary'}"]
        process = subprocess.Popen(
            [*command, *(["-x"] if until_first else []), *tests],
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise TimeoutError(f"{', '.join(tests)} did not end in {RUN_LIMIT_S:g} s") from None
        return _read(report, printed)

    def _write(self, path: Path, text: str) -> None:
        """Compiled code is known by its source's size and second: each change gets a second of its own."""
        path.write_text(text)
        self._changes += 1
        moment = path.stat().st_mtime + self._changes
        os.utime(path, (moment, moment))

    def _environment(self) -> dict[str, str]:
        """Nothing of this test run's own; the copy's packages before those that are installed for editing."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIO_", "DJANGO_", "DATABASE_URL", "PYTEST_", "COVERAGE", "SECRET_KEY"))
        }
        paths = [str(self.root), str(self.root / "platform"), str(self.root / "tests")]
        return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def _copy_repository(directory: Path) -> None:
    """The files that belong to the repository, as they are in the working tree now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        shutil.copytree(ROOT, directory, ignore=NOT_COPIED, dirs_exist_ok=True)
        return
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, directory / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _read(report: Path, printed: str) -> Outcome:
    if not report.exists():
        return Outcome(0, (), ("pytest did not begin",), printed)
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None]
    errors = [case for case in cases if case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    return Outcome(
        len(cases) - len(failed) - len(errors) - len(skipped),
        tuple(_name(case) for case in failed),
        tuple(_name(case) for case in errors),
        printed,
    )


def _name(case: ET.Element) -> str:
    return f"{case.get('classname')}::{case.get('name')}"

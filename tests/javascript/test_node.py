"""What our JavaScript does without a page, tested by Node's own runner: `node --test tests/javascript/*.test.mjs`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NODE = shutil.which("node") or shutil.which("nodejs")
OLDEST_MAJOR = 18


def _why_not() -> str | None:
    """What keeps the tests from running here."""
    if NODE is None:
        return "Node.js is not installed (Debian: nodejs)"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major.group(1)) < OLDEST_MAJOR:
        return f"Node.js {version} is older than {OLDEST_MAJOR}"
    return None


def test_what_needs_no_page() -> None:
    why_not = _why_not()
    if why_not is not None:
        assert not os.environ.get("AIO_REQUIRE_NODE"), why_not
        pytest.skip(why_not)
    files = sorted(HERE.glob("*.test.mjs"))
    assert files

    ran = subprocess.run(
        [str(NODE), "--test", *map(str, files)], capture_output=True, text=True, timeout=300, cwd=HERE
    )

    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr

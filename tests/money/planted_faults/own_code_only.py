"""A pytest plugin for runs in a scratch copy: whatever is imported of the product must be the copy's.

The installed environment has the original's directories on its path, for editing.
"""

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("aio_platform", "accounts", "usage", "gateway")


def pytest_configure() -> None:
    here = Path.cwd().resolve()
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        assert Path(spec.origin).resolve().is_relative_to(here), f"{package} is not the copy's: {spec.origin}"

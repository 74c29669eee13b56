"""Every class of error that the platform has: all of its modules are imported, so that none is missed."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

from aio_platform.errors import PlatformError

APPS = ("aio_platform", "accounts", "usage", "gateway")
# Programs that the documentation shows, and migrations, which Django imports by itself.
NOT_IMPORTED = (".code.", ".migrations.")


@cache
def error_classes() -> tuple[type[PlatformError], ...]:
    """PlatformError and every class below it, in the order of their modules."""
    for app in APPS:
        package = importlib.import_module(app)
        for module in pkgutil.walk_packages(package.__path__, f"{app}."):
            if not any(part in f"{module.name}." for part in NOT_IMPORTED):
                importlib.import_module(module.name)
    found = [each for each in _with_those_below(PlatformError) if each.__module__.partition(".")[0] in APPS]
    assert len(found) > 80, "the classes were not found"
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.__module__, each.__qualname__)))


def _with_those_below(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _with_those_below(each)

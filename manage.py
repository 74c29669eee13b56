#!/usr/bin/env python
"""Django's command line for the platform; the house's two roots are put on the path first.

`platform/` is one of them and no package: see ADR 4.
"""

import atexit
import gc
import os
import sys
from pathlib import Path


def main() -> None:
    root = Path(__file__).resolve().parent
    for path in (root / "platform", root):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aio_platform.settings")
    gc.disable()
    try:
        from django.core.management import ManagementUtility
        from django.core.management.base import BaseCommand
    except ModuleNotFoundError:
        sys.exit(
            f"{sys.executable} has nothing of what the platform needs. Use .venv/bin/python, which `make run` makes."
        )

    class CommandLine(ManagementUtility):
        """Looks for no garbage among what Django loads, which stays: four tenths of a short command's time."""

        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            gc.freeze()
            gc.enable()
            return command

    # The interpreter's own last look, at its end, is spared too.
    atexit.register(gc.freeze)
    from aio_platform.db.database import NoDatabaseHere

    try:
        CommandLine(sys.argv).execute()
    except NoDatabaseHere as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""Collects every text that pages show, merges it into the catalogues and compiles them. Needs gettext.

    manage.py make_messages

For who changes texts: what it writes is committed, and nothing is made when the platform runs.
"""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from gateway.docs_site.translatable_texts import (
    DESCRIPTIONS_FILE,
    as_module,
    description_texts,
)

IGNORED = ("tests/*", "benchmarks/*", ".venv/*", ".aio/*")


class Command(BaseCommand):
    help = "Collect translatable texts into platform/locale, and compile the catalogues."

    def handle(self, *args: Any, **options: Any) -> None:
        DESCRIPTIONS_FILE.write_text(
            as_module("What the API's description and the models say.", "DESCRIPTIONS", description_texts()),
            "utf-8",
        )
        os.chdir(settings.ROOT)
        locales = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
        call_command(
            "makemessages",
            locale=locales,
            ignore_patterns=[*IGNORED, "*/docs_site/code/*"],
            add_location="file",
            no_obsolete=True,
            verbosity=options["verbosity"],
        )
        call_command("compilemessages", locale=locales, ignore_patterns=list(IGNORED), verbosity=0)
        self.stdout.write(
            "\n".join(str(path) for path in sorted(Path(settings.LOCALE_PATHS[0]).rglob("*.[pm]o")))
        )

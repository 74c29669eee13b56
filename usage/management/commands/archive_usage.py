"""`archive_usage --before YYYY-MM --to DIR`: old calls go to Parquet files, a month each, and out of the database."""

import re
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.credits import format_credits
from aio_platform.db import database
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only
from aio_platform.terminal.progress import ProgressLine
from usage.archive.months import Archived, Change, archive, changes


class Command(ScriptableCommand):
    help = (
        "Write the calls of old months to Parquet files, prove the files, and take the calls out of the database."
        " Sums and the ledger stay. Beside a running platform, as the database's owner; it may be killed and run again."
    )
    changes: list[Change]

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--before", metavar="YYYY-MM", help="archive every month before this one")
        what.add_argument(
            "--check", action="store_true", help="only compare the files with what was archived"
        )
        parser.add_argument(
            "--to", metavar="DIR", required=True, help="where the files are, a directory that exists"
        )
        parser.add_argument("--quiet", action="store_true", help="show no progress")

    def handle(self, *args: Any, **options: Any) -> None:
        self.changes = []
        super().handle(*args, **options)
        if self.changes:
            raise CommandError(f"{len(self.changes)} of the files are not as they were archived.")

    def perform(self, options: dict[str, Any]) -> Answer:
        directory = Path(options["to"])
        if options["check"]:
            return self._check(directory)
        before = _first_of_month(options["before"])
        # As everybody else first: an owner would make a database where there is none.
        connection.ensure_connection()
        database.act_as_owner()
        connection.close()
        done = []
        for one in archive(before, directory, self._shown(quiet=options["quiet"])):
            done.append(one)
            if not options["json"]:
                self.stdout.write(_sentence(one))
        text = f"Months archived: {len(done)}." if done else "There was nothing to archive."
        return Answer(text=text, data={"archived": [_as_json(one) for one in done]})

    def _check(self, directory: Path) -> Answer:
        self.changes = changes(directory)
        lines = [f"{one.path}: {one.problem}" for one in self.changes]
        rows = [
            {"month": f"{one.month:%Y-%m}", "file": str(one.path), "problem": one.problem}
            for one in self.changes
        ]
        return Answer(text="\n".join(lines) or "Every file is as it was archived.", data={"changes": rows})

    def _shown(self, *, quiet: bool) -> Any:
        lines: dict[str, ProgressLine] = {}

        def show(month: str, calls: int, of: int) -> None:
            line = lines.setdefault(
                month, ProgressLine(self.stderr, f"calls of {month} written", quiet=quiet)
            )
            line.show(calls, of)
            if calls == of:
                line.end()

        return show


def _first_of_month(text: str) -> date:
    found = re.fullmatch(r"(\d{4})-(\d{2})", text)
    if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1:
        raise InvalidRequest(english_only("--before is a year and a month, as in 2026-04."), param="before")
    return date(int(found[1]), int(found[2]), 1)


def _sentence(one: Archived) -> str:
    return (
        f"{one.month:%Y-%m}: {one.calls:,} calls of {one.accounts:,} accounts,"
        f" {format_credits(one.captured_microcredits)} credits, {one.bytes:,} bytes in {one.path}"
    )


def _as_json(one: Archived) -> dict[str, Any]:
    return {
        "month": f"{one.month:%Y-%m}",
        "file": str(one.path),
        "bytes": one.bytes,
        "sha256": one.sha256,
        "calls": one.calls,
        "accounts": one.accounts,
        "captured": format_credits(one.captured_microcredits),
    }

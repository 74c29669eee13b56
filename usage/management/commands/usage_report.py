"""`usage_report`: what all accounts used, for operators."""

import json
from argparse import ArgumentParser
from typing import Any

from accounts.command_line import Answer, ScriptableCommand
from aio_platform.errors import InvalidRequest
from usage import reports
from usage.moments import parse_moment, utc_text


class Command(ScriptableCommand):
    help = "Print calls, errors, credits, tokens and latencies of all accounts, grouped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--since", metavar="T", help="as in 2030-01-31; 30 days ago when not given")
        parser.add_argument("--until", metavar="T", help="now when not given")
        parser.add_argument(
            "--group-by",
            default="account",
            metavar="BY",
            help=f"one or more of {', '.join(reports.DIMENSIONS)}, separated by commas",
        )
        parser.add_argument("--format", choices=("table", "csv", "json"), default="table")

    def perform(self, options: dict[str, Any]) -> Answer:
        since = parse_moment(options["since"], "--since") if options["since"] else None
        until = parse_moment(options["until"], "--until") if options["until"] else None
        if since is not None and until is not None and since >= until:
            raise InvalidRequest("--since is before --until.")
        report = reports.usage_report(since, until, _read_group_by(options["group_by"]))
        data = {
            "as_of": utc_text(report.as_of),
            "since": utc_text(report.since),
            "until": report.until and utc_text(report.until),
            "rows": report.rows,
        }
        if options["format"] == "json":
            text = json.dumps(data)
        elif options["format"] == "csv":
            text = reports.as_csv(report)
        else:
            text = reports.as_table(report)
        return Answer(text=text, data=data)


def _read_group_by(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not set(names) <= set(reports.DIMENSIONS) or len(set(names)) != len(names):
        raise InvalidRequest(
            f"--group-by is one or more of {', '.join(reports.DIMENSIONS)}, separated by commas."
        )
    return names

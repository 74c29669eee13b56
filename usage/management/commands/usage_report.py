"""`usage_report`: what all accounts used, or one of the staff reports, for operators."""

import json
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only
from aio_platform.timestamps import parse_timestamp, utc_text
from usage.reports import REPORTS, Report
from usage.reports.all_usage import DIMENSIONS, all_usage
from usage.reports.reading import FILTERS, read_report_query
from usage.reports.rendering import as_csv, as_json, as_rows, as_table

PATIENCE_S = 2.0
_ONLY_OF_REPORTS = ("timezone", *FILTERS, "interval", "limit")


class Command(ScriptableCommand):
    help = "Print a staff report; without its name, calls, errors, credits, tokens and latencies of all accounts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("report", nargs="?", metavar="REPORT", help=f"one of {', '.join(REPORTS)}")
        parser.add_argument("--since", metavar="T", help="as in 2030-01-31; 30 days ago when not given")
        parser.add_argument("--until", metavar="T", help="now when not given")
        parser.add_argument(
            "--group-by",
            metavar="BY",
            help="one or more, separated by commas; without a REPORT some of " + ", ".join(DIMENSIONS),
        )
        parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
        for name in _ONLY_OF_REPORTS:
            parser.add_argument(f"--{name}", help="of a REPORT")
        parser.add_argument("--compare", action="store_true", help="beside the period before; of a REPORT")

    def perform(self, options: dict[str, Any]) -> Answer:
        with self._progress():
            if options["report"] is None:
                return _all_usage(options)
            return _staff_report(options)

    @contextmanager
    def _progress(self) -> Iterator[None]:
        """Say now and then that it is still reading; a long range in raw events takes a while."""
        started, ended = time.monotonic(), threading.Event()

        def tell() -> None:
            while not ended.wait(PATIENCE_S):
                self.stderr.write(f"reading for {time.monotonic() - started:.0f} s")

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _staff_report(options: dict[str, Any]) -> Answer:
    kind = REPORTS.get(options["report"])
    if kind is None:
        raise InvalidRequest(
            english_only("There is no report %(name)s; there are %(reports)s."),
            name=repr(options["report"]),
            reports=", ".join(REPORTS),
        )
    texts = {name: options[name] or "" for name in ("since", "until", "group_by", *_ONLY_OF_REPORTS)}
    texts["compare"] = "yes" if options["compare"] else ""
    report = kind.make(read_report_query(texts, lambda name: "--" + name.replace("_", "-")))
    return _answer(report, as_json(report), options["format"])


def _all_usage(options: dict[str, Any]) -> Answer:
    for name in _ONLY_OF_REPORTS:
        if options[name] is not None:
            raise InvalidRequest(
                english_only("--%(name)s needs a REPORT: one of %(reports)s."),
                name=name,
                reports=", ".join(REPORTS),
            )
    since = parse_timestamp(options["since"], "--since") if options["since"] else None
    until = parse_timestamp(options["until"], "--until") if options["until"] else None
    if since is not None and until is not None and since >= until:
        raise InvalidRequest(english_only("--since is before --until."))
    report = all_usage(since, until, _read_group_by(options["group_by"] or "account"))
    assert report.period is not None
    data = {
        "as_of": utc_text(report.as_of),
        "since": utc_text(report.period.since),
        "until": report.period.until and utc_text(report.period.until),
        "rows": as_rows(report),
    }
    return _answer(report, data, options["format"])


def _answer(report: Report, data: dict[str, Any], output_format: str) -> Answer:
    if output_format == "json":
        text = json.dumps(data)
    elif output_format == "csv":
        text = as_csv(report).rstrip("\r\n")
    else:
        text = as_table(report)
    return Answer(text=text, data=data)


def _read_group_by(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not set(names) <= set(DIMENSIONS) or len(set(names)) != len(names):
        raise InvalidRequest(
            english_only("--group-by is one or more of %(dimensions)s, separated by commas."),
            dimensions=", ".join(DIMENSIONS),
        )
    return names

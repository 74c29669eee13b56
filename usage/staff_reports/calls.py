"""Calls and credits: how many calls there were, how many went wrong, and what they cost."""

from typing import Any

from usage.queries.filters import CallFilter
from usage.queries.snapshot import Snapshot, snapshot
from usage.queries.summaries import Grouping, summarise, total
from usage.staff_reports.question import Question, period_of, previous_of
from usage.staff_reports.rows import group_columns, name_rows, share
from usage.staff_reports.shape import Chart, Column, Kind, Previous, Report

NAME = "calls"
TITLE = "Calls and credits"
DIMENSIONS = ("account", "key", "member", "model", "endpoint", "outcome")
FIGURES = (
    Column("calls", "Calls", Kind.COUNT),
    Column("errors", "Errors", Kind.COUNT),
    Column("error_rate", "Error rate", Kind.SHARE),
    Column("cost", "Spent, net", Kind.MICROCREDITS),
    Column("gross", "Spent, gross", Kind.MICROCREDITS),
    Column("refunded", "Refunded", Kind.MICROCREDITS),
    Column("tokens_in", "Tokens in", Kind.COUNT),
    Column("tokens_out", "Tokens out", Kind.COUNT),
)


def calls(question: Question) -> Report:
    """Over time by day where nothing else is asked for."""
    grouping = question.grouping(DIMENSIONS, (), "day")
    with snapshot() as books:
        which = question.within(grouping, books.as_of)
        rows, totals = _look(books, which, grouping)
        previous = None
        if question.compare:
            before = previous_of(which, question, books.as_of)
            previous = Previous(period_of(before), *_look(books, before, grouping))
    return Report(
        NAME,
        TITLE,
        books.as_of,
        period_of(which),
        (*group_columns(grouping), *FIGURES),
        rows,
        totals,
        previous,
        Chart("line", "bucket", ("calls", "cost")) if grouping.interval != "none" else None,
        interval=grouping.interval,
        zone=question.zone,
        zone_name=question.zone_name,
    )


def _look(
    books: Snapshot, which: CallFilter, grouping: Grouping
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    found = summarise(books, which, grouping)
    rows = [_figures(row) for row in found]
    for row, named in zip(rows, name_rows(found, grouping), strict=True):
        row |= named
    return rows, _figures(total(books, which))


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "calls": row["calls"],
        "errors": row["errors"],
        "error_rate": share(row["errors"], row["calls"]),
        "cost": row["cost_microcredits"],
        "gross": row["gross_microcredits"],
        "refunded": row["refunded_microcredits"],
        "tokens_in": row["tokens_in"],
        "tokens_out": row["tokens_out"],
    }

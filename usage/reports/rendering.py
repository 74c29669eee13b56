"""A report as JSON, as CSV that no spreadsheet takes for formulas, and as a table for a terminal. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aio_platform.credits import format_credits
from aio_platform.csv_text import csv_texts
from aio_platform.terminal.text_table import aligned
from aio_platform.timestamps import local_text, utc_text
from usage.reports.shape import Column, Kind, Period, Report

_PREVIOUS = "previous_"


def as_json(report: Report) -> dict[str, Any]:
    """Everything, ready for a JSON writer; amounts twice, as credits and as exact micro-credits."""
    previous = report.previous
    return {
        "report": report.name,
        "title": report.title,
        "as_of": utc_text(report.as_of),
        **_period(report.period),
        "interval": report.interval,
        "timezone": report.zone_name,
        "columns": [
            {
                "name": column.name,
                "title": column.title,
                "kind": column.kind.value,
                "group": column.is_group,
            }
            for column in report.columns
        ],
        "rows": [_json_row(report, row) for row in report.rows],
        "is_cut": report.is_cut,
        "totals": report.totals and _json_values(report, report.totals),
        "previous": previous
        and {
            **_period(previous.period),
            "rows": [_json_row(report, row) for row in previous.rows],
            "totals": previous.totals and _json_values(report, previous.totals),
        },
    }


def as_csv(report: Report) -> str:
    """A header and the rows, as RFC 4180 writes them; with a comparison, each figure's previous one beside it."""
    headings = _headings(report)
    texts = {column.name for column in report.columns if column.kind is Kind.TEXT}
    numbers = {name for name in headings if name not in texts}
    return "".join(csv_texts(headings, [_lines(report)], numbers))


def as_rows(report: Report) -> list[dict[str, Any]]:
    """Each row as CSV has it, by its columns' names."""
    headings = _headings(report)
    return [dict(zip(headings, line, strict=True)) for line in _lines(report)]


def as_table(report: Report) -> str:
    """Columns for a terminal, figures to the right, the totals in the last line."""
    lines = [_headings(report)]
    lines += [["" if cell is None else str(cell) for cell in line] for line in _lines(report)]
    if report.totals is not None:
        lines.append(_total_line(report))
    return aligned(lines, texts=len(report.groups))


def _period(period: Period | None) -> dict[str, Any]:
    return {
        "since": period and utc_text(period.since),
        "until": period and period.until and utc_text(period.until),
    }


def _json_row(report: Report, row: dict[str, Any]) -> dict[str, Any]:
    ids = {"ids": row["ids"]} if "ids" in row else {}
    named = {column.name: _cell(report, column, row[column.name]) for column in report.groups}
    return {**named, **_json_values(report, row), **ids}


def _json_values(report: Report, row: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for column in report.value_columns:
        value = row.get(column.name)
        shown[column.name] = _cell(report, column, value)
        if column.kind is Kind.MICROCREDITS:
            shown[f"{column.name}_microcredits"] = value
    return shown


def _headings(report: Report) -> list[str]:
    headings = [column.name for column in report.columns]
    if report.previous is not None:
        headings += [_PREVIOUS + column.name for column in report.value_columns]
    return headings


def _lines(report: Report) -> list[list[Any]]:
    if report.previous is None:
        return [_cells(report, report.columns, row) for row in report.rows]
    return [
        _cells(report, report.columns, row) + _cells(report, report.value_columns, earlier or {})
        for row, earlier in report.rows_with_previous()
    ]


def _total_line(report: Report) -> list[str]:
    totals = report.totals or {}
    line = ["" for _ in report.groups]
    if line:
        line[0] = "total"
    values = _cells(report, report.value_columns, totals)
    if report.previous is not None:
        values += _cells(report, report.value_columns, report.previous.totals or {})
    return line + ["" if cell is None else str(cell) for cell in values]


def _cells(report: Report, columns: Sequence[Column], row: dict[str, Any]) -> list[Any]:
    return [_cell(report, column, row.get(column.name)) for column in columns]


def _cell(report: Report, column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.kind is Kind.MICROCREDITS:
        return format_credits(value)
    if column.kind is Kind.SHARE:
        return round(value, 6)
    if isinstance(value, datetime):
        return local_text(value, report.zone)
    return value

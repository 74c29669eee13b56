"""Rows as CSV that no spreadsheet takes for formulas."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

# What Excel, LibreOffice and Google Sheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(rows: Sequence[Sequence[Any]]) -> str:
    """The rows as RFC 4180 writes them."""
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def safe_cell(value: Any) -> Any:
    """The value as a cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value

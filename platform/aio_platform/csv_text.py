"""Tables as CSV that no spreadsheet takes for formulas. Pure."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

# What Excel, LibreOffice and Google Sheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Rows = Iterable[Sequence[Any]]


def csv_texts(header: Sequence[str], batches: Iterable[Rows], numbers: Collection[str] = ()) -> Iterator[str]:
    """The header, then the rows of each batch, as RFC 4180 writes them: a text each, which put together are the file.

    A batch is taken when its text is asked for. Cells are made safe, except in the columns that `numbers` names: a
    negative amount starts with a minus sign and means it.
    """
    yield csv_text([header])
    is_number = [name in numbers for name in header]
    for rows in batches:
        yield csv_text(
            [cell if plain else safe_cell(cell) for cell, plain in zip(row, is_number, strict=True)]
            for row in rows
        )


def csv_text(rows: Rows) -> str:
    """The rows as RFC 4180 writes them, each cell as it is."""
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

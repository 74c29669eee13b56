"""One month of usage events as a Parquet file: written in row groups, read back to the last byte.

pyarrow is imported where it is used: it takes tens of megabytes, which servers need for calls.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

UNFINISHED = ".unfinished"
# Rows of so many pages of the table (16 MB) make one row group, and are what is in memory at a time.
PAGES_AT_ONCE = 2048


class AccountSums(NamedTuple):
    """What an account's calls of a month come to."""

    calls: int
    captures: int
    captured_microcredits: int
    refunded_microcredits: int


class Month(NamedTuple):
    """The calls to write: the partition they are in, its columns with their types, and how they are read."""

    table: str
    columns: dict[str, str]
    pieces: Iterator[bytes]


def write(month: Month, path: Path, show: Callable[[int], None]) -> None:
    """Write the pieces (CSV, as COPY gives it) to `path`, whole or not at all; `show` is told of the rows so far.

    Killed half-way it leaves a file named `….unfinished`, which the next attempt replaces.
    """
    import pyarrow as pa
    from pyarrow import csv
    from pyarrow import parquet as pq

    schema = _schema(month.columns)
    reading = csv.ConvertOptions(
        column_types=schema,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )
    unfinished = path.with_name(path.name + UNFINISHED)
    rows = 0
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, _removed_unless_done(unfinished):
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            for piece in month.pieces:
                table = csv.read_csv(
                    pa.BufferReader(piece),
                    # One thread and one block: the cores are the callers', and a row may be as long as it likes.
                    csv.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(piece)),
                    csv.ParseOptions(newlines_in_values=True),
                    reading,
                )
                writer.write_table(table)
                rows += table.num_rows
                show(rows)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)


def read_sums(path: Path) -> dict[int, AccountSums]:
    """What the file's calls come to for each account, after every byte of it was read and checked.

    Raises OSError or ValueError for a file that cannot be read.
    """
    from pyarrow import parquet as pq

    sums: dict[int, AccountSums] = {}
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, use_threads=False)
            table.validate(full=True)
            for row in _added_up(table):
                before = sums.get(row[0], AccountSums(0, 0, 0, 0))
                sums[row[0]] = AccountSums(*(old + new for old, new in zip(before, row[1:], strict=True)))
    return sums


@contextmanager
def _removed_unless_done(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink()
        raise


def sync_directory(directory: Path) -> None:
    """Make names that were given in the directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _added_up(table: Any) -> Iterator[tuple[int, ...]]:
    added = table.group_by("account_id", use_threads=False).aggregate(
        [
            ("request_id", "count"),
            ("ledger_entry", "count"),
            ("cost_microcredits", "sum"),
            ("refunded_microcredits", "sum"),
        ]
    )
    names = (
        "account_id",
        "request_id_count",
        "ledger_entry_count",
        "cost_microcredits_sum",
        "refunded_microcredits_sum",
    )
    return zip(*(added.column(name).to_pylist() for name in names), strict=True)


def _schema(columns: dict[str, str]) -> Any:
    """The file's columns are the table's; KeyError for a type that nobody has thought of."""
    import pyarrow as pa

    types = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "smallint": pa.int16(),
        "boolean": pa.bool_(),
        "text": pa.string(),
        "uuid": pa.string(),
        "jsonb": pa.string(),
        "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])

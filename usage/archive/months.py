"""Which months can be archived, and the way each of them goes: checked, written, read back, booked, taken out.

Nobody waits for it. The calls are read in short statements, so that no old snapshot keeps dead rows of the balances
alive; only the booking takes locks, for milliseconds, and gives up and tries again rather than be waited for.
See ADR 17.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from psycopg import sql

from usage.archive import parquet_file, refusals
from usage.archive.parquet_file import AccountSums
from usage.queries.aggregates.sums import EVERYBODY, EVERYBODY_COARSELY

log = structlog.get_logger(__name__)

LOCK = "usage_archive"
PATIENCE_S = 600.0
PAUSE_S = 1.0
# A refund or a late call makes a month's file out of date; so many in a row are no coincidence.
ATTEMPTS = 3
_EVER = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
_PARTITION = re.compile(r"usage_event_(\d{4})_(\d{2})")
_COLUMNS_SQL = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_SUMS_SQL = """
    SELECT account_id, count(*), count(ledger_entry), sum(cost_microcredits)::bigint, sum(refunded_microcredits)::bigint
    FROM {table} WHERE started_at >= %s AND started_at < %s GROUP BY 1
"""
# One to one, as `reconcile` compares them; once the calls are out, only their sums can be.
_MISTAKES_SQL = """
    SELECT
        (SELECT count(*) FROM {table} WHERE request_id < %(first_id)s OR request_id >= %(next_id)s)
        + (SELECT count(*)
           FROM (SELECT * FROM usage_ledger_entry
                 WHERE kind = 'capture' AND request_id >= %(first_id)s AND request_id < %(next_id)s) l
           FULL JOIN (SELECT * FROM {table} WHERE ledger_entry IS NOT NULL) e
               ON e.account_id = l.account_id AND e.ledger_entry = l.entry
           WHERE (e.request_id, e.cost_microcredits) IS DISTINCT FROM (l.request_id, -l.amount_microcredits))
        + (SELECT count(*)
           FROM (SELECT account_id, request_id, sum(amount_microcredits) AS refunded FROM usage_ledger_entry
                 WHERE kind = 'refund' AND request_id >= %(first_id)s AND request_id < %(next_id)s GROUP BY 1, 2) l
           FULL JOIN (SELECT * FROM {table} WHERE refunded_microcredits > 0) e USING (account_id, request_id)
           WHERE l.refunded IS DISTINCT FROM e.refunded_microcredits)
"""
# What is left of an account's calls at each level, between two moments.
_LEFT_SQL = {
    level: f"""
        SELECT account_id, sum(calls)::bigint, sum(gross_microcredits)::bigint, sum(refunded_microcredits)::bigint
        FROM usage_rollup_{level} WHERE {condition} AND bucket >= %(since)s AND bucket < %(until)s GROUP BY 1
    """  # noqa: S608 - constants
    for level, condition in {
        "hour": "true",
        "day": "day_start = %(day_start)s",
        "account_day": "day_start = %(day_start)s",
    }.items()
}
_BOOK_SQL = """
    SELECT usage_archive_month_v1(%s, %s, %s, %s, %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
"""


class Archived(NamedTuple):
    """A month whose calls are in `path` alone."""

    month: date
    path: Path
    bytes: int
    sha256: str
    calls: int
    accounts: int
    captured_microcredits: int


class Change(NamedTuple):
    """A file that is not what it was when its month was archived: `missing`, or `changed`."""

    month: date
    path: Path
    problem: str


class _Changed(Exception):
    """A call of the month was refunded, or came, since its sums were taken: they are to be taken again."""


def latest_before(today: date) -> date:
    """The first month whose calls are kept for certain."""
    return _months_on(today, -settings.CALLS_KEEP_MONTHS)


def archive(
    before: date, directory: Path, show: Callable[[str, int, int], None] = lambda month, calls, of: None
) -> Iterator[Archived]:
    """Archive every month before that one (the first of a month), the oldest first, and give each when it is done.

    Killed at any point and begun again it comes to the same end. `show` is told how many calls of how many of a month
    are written. Raises ArchiveRefused; months that were given before stay archived. As the database's owner.
    """
    latest = latest_before(datetime.now(UTC).date())
    if before > latest:
        raise refusals.MonthTooYoung(f"{latest:%Y-%m}", settings.CALLS_KEEP_MONTHS)
    if not directory.is_dir():
        raise refusals.DirectoryUnusable(directory, "there is no such directory")
    with _alone():
        # Calls of months without a partition get theirs.
        _when_free(lambda: _rows("SELECT usage_make_partitions_if_free_v2(0)"))
        for month in _months_with_calls():
            if month < before:
                try:
                    yield _archive_month(month, directory, show)
                except OSError as error:
                    raise refusals.DirectoryUnusable(directory, error.strerror or str(error)) from error


def changes(directory: Path) -> list[Change]:
    """Which files of archived months are not in the directory as they were written; every byte is read.

    Raises ArchiveRefused where there is nothing to compare: no such directory, or no month was ever archived.
    """
    if not directory.is_dir():
        raise refusals.DirectoryUnusable(directory, "there is no such directory")
    archived = _rows("SELECT month, file, sha256 FROM usage_archive ORDER BY month")
    if not archived:
        raise refusals.NothingArchived
    found = []
    for month, name, sha256 in archived:
        path = directory / name
        if not path.is_file():
            found.append(Change(month, path, "missing"))
        elif _digest_of(path) != sha256:
            found.append(Change(month, path, "changed"))
    return found


def _archive_month(month: date, directory: Path, show: Callable[[str, int, int], None]) -> Archived:
    table = f"usage_event_{month:%Y_%m}"
    path = directory / f"{table}.parquet"
    _summarize(table)
    for _ in range(ATTEMPTS):
        _rows("SELECT usage_refuse_unfinished_v1(%s, %s)", _bounds(month), month)
        sums = _sums_of(table)
        _check_books(table, month)
        shown = partial(_show, show, f"{month:%Y-%m}", _calls(sums))
        shown(0)
        try:
            _put(table, path, sums, shown)
            digest, size = _digest_of(path), path.stat().st_size
            _check_what_is_left(table, month, sums)
            _when_free(lambda: _book(month, path, size, digest, sums))  # noqa: B023 - called at once
        except _Changed:
            if _sums_of(table) == sums:
                break
            continue
        captured = sum(one.captured_microcredits for one in sums.values())
        archived = Archived(month, path, size, digest, _calls(sums), len(sums), captured)
        log.info("calls archived", month=f"{month:%Y-%m}", calls=archived.calls, bytes=size)
        return archived
    raise refusals.SumsDisagree(f"{month:%Y-%m}")


def _show(show: Callable[[str, int, int], None], month: str, of: int, calls: int) -> None:
    show(month, calls, of)


def _put(table: str, path: Path, sums: dict[int, AccountSums], show: Callable[[int], None]) -> None:
    """Write the month's calls to its file, or keep the file of an attempt that was killed where that is still right."""
    if path.exists():
        try:
            there = parquet_file.read_sums(path)
        except (OSError, ValueError, KeyError) as error:
            raise refusals.FileTaken(path) from error
        if there == sums:
            parquet_file.sync_directory(path.parent)
            return
        # The same calls, refunded since: that attempt's file. Anything else is not ours to replace.
        if {account: one[:3] for account, one in there.items()} != {
            account: one[:3] for account, one in sums.items()
        }:
            raise refusals.FileTaken(path)
    columns = dict(_rows(_COLUMNS_SQL, [table]))
    parquet_file.write(parquet_file.Month(table, columns, _pieces(table)), path, show)
    try:
        there = parquet_file.read_sums(path)
    except (OSError, ValueError) as error:
        raise refusals.FileDamaged(path) from error
    if there != sums:
        path.unlink()
        if _sums_of(table) == sums:
            raise refusals.FileDamaged(path)
        raise _Changed


def _check_what_is_left(table: str, month: date, sums: dict[int, AccountSums]) -> None:
    """Compare the sums by the day, and by the hour where they are kept, with the calls that they will stand for."""
    since, until = _bounds(month)
    [[hours_from, day_starts]] = _rows("SELECT hours_from <= %s, day_starts FROM usage_rollup_state", [since])
    if hours_from:
        _check_level("hour", sums, since, until)
    for day_start in day_starts:
        # The days that are wholly in the month; of a zone's that begins elsewhere the others hold another's, too.
        later = timedelta(minutes=day_start)
        first, last = since + later, until + later - (timedelta(days=1) if day_start else timedelta())
        whole = _sums_of(table, first, last) if day_start else sums
        for level in ("day", "account_day"):
            _check_level(level, whole, first, last, day_start)


def _check_level(
    level: str, sums: dict[int, AccountSums], since: datetime, until: datetime, day_start: int = 0
) -> None:
    of_calls: dict[int, tuple[int, ...]] = {account: (one.calls, *one[2:]) for account, one in sums.items()}
    if sums and level != "account_day":
        everything = tuple(map(sum, zip(*of_calls.values(), strict=True)))
        of_calls |= {EVERYBODY: everything, EVERYBODY_COARSELY: everything}
    left = _rows(_LEFT_SQL[level], {"since": since, "until": until, "day_start": day_start})
    if {row[0]: row[1:] for row in left} != of_calls:
        raise _Changed


def _pieces(table: str) -> Iterator[bytes]:
    """The table's rows as CSV, some megabytes at a time, in the order in which they lie on disk."""
    [[pages]] = _rows(
        "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::integer", [table]
    )
    for first in range(0, pages, parquet_file.PAGES_AT_ONCE):
        piece = bytearray()
        statement = sql.SQL(
            "COPY (SELECT * FROM {table} WHERE ctid >= {first} AND ctid < {end}) TO STDOUT (FORMAT csv)"
        ).format(
            table=sql.Identifier(table),
            first=sql.Literal(f"({first},0)"),
            end=sql.Literal(f"({first + parquet_file.PAGES_AT_ONCE},0)"),
        )
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
            for block in copy:
                piece += block
        if piece:
            yield bytes(piece)


def _book(month: date, path: Path, size: int, digest: str, sums: dict[int, AccountSums]) -> None:
    columns = [[one[place] for one in sums.values()] for place in range(len(AccountSums._fields))]
    _rows(_BOOK_SQL, [month, path.name, size, digest, list(sums), *columns], month)


def _when_free(do: Callable[[], object]) -> None:
    """Do what needs the tables for itself, in a moment when nothing else has them for long."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            do()
            return
        except Error as error:
            if not isinstance(
                error.__cause__, (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
            ):
                raise
            if time.monotonic() >= give_up_at:
                raise refusals.TablesBusy from error
            time.sleep(PAUSE_S)


def _check_books(table: str, month: date) -> None:
    [ids] = _rows("SELECT usage_first_request_id_v1(%s), usage_first_request_id_v1(%s)", _bounds(month))
    statement = _MISTAKES_SQL.format(table=table)
    [[mistakes]] = _rows(statement, dict(zip(("first_id", "next_id"), ids, strict=True)))
    if mistakes:
        raise refusals.BooksDisagree(f"{month:%Y-%m}")


def _summarize(table: str) -> None:
    """Have the index by time know the whole table: what settled last is then found at once, while others wait."""
    _rows(
        "SELECT brin_summarize_new_values(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam WHERE i.indrelid = %s::regclass AND a.amname = 'brin'",
        [table],
    )


def _sums_of(table: str, since: datetime = _EVER[0], until: datetime = _EVER[1]) -> dict[int, AccountSums]:
    return {row[0]: AccountSums(*row[1:]) for row in _rows(_SUMS_SQL.format(table=table), [since, until])}


def _calls(sums: dict[int, AccountSums]) -> int:
    return sum(one.calls for one in sums.values())


def _months_with_calls() -> list[date]:
    """The months that have a partition, oldest first."""
    names = _rows(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass"
    )
    found = [_PARTITION.fullmatch(name) for [name] in names]
    return sorted(date(int(match[1]), int(match[2]), 1) for match in found if match)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bounds(month: date) -> list[datetime]:
    return [datetime(first.year, first.month, 1, tzinfo=UTC) for first in (month, _months_on(month, 1))]


def _months_on(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


@contextmanager
def _alone() -> Iterator[None]:
    [[alone]] = _rows("SELECT pg_try_advisory_lock(hashtext(%s))", [LOCK])
    if not alone:
        raise refusals.ArchiveUnderWay
    try:
        yield
    finally:
        # Where the connection is gone, so is the lock.
        if connection.is_usable():
            _rows("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])


def _rows(statement: str, parameters: Any = None, month: date | None = None) -> list[tuple[Any, ...]]:
    """Run one statement; raises what the rule it breaks means for the month.

    In a savepoint where the caller is in a transaction, which a refusal then leaves whole.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()
    except Error as error:
        cause = error.__cause__
        rule = cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
        if rule == "usage_archive_sums_agree":
            raise _Changed from error
        if rule == "usage_archive_holds_ended":
            raise refusals.MonthHasOpenCalls(f"{month:%Y-%m}") from error
        if rule == "usage_archive_rolled_up":
            raise refusals.MonthNotSummed(f"{month:%Y-%m}") from error
        raise

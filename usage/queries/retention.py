"""From when on single calls are kept: those of earlier months are in files, and their sums here."""

from datetime import datetime

from usage.errors import CallArchived, CallsNotKept
from usage.queries.filters import CallFilter
from usage.request_times import CallName
from usage.snapshot import Snapshot

_KEPT_FROM_SQL = "SELECT events_from FROM usage_rollup_state WHERE events_from > '-infinity'"
_FILE_SQL = """
    SELECT file FROM usage_archive
    WHERE month = date_trunc('month', %(started_at)s::timestamptz AT TIME ZONE 'UTC')::date
"""


def kept_from(books: Snapshot) -> datetime | None:
    """Calls that started before that moment are archived; None where none are."""
    row = books.row(_KEPT_FROM_SQL, {})
    return None if row is None else row["events_from"]


def check_call_is_kept(books: Snapshot, call: CallName) -> None:
    """Raise CallArchived for a call that would be in a file, whether or not there was such a one."""
    kept = kept_from(books)
    if kept is not None and call.started_at < kept:
        raise CallArchived(kept)


def check_calls_are_kept(books: Snapshot, which: CallFilter) -> None:
    """Raise CallsNotKept where a start is asked for that lies in archived time."""
    kept = kept_from(books)
    if kept is not None and which.since is not None and which.since < kept:
        raise CallsNotKept(kept)


def archive_file_of(books: Snapshot, call: CallName) -> str | None:
    """The file in which the call would be; None where its month is not archived."""
    row = books.row(_FILE_SQL, {"started_at": call.started_at})
    return None if row is None else row["file"]

"""The sums of `usage/sql/tables/rollups.sql`: kept up with the events, made anew, and forgotten with age.

Any number of processes may do any of this; the database lets one at a time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from django.db import Error, connection

from usage.errors import EventsArchived

# So far behind the newest events, a clock that is set back a little misses none.
LAG_S = 10.0
SPAN_S = 600.0
# Made anew in longer pieces, each day's row is written fewer times.
REBUILD_SPAN_S = 86_400.0
# Longer than the longest timeline by the minute and by the hour (10,000 each). Days are kept for ever.
MINUTES_KEEP_DAYS = 8
HOURS_KEEP_DAYS = 420
FORGET_AT_ONCE = 20_000
_WAIT_FOR_TRANSACTIONS_S = 0.2


class Progress(NamedTuple):
    """How far a rebuild is: events taken, of how many about, and the moment up to which they were settled."""

    events: int
    of_about: int
    up_to: datetime | None


def roll_up(span_s: float = SPAN_S, lag_s: float = LAG_S) -> tuple[int, bool]:
    """Take the next events into the sums: how many they were, and whether there are no more to take for now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT events, is_done FROM usage_roll_up_v4(make_interval(secs => %s), make_interval(secs => %s))",
            [span_s, lag_s],
        )
        events, is_done = cursor.fetchone()
    return events, is_done


def take_some() -> int:
    """Take the next events that are due into the sums; how many. What the worker does by the clock."""
    events, _ = roll_up()
    return events


def forget(now: datetime | None = None) -> int:
    """Forget some of the minutes and hours that are older than they are kept; how many rows."""
    now = now or datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_forget_rollups_v2(%s, %s, %s)", [*_kept_from(now), FORGET_AT_ONCE])
        [forgotten] = cursor.fetchone()
    return int(forgotten)


def rebuild(
    show: Callable[[Progress], None] = lambda progress: None, day_starts: list[int] | None = None
) -> int:
    """Make all sums anew from the events; how many events there are in them.

    Readers are right meanwhile, and slow. Raises EventsArchived where some of the events are gone.
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                "SELECT usage_reset_rollups_v1(%s, %s, %s)", [day_starts, *_kept_from(datetime.now(UTC))]
            )
        except Error as error:
            cause = error.__cause__
            if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "usage_rollups_need_events":
                raise EventsArchived from error
            raise
        cursor.execute(
            "SELECT greatest(sum(c.reltuples), 0)::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'usage_event'::regclass"
        )
        [of_about] = cursor.fetchone()
    # The first turns only note the moment up to which it is safe to go.
    aim = datetime.now(UTC)
    taken = 0
    while True:
        events, is_done = roll_up(REBUILD_SPAN_S, lag_s=0.0)
        taken += events
        up_to = rolled_up_to()
        show(Progress(taken, max(int(of_about), taken), up_to))
        if is_done and up_to is not None and up_to >= aim:
            return taken
        if is_done:
            time.sleep(_WAIT_FOR_TRANSACTIONS_S)


def rolled_up_to() -> datetime | None:
    """The moment up to which settled events are in the sums; None before there are any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(rolled_up_to, '-infinity') FROM usage_rollup_state")
        row = cursor.fetchone()
    return None if row is None else row[0]


def _kept_from(now: datetime) -> tuple[datetime, datetime]:
    return (
        now - timedelta(days=MINUTES_KEEP_DAYS),
        now - timedelta(days=HOURS_KEEP_DAYS),
    )

"""Where in time the calls that a filter matches are, so that a page of few among millions reads only those hours."""

from datetime import UTC, datetime, timedelta
from typing import Any

from usage.queries.aggregates.coverage import DAY, FOREVER, HOUR, Kept, Span
from usage.queries.aggregates.sums import EVERYBODY, kept_sums
from usage.queries.filters import CallFilter
from usage.snapshot import Snapshot

_LONG_AGO = datetime(2, 1, 1, tzinfo=UTC)
_MATCHES_SQL = """
    JOIN usage_call_kind k ON k.id = r.kind_id
    WHERE (CASE WHEN %(account_id)s::bigint IS NOT NULL THEN r.account_id = %(account_id)s
                WHEN %(key_id)s::bigint IS NOT NULL OR %(member_id)s::bigint IS NOT NULL
                    THEN r.account_id > %(everybody)s
                ELSE r.account_id = %(everybody)s END)
        AND (%(key_id)s::bigint IS NULL OR r.key_id = %(key_id)s)
        AND (%(member_id)s::bigint IS NULL OR r.member_id = %(member_id)s)
        AND (%(endpoint)s::text IS NULL OR k.endpoint = %(endpoint)s)
        AND (%(model)s::text IS NULL OR k.model = %(model)s)
        AND (%(outcome)s::text IS NULL OR k.outcome = %(outcome)s)
        AND (%(upstream)s::text IS NULL OR k.upstream = %(upstream)s)
        AND (%(route)s::text IS NULL OR k.route = %(route)s)
"""
_DAYS_SQL = f"""
    SELECT r.bucket, sum(r.calls)::bigint AS calls FROM usage_rollup_day r {_MATCHES_SQL}
        AND r.day_start = %(day_start)s AND r.bucket > %(from)s AND r.bucket <= %(to)s
    GROUP BY 1 HAVING sum(r.calls) > 0 ORDER BY 1 DESC
"""  # noqa: S608 - constants
_HOURS_SQL = f"""
    SELECT r.bucket, sum(r.calls)::bigint AS calls
    FROM unnest(%(days)s::timestamptz[]) AS day (start)
    JOIN usage_rollup_hour r ON r.bucket >= day.start AND r.bucket < day.start + interval '1 day' {_MATCHES_SQL}
        AND r.bucket > %(from)s AND r.bucket <= %(to)s
    GROUP BY 1 HAVING sum(r.calls) > 0 ORDER BY 1 DESC
"""  # noqa: S608 - constants


def is_selective(which: CallFilter) -> bool:
    """Whether an account's calls in the order of their time may be mostly others."""
    names = ("key_id", "member_id", "endpoint", "model", "outcome", "upstream", "route")
    return which.account_id is None or any(getattr(which, name) is not None for name in names)


def spans_of_newest(
    books: Snapshot, which: CallFilter, *, limit: int, before: datetime | None
) -> tuple[Kept, list[Span]] | None:
    """How far the sums go, and spans that hold the newest `limit` of the matching calls that are in them.

    Calls are those up to `before`. None where there are no sums to tell.
    """
    kept = kept_sums(books)
    if not kept.day_starts or kept.rolled_up_to <= _LONG_AGO:
        return None
    to = min(before or FOREVER, which.until or FOREVER)
    parameters: dict[str, Any] = {
        **which.parameters(),
        "everybody": EVERYBODY,
        "day_start": min(kept.day_starts),
        "to": to,
        "from": max(which.since or _LONG_AGO, _LONG_AGO + DAY) - DAY,
    }
    days = _enough(books.rows(_DAYS_SQL, parameters), DAY, limit, to)
    hourly = [day.since for day in days if day.since >= kept.hours_from]
    spans = [day for day in days if day.since < kept.hours_from]
    if hourly:
        parameters |= {"days": hourly, "from": max(which.since or _LONG_AGO, _LONG_AGO + DAY) - HOUR}
        spans = _enough(books.rows(_HOURS_SQL, parameters), HOUR, limit, to) + spans
    return kept, spans


def _enough(rows: list[dict[str, Any]], length: timedelta, limit: int, to: datetime) -> list[Span]:
    """The newest buckets that have so many calls; the one that `to` lies in may have fewer than it says."""
    chosen: list[Span] = []
    found = 0
    for row in rows:
        chosen.append(Span(row["bucket"], row["bucket"] + length))
        if row["bucket"] + length <= to:
            found += row["calls"]
        if found >= limit:
            break
    return chosen

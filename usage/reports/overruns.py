"""Calls whose units came to more than was held: a ceiling that was none. The hold was all that was charged.

That is a fault of ours or of an upstream's counting, or somebody's way of paying less; the difference is a loss.
"""

from datetime import timedelta
from typing import Any

from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import gettext_noop as _
from usage.ledger.units import Units
from usage.queries.filters import MATCHES_SQL
from usage.queries.retention import check_calls_are_kept
from usage.reports.report_query import ReportQuery, period_of
from usage.reports.rows import account_name, accounts_by_id
from usage.reports.shape import Column, Kind, Report, group
from usage.snapshot import snapshot

USUAL = timedelta(days=1)
LONGEST = timedelta(days=31)
COLUMNS = (
    group("request", _("Call")),
    group("account", _("Account")),
    Column("endpoint", _("Endpoint"), Kind.TEXT),
    Column("model", _("Model"), Kind.TEXT),
    Column("upstream", _("Upstream"), Kind.TEXT),
    Column("started_at", _("Started"), Kind.TIMESTAMP),
    Column("price", _("Price of its units"), Kind.MICROCREDITS),
    Column("charged", _("Charged"), Kind.MICROCREDITS),
    Column("lost", _("Not charged"), Kind.MICROCREDITS),
)
_WEIGHTS_SQL = ", ".join(
    f"coalesce((prices -> '{unit}' ->> 'microcredits')::numeric / (prices -> '{unit}' ->> 'per')::numeric, 0) AS {unit}"
    for unit in Units._fields
)
_PRICE_SQL = " + ".join(f"e.{unit} * r.{unit}" for unit in Units._fields if unit != "calls") + " + r.calls"
# Upstreams may claim so much that its price is no bigint: a price is shown up to a billion credits.
_MOST, _MOST_OF_ALL = 10**15, 9 * 10**18
# A rate is divided to sixteen digits, and a price is whole: what is smaller than a millionth of its smallest unit is
# no difference. The first condition is that of the index usage_event_at_its_hold.
_FOUND_SQL = f"""
    WITH rate AS MATERIALIZED (SELECT id, {_WEIGHTS_SQL} FROM usage_rate),
    full_price AS MATERIALIZED (
        SELECT e.account_id, e.request_id, e.endpoint, e.model, e.upstream, e.started_at,
            e.cost_microcredits AS charged, least({_PRICE_SQL}, {_MOST}) AS exact
        FROM (
            SELECT * FROM usage_event
            WHERE cost_microcredits = hold_microcredits AND outcome IN ('succeeded', 'partial') AND {MATCHES_SQL}) e
        JOIN rate r ON r.id = e.rate_id)
    SELECT account_id, request_id, endpoint, model, upstream, started_at, charged,
        ceil(exact - 0.000001)::bigint AS price, ceil(exact - 0.000001)::bigint - charged AS lost,
        count(*) OVER () AS calls, sum(charged) OVER ()::bigint AS all_charged,
        least(sum(ceil(exact - 0.000001)) OVER (), {_MOST_OF_ALL})::bigint AS all_prices
    FROM full_price WHERE exact > charged + 0.000001
    ORDER BY lost DESC, started_at DESC, request_id LIMIT %(limit)s
"""  # noqa: S608 - constants


def overruns(query: ReportQuery) -> Report:
    """Those of the last day, the dearest first; of any 31 days that are asked for."""
    query.grouping((), ())
    query.take_only(
        _("Calls above their hold are single calls"),
        *("account_id", "key_id", "endpoint", "model", "upstream", "route", "since", "until"),
    )
    with snapshot() as books:
        which = query.starting(query.which, books.as_of, USUAL, LONGEST)
        check_calls_are_kept(books, which)
        found = books.rows(_FOUND_SQL, {**which.parameters(), "limit": query.limit + 1})
    accounts = accounts_by_id(row["account_id"] for row in found)
    totals: dict[str, Any] = {"price": 0, "charged": 0, "lost": 0}
    if found:
        price, charged = found[0]["all_prices"], found[0]["all_charged"]
        totals = {"price": price, "charged": charged, "lost": price - charged}
    rows = []
    for row in found[: query.limit]:
        account = accounts.get(row["account_id"])
        request = public_request_id(row["request_id"].hex)
        named = {"request": request, "account": account_name(row["account_id"], accounts)}
        ids = {"request": request} | ({} if account is None else {"account": account.public_id})
        values = {column.name: row[column.name] for column in COLUMNS if column.name in row}
        rows.append({**values, **named, "ids": ids})
    return Report(
        "overruns",
        _("Calls above their hold"),
        books.as_of,
        period_of(which),
        COLUMNS,
        rows,
        totals,
        is_cut=len(found) > query.limit,
        zone=query.zone,
        zone_name=query.zone_name,
    )

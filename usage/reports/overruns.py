"""Calls whose units came to more than was held: a ceiling that was none. The hold was all that was charged.

That is a fault of ours or of an upstream's counting, or somebody's way of paying less; the difference is a loss.
"""

import json
from datetime import timedelta
from typing import Any

from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import gettext_noop as _
from usage.ledger.rates import brackets_of, prices_from_json
from usage.ledger.units import Units
from usage.queries.filters import MATCHES_SQL
from usage.queries.retention import check_calls_are_kept
from usage.reports.report_query import ReportQuery, period_of
from usage.reports.rows import account_name, accounts_by_id
from usage.reports.shape import Column, Kind, Report, group
from usage.snapshot import Snapshot, snapshot

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
_RATES_SQL = "SELECT id, prices::text AS prices FROM usage_rate"
_PRICE_SQL = " + ".join(
    ["w.calls", *(f"coalesce(e.{unit}, 0) * w.{unit}" for unit in Units._fields if unit != "calls")]
)
# Upstreams may claim so much that its price is no bigint: a price is shown up to a billion credits.
_MOST, _MOST_OF_ALL = 10**15, 9 * 10**18
# The first condition is that of the index usage_event_at_its_hold.
_FOUND_SQL = f"""
    WITH weights AS MATERIALIZED (
        SELECT * FROM unnest(%(rate_ids)s::bigint[], %(least)s::bigint[], %(most)s::bigint[], %(divisors)s::numeric[],
            {", ".join(f"%(w_{unit})s::numeric[]" for unit in Units._fields)})
            AS w (rate_id, least, most, divisor, {", ".join(Units._fields)})),
    full_price AS MATERIALIZED (
        SELECT e.account_id, e.request_id, e.endpoint, e.model, e.upstream, e.started_at,
            e.cost_microcredits AS charged, least(div({_PRICE_SQL} + w.divisor - 1, w.divisor), {_MOST}) AS price
        FROM (
            SELECT * FROM usage_event
            WHERE cost_microcredits = hold_microcredits AND outcome IN ('succeeded', 'partial') AND {MATCHES_SQL}) e
        JOIN weights w ON w.rate_id = e.rate_id AND e.tokens_in BETWEEN w.least AND w.most)
    SELECT account_id, request_id, endpoint, model, upstream, started_at, charged,
        price::bigint AS price, price::bigint - charged AS lost,
        count(*) OVER () AS calls, sum(charged) OVER ()::bigint AS all_charged,
        least(sum(price) OVER (), {_MOST_OF_ALL})::bigint AS all_prices
    FROM full_price WHERE price > charged
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
        parameters = {**which.parameters(), **_weights(books), "limit": query.limit + 1}
        found = books.rows(_FOUND_SQL, parameters)
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


def _weights(books: Snapshot) -> dict[str, list[Any]]:
    """What every published rate charges for each unit, by the length of prompts, as the statement's arrays."""
    found = [
        (rate["id"], bracket)
        for rate in books.rows(_RATES_SQL, {})
        for bracket in brackets_of(prices_from_json(json.loads(rate["prices"])))
    ]
    brackets = [bracket for _, bracket in found]
    return {
        "rate_ids": [rate_id for rate_id, _ in found],
        "least": [bracket.above + 1 if bracket.above else 0 for bracket in brackets],
        "most": [_MOST if bracket.most is None else bracket.most for bracket in brackets],
        "divisors": [bracket.divisor for bracket in brackets],
        **{f"w_{unit}": [bracket.weights.get(unit, 0) for bracket in brackets] for unit in Units._fields},
    }

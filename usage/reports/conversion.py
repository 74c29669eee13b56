"""From trial to paid, and who comes back: accounts by the week in which they were opened.

A trial plan is one with a limit of calls a day; paid is any other. `week_1` is the share of accounts that called
on days 8 to 14 of their life, among those that are 14 days old; `week_2` and so on likewise.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from usage.queries.aggregates.sums import Wanted, summands_statement
from usage.queries.filters import CallFilter
from usage.reports.report_query import ReportQuery, period_of
from usage.reports.rows import share
from usage.reports.shape import Chart, Column, Kind, Report, group
from usage.snapshot import Snapshot, snapshot

WEEK_TITLES = (
    _("Week 1"), _("Week 2"), _("Week 3"), _("Week 4"), _("Week 5"), _("Week 6"), _("Week 7"), _("Week 8"),
)  # fmt: skip
USUAL = timedelta(weeks=12)
LONGEST = timedelta(days=1100)
COLUMNS = (
    group("week", _("Opened in the week of"), Kind.TIMESTAMP),
    Column("accounts", _("Accounts"), Kind.COUNT),
    Column("on_trial", _("Started on trial"), Kind.COUNT),
    Column("converted", _("Of these now or once paid"), Kind.COUNT),
    Column("conversion", _("Conversion"), Kind.SHARE),
    Column("days_to_convert", _("Days to convert, median"), Kind.COUNT),
    *(Column(f"week_{number}", title, Kind.SHARE) for number, title in enumerate(WEEK_TITLES, 1)),
)
_ACCOUNTS_SQL = """
    SELECT a.id, a.created_at, date_trunc('week', a.created_at, %(zone)s) AS week,
        first.trial_calls_per_day IS NOT NULL AS on_trial,
        (SELECT min(p.since) FROM usage_plan_period p JOIN accounts_plan k ON k.slug = p.plan
         WHERE p.account_id = a.id AND k.trial_calls_per_day IS NULL AND p.since > '-infinity') AS paid_at
    FROM accounts_account a
    LEFT JOIN usage_plan_period f ON f.account_id = a.id AND f.since = '-infinity'
    LEFT JOIN accounts_plan first ON first.slug = f.plan
    WHERE a.created_at >= %(since)s AND (%(until)s::timestamptz IS NULL OR a.created_at < %(until)s)
        AND (%(plan)s::text IS NULL OR a.plan_id = %(plan)s)
        AND (%(account_id)s::bigint IS NULL OR a.id = %(account_id)s)
    ORDER BY a.created_at
"""


def conversion(query: ReportQuery) -> Report:
    """One row a week; the last twelve weeks where no start is given. Takes the filters of time, account and plan."""
    which = query.which
    query.grouping((), ())
    query.take_only(_("Accounts are looked at as a whole"), "account_id", "plan", "since", "until")
    with snapshot() as books:
        which = query.starting(which, books.as_of, USUAL, LONGEST)
        accounts = books.rows(
            _ACCOUNTS_SQL,
            {**which.parameters(), "plan": which.plan, "zone": query.zone_name},
        )
        weeks_called = _weeks_called(books, which)
    weeks: dict[datetime, list[dict[str, Any]]] = {}
    for account in accounts:
        account["weeks_called"] = weeks_called.get(account["id"], set())
        weeks.setdefault(account["week"], []).append(account)
    rows = [
        {"week": week.astimezone(query.zone), **_describe(found, books.as_of)}
        for week, found in weeks.items()
    ]
    return Report(
        "conversion",
        _("Trial to paid, and retention"),
        books.as_of,
        period_of(which),
        COLUMNS,
        rows,
        _describe(accounts, books.as_of),
        chart=Chart("line", "week", ("conversion", "week_1", "week_4")),
        zone=query.zone,
        zone_name=query.zone_name,
    )


def _weeks_called(books: Snapshot, which: CallFilter) -> dict[int, set[int]]:
    """In which weeks after its opening each account called; its first is 0. Days are UTC's."""
    call_filter = CallFilter(which.account_id, since=which.since)
    wanted = Wanted(("account",), "day", UTC, "UTC", histograms=(), units=())
    summands, parameters = summands_statement(books, call_filter, wanted)
    rows = books.rows(
        f"SELECT a.id, (called.bucket::date - a.created_at::date) / 7 AS week"  # noqa: S608
        f" FROM ({summands}) called JOIN accounts_account a ON a.id = called.account"
        f" WHERE a.created_at >= %(since)s GROUP BY 1, 2 HAVING sum(called.calls) > 0",
        parameters,
    )
    weeks: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        weeks[row["id"]].add(row["week"])
    return weeks


def _describe(accounts: list[dict[str, Any]], as_of: datetime) -> dict[str, Any]:
    on_trial = [account for account in accounts if account["on_trial"]]
    converted = [account for account in on_trial if account["paid_at"] is not None]
    took = sorted((account["paid_at"] - account["created_at"]).days for account in converted)
    described: dict[str, Any] = {
        "accounts": len(accounts),
        "on_trial": len(on_trial),
        "converted": len(converted),
        "conversion": share(len(converted), len(on_trial)),
        "days_to_convert": took[(len(took) - 1) // 2] if took else None,
    }
    for number in range(1, len(WEEK_TITLES) + 1):
        old = [one for one in accounts if as_of - one["created_at"] >= timedelta(weeks=number + 1)]
        came = sum(1 for account in old if number in account["weeks_called"])
        described[f"week_{number}"] = share(came, len(old))
    return described

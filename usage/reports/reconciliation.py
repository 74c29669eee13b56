"""Whether the books agree: what the last runs of `reconcile` found, and what can be told at once.

A whole reconciliation reads every event, so it is run by the clock or by hand; its results are kept. At once told is,
for every account, whether its last ledger entry ends at what is available plus held.
"""

from typing import Any

from django.utils.translation import gettext_lazy

from aio_platform.i18n.translatable import gettext_noop as _
from usage.reports.report_query import ReportQuery
from usage.reports.shape import Column, Kind, Report, group
from usage.snapshot import snapshot

AT_ONCE = "balances, just now"
WHOLE = "everything"
SCOPE_WORDS = {AT_ONCE: gettext_lazy("balances, just now"), WHOLE: gettext_lazy("everything")}
COLUMNS = (
    group("checked_at", _("When"), Kind.TIMESTAMP),
    group("scope", _("What"), words=SCOPE_WORDS),
    Column("disagreements", _("Disagreements"), Kind.COUNT),
    Column("took_s", _("Took"), Kind.SECONDS),
    Column("first", _("First disagreement"), Kind.TEXT),
)
_BALANCES_SQL = """
    SELECT count(*) AS disagreements, min(a.public_id) AS account
    FROM usage_balance b
    LEFT JOIN accounts_account a ON a.id = b.account_id
    LEFT JOIN usage_ledger_entry l ON l.account_id = b.account_id AND l.entry = b.last_entry
    WHERE coalesce(l.balance_microcredits, 0) <> b.available_microcredits + b.held_microcredits
        OR (l.entry IS NULL) <> (b.last_entry = 0)
"""
_RUNS_SQL = """
    SELECT checked_at, disagreements, took_ms, first FROM usage_reconciliation ORDER BY checked_at DESC LIMIT %(limit)s
"""


def reconciliation(query: ReportQuery) -> Report:
    """The newest first; the first row is of this moment."""
    query.grouping((), ())
    query.take_only(_("The books are looked at as a whole"))
    with snapshot() as books:
        [balances] = books.rows(_BALANCES_SQL, {})
        runs = books.rows(_RUNS_SQL, {"limit": query.limit})
    rows: list[dict[str, Any]] = [
        {
            "checked_at": books.as_of.astimezone(query.zone),
            "scope": AT_ONCE,
            "disagreements": balances["disagreements"],
            "took_s": 0,
            "first": balances["account"],
        }
    ]
    rows += [
        {
            "checked_at": run["checked_at"].astimezone(query.zone),
            "scope": WHOLE,
            "disagreements": run["disagreements"],
            "took_s": round(run["took_ms"] / 1000),
            "first": run["first"],
        }
        for run in runs
    ]
    return Report(
        "reconciliation",
        _("Do the books agree?"),
        books.as_of,
        None,
        COLUMNS,
        rows,
        zone=query.zone,
        zone_name=query.zone_name,
    )

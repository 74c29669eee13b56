"""The accounts that spend most, and what changed against the period before."""

from dataclasses import replace

from django.utils.translation import gettext_lazy, pgettext_lazy

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from usage.queries.aggregates.summaries import NO_INTERVAL
from usage.queries.aggregates.sums import ZERO_SUMS, Wanted, aggregate_calls, kept_sums
from usage.reports.builder import Row
from usage.reports.calls import describe
from usage.reports.report_query import ReportQuery, period_of, previous_of
from usage.reports.rows import account_name, accounts_by_id, share
from usage.reports.shape import Chart, Column, Kind, Report, group, totals_of
from usage.snapshot import snapshot

UNUSUAL_WORDS = {
    "failing": gettext_lazy("failing"),
    "new": gettext_lazy("new"),
    "stopped": gettext_lazy("stopped"),
    "doubled": gettext_lazy("doubled"),
    "halved": gettext_lazy("halved"),
}
COLUMNS = (
    group("account", _("Account")),
    Column("plan", _("Plan now"), Kind.TEXT),
    Column("calls", _("Calls"), Kind.COUNT),
    Column("errors", _("Errors"), Kind.COUNT),
    Column("error_rate", _("Error rate"), Kind.SHARE),
    Column("cost", _("Spent, net"), Kind.MICROCREDITS),
    Column("cost_before", _("Spent before"), Kind.MICROCREDITS),
    Column("change", "Change", Kind.MICROCREDITS, shown_as=pgettext_lazy("difference", "Change")),
    Column("change_share", _("Change share"), Kind.SHARE),
    Column("unusual", _("Unusual"), Kind.TEXT, words=UNUSUAL_WORDS),
)
DIMENSIONS = ("account",)
# A change is unusual when it doubles or halves what is worth looking at, or when errors are many and new.
WORTH_MICROCREDITS = 1_000_000
UNUSUAL_ERROR_RATE = 0.1
FEWEST_CALLS = 20


def top_accounts(query: ReportQuery) -> Report:
    """The dearest first; those that stopped spending are among them, with what they spent before."""
    grouping = query.grouping(DIMENSIONS, DIMENSIONS)
    if grouping.interval != NO_INTERVAL or grouping.by != DIMENSIONS:
        raise InvalidRequest(
            _("This report has one row an account, over the whole period."), param="interval"
        )
    wanted = Wanted(("account",), histograms=(), units=())
    with snapshot() as books:
        which = query.within(grouping, books.as_of)
        before = previous_of(which, query, books.as_of, kept_sums(books))
        now_by_account = {row["account"]: row for row in aggregate_calls(books, which, wanted)}
        before_by_account = {row["account"]: row for row in aggregate_calls(books, before, wanted)}
    everyone = now_by_account.keys() | before_by_account.keys()
    accounts = accounts_by_id(everyone)
    rows = []
    for account_id in everyone:
        one = describe(ZERO_SUMS | now_by_account.get(account_id, {}))
        earlier = describe(ZERO_SUMS | before_by_account.get(account_id, {}))
        account = accounts.get(account_id)
        row = {
            "account": account_name(account_id, accounts),
            "plan": account and account.plan_id,
            **{name: one[name] for name in ("calls", "errors", "error_rate", "cost")},
            "cost_before": earlier["cost"],
            "change": one["cost"] - earlier["cost"],
            "change_share": share(one["cost"] - earlier["cost"], earlier["cost"]),
            "unusual": unusual(one, earlier),
        }
        rows.append(row | ({} if account is None else {"ids": {"account": account.public_id}}))
    rows.sort(key=lambda row: (-max(row["cost"], row["cost_before"]), row["account"]))
    totals = totals_of(rows, ("calls", "errors", "cost", "cost_before", "change"))
    totals["error_rate"] = share(totals["errors"], totals["calls"])
    totals["change_share"] = share(totals["change"], totals["cost_before"])
    report = Report(
        "top_accounts",
        _("Top accounts and unusual changes"),
        books.as_of,
        period_of(which),
        COLUMNS,
        rows[: query.limit],
        totals,
        chart=Chart("bar", "account", ("cost", "cost_before")),
        is_cut=len(rows) > query.limit,
    )
    return replace(report, zone=query.zone, zone_name=query.zone_name)


def unusual(one: Row, earlier: Row) -> str | None:
    """What is worth a look about an account: new, stopped, doubled, halved, failing; None for nothing."""
    was_failing = (earlier["error_rate"] or 0) >= UNUSUAL_ERROR_RATE
    if one["calls"] >= FEWEST_CALLS and (one["error_rate"] or 0) >= UNUSUAL_ERROR_RATE and not was_failing:
        return "failing"
    if max(one["cost"], earlier["cost"]) < WORTH_MICROCREDITS:
        return None
    if not earlier["calls"]:
        return "new"
    if not one["calls"]:
        return "stopped"
    if one["cost"] >= 2 * earlier["cost"]:
        return "doubled"
    if 2 * one["cost"] <= earlier["cost"]:
        return "halved"
    return None

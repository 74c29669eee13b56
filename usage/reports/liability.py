"""What accounts have not spent yet, by the age of the grants it is left of. As of now, whatever the period."""

from aio_platform.i18n.translatable import gettext_noop as _
from usage.reports.report_query import ReportQuery
from usage.reports.rows import account_name, accounts_by_id
from usage.reports.shape import Chart, Column, Kind, Report, group, totals_of
from usage.snapshot import snapshot

AGES = ("days_30", "days_90", "days_365", "older")
COLUMNS = (
    group("account", _("Account")),
    Column("plan", _("Plan now"), Kind.TEXT),
    Column("unspent", _("Unspent"), Kind.MICROCREDITS),
    Column("held", _("Held by calls"), Kind.MICROCREDITS),
    Column("expiring", _("Expiring"), Kind.MICROCREDITS),
    Column("days_30", _("Granted in 30 days"), Kind.MICROCREDITS),
    Column("days_90", _("31 to 90 days ago"), Kind.MICROCREDITS),
    Column("days_365", _("91 to 365 days ago"), Kind.MICROCREDITS),
    Column("older", _("Longer ago"), Kind.MICROCREDITS),
    Column("refunds", _("Left of refunds"), Kind.MICROCREDITS),
)
# As `queries/credit.py` does for one account: captures come off the grant that expires first, and of the others off
# the oldest; what is left beyond all grants was refunded.
_LEFT_SQL = """
    WITH balance AS (
        SELECT b.account_id, b.available_microcredits + b.held_microcredits AS owned, b.held_microcredits AS held,
            b.captured_microcredits - b.lots_settled_at_microcredits AS owed
        FROM usage_balance b JOIN accounts_account a ON a.id = b.account_id
        WHERE (%(account_id)s::bigint IS NULL OR b.account_id = %(account_id)s)
            AND (%(plan)s::text IS NULL OR a.plan_id = %(plan)s)
            AND b.available_microcredits + b.held_microcredits > 0
    ), expiring AS (
        SELECT b.account_id, g.created_at, least(g.remaining_microcredits, greatest(
            sum(g.remaining_microcredits) OVER (PARTITION BY b.account_id ORDER BY g.expires_at, g.entry) - b.owed, 0))
            AS left_over
        FROM balance b JOIN usage_grant g USING (account_id)
        WHERE g.expires_at IS NOT NULL AND g.remaining_microcredits > 0
    ), lasting AS (
        SELECT b.account_id, g.created_at, least(g.amount_microcredits, greatest(
            b.owned - coalesce(e.left_over, 0) - sum(g.amount_microcredits)
                OVER (PARTITION BY b.account_id ORDER BY g.entry DESC) + g.amount_microcredits, 0)) AS left_over
        FROM balance b JOIN usage_grant g USING (account_id)
        LEFT JOIN (SELECT account_id, sum(left_over) AS left_over FROM expiring GROUP BY 1) e USING (account_id)
        WHERE g.expires_at IS NULL
    ), grants AS (
        SELECT account_id, sum(left_over) AS granted, sum(left_over) FILTER (WHERE expires) AS expiring,
            sum(left_over) FILTER (WHERE age < interval '30 days') AS days_30,
            sum(left_over) FILTER (WHERE age >= interval '30 days' AND age < interval '90 days') AS days_90,
            sum(left_over) FILTER (WHERE age >= interval '90 days' AND age < interval '365 days') AS days_365,
            sum(left_over) FILTER (WHERE age >= interval '365 days') AS older
        FROM (SELECT account_id, left_over, %(as_of)s::timestamptz - created_at AS age, true AS expires FROM expiring
              UNION ALL SELECT account_id, left_over, %(as_of)s::timestamptz - created_at, false FROM lasting) either
        GROUP BY 1
    )
    SELECT b.account_id, b.owned::bigint AS unspent, b.held::bigint AS held,
        coalesce(g.expiring, 0)::bigint AS expiring, coalesce(g.days_30, 0)::bigint AS days_30,
        coalesce(g.days_90, 0)::bigint AS days_90, coalesce(g.days_365, 0)::bigint AS days_365,
        coalesce(g.older, 0)::bigint AS older, (b.owned - coalesce(g.granted, 0))::bigint AS refunds
    FROM balance b LEFT JOIN grants g USING (account_id)
    ORDER BY b.owned DESC, b.account_id
"""


def liability(query: ReportQuery) -> Report:
    """One row an account that has credits left, the richest first. Takes the filters of account and plan."""
    which = query.which
    query.grouping((), ())
    query.take_only(_("Unspent credits are those of now"), "account_id", "plan")
    with snapshot() as books:
        parameters = {"account_id": which.account_id, "plan": which.plan, "as_of": books.as_of}
        found = books.rows(_LEFT_SQL, parameters)
    accounts = accounts_by_id(row["account_id"] for row in found[: query.limit])
    rows = []
    for row in found[: query.limit]:
        account = accounts.get(row["account_id"])
        named = {"account": account_name(row["account_id"], accounts), "plan": account and account.plan_id}
        ids = {} if account is None else {"ids": {"account": account.public_id}}
        rows.append({**{name: value for name, value in row.items() if name != "account_id"}, **named, **ids})
    return Report(
        "liability",
        _("Unspent credits"),
        books.as_of,
        None,
        COLUMNS,
        rows,
        totals_of(found, ("unspent", "held", "expiring", *AGES, "refunds")),
        chart=Chart("bar", "account", AGES),
        is_cut=len(found) > query.limit,
        zone=query.zone,
        zone_name=query.zone_name,
    )

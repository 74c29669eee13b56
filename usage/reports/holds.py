"""Holds that have been open for long: calls that take their time, or whose process is gone. As of now."""

from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import gettext_noop as _
from usage.reports.report_query import ReportQuery
from usage.reports.rows import account_name, accounts_by_id
from usage.reports.shape import Column, Kind, Report, group
from usage.snapshot import snapshot

LONG_S = 300
COLUMNS = (
    group("request", _("Call")),
    group("account", _("Account")),
    Column("endpoint", _("Endpoint"), Kind.TEXT),
    Column("model", _("Model"), Kind.TEXT),
    Column("route", _("Route"), Kind.TEXT),
    Column("held_at", _("Since"), Kind.TIMESTAMP),
    Column("open_s", _("Open for"), Kind.SECONDS),
    Column("overdue_s", _("Past its expiry"), Kind.SECONDS),
    Column("held", _("Held"), Kind.MICROCREDITS),
)
_MATCHES_SQL = """
    FROM usage_hold h JOIN accounts_account a ON a.id = h.account_id
    WHERE h.held_at <= %(as_of)s::timestamptz - make_interval(secs => %(long_s)s)
        AND (%(account_id)s::bigint IS NULL OR h.account_id = %(account_id)s)
        AND (%(plan)s::text IS NULL OR a.plan_id = %(plan)s)
        AND (%(key_id)s::bigint IS NULL OR h.key_id = %(key_id)s)
        AND (%(endpoint)s::text IS NULL OR h.endpoint = %(endpoint)s)
        AND (%(model)s::text IS NULL OR h.model = %(model)s)
        AND (%(route)s::text IS NULL OR h.route = %(route)s)
"""
_ROWS_SQL = f"""
    SELECT h.account_id, h.request_id, h.endpoint, h.model, h.route, h.held_at, h.amount_microcredits AS held,
        extract(epoch FROM %(as_of)s::timestamptz - h.held_at)::bigint AS open_s,
        greatest(extract(epoch FROM %(as_of)s::timestamptz - h.expires_at)::bigint, 0) AS overdue_s
    {_MATCHES_SQL} ORDER BY h.held_at, h.account_id, h.request_id LIMIT %(limit)s
"""  # noqa: S608 - constants
_TOTALS_SQL = f"""
    SELECT count(*) AS holds, coalesce(sum(h.amount_microcredits), 0)::bigint AS held,
        max(extract(epoch FROM %(as_of)s::timestamptz - h.held_at))::bigint AS open_s {_MATCHES_SQL}
"""  # noqa: S608 - constants


def holds(query: ReportQuery) -> Report:
    """Those older than five minutes, the oldest first. A task's hold may be open for as long as the task."""
    which = query.which
    query.grouping((), ())
    query.take_only(
        _("Open holds are those of now"), "account_id", "plan", "key_id", "endpoint", "model", "route"
    )
    with snapshot() as books:
        parameters = {
            **which.parameters(),
            "plan": which.plan,
            "as_of": books.as_of,
            "long_s": LONG_S,
            "limit": query.limit + 1,
        }
        found = books.rows(_ROWS_SQL, parameters)
        [totals] = books.rows(_TOTALS_SQL, parameters)
    accounts = accounts_by_id(row["account_id"] for row in found)
    rows = []
    for row in found[: query.limit]:
        account = accounts.get(row["account_id"])
        request = public_request_id(row["request_id"].hex)
        named = {"request": request, "account": account_name(row["account_id"], accounts)}
        ids = {"request": request} | ({} if account is None else {"account": account.public_id})
        values = {column.name: row[column.name] for column in COLUMNS if column.name in row}
        rows.append({**named, **values, "ids": ids})
    return Report(
        "holds",
        _("Holds open too long"),
        books.as_of,
        None,
        COLUMNS,
        rows,
        {"held": totals["held"], "open_s": totals["open_s"]},
        is_cut=len(found) > query.limit,
        zone=query.zone,
        zone_name=query.zone_name,
    )

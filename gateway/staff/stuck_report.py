"""Tasks that do not get on, as a staff report: late, asked in vain, or that nobody looks at. As of now."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.labels import TASK_STATES
from usage.reports import Report, ReportKind, ReportQuery, add_report
from usage.reports.rows import account_name, accounts_by_id
from usage.reports.shape import Column, Kind, group
from usage.snapshot import Snapshot, snapshot

NAME = "stuck_tasks"
TITLE = _("Stuck or slow tasks")
# A worker looks every few seconds; what lay for longer has none, or its upstream is resting.
UNSEEN_S = 60
STEPS_IN_VAIN = 3
LATE, IN_VAIN, UNSEEN, SLOW = "past its deadline", "asked in vain", "nobody looks", "slow"
WHY_WORDS: dict[str, Promise] = {
    LATE: gettext_lazy("past its deadline"),
    IN_VAIN: gettext_lazy("asked in vain"),
    UNSEEN: gettext_lazy("nobody looks"),
    SLOW: gettext_lazy("slow"),
}
STATE_WORDS = {state.value: name for state, name in TASK_STATES.items()}
COLUMNS = (
    group("task", _("Task")),
    group("account", _("Account")),
    Column("why", _("Why"), Kind.TEXT, words=WHY_WORDS),
    Column("state", _("State"), Kind.TEXT, words=STATE_WORDS),
    Column("model", _("Model"), Kind.TEXT),
    Column("upstream", _("Upstream"), Kind.TEXT),
    Column("made_at", _("Made"), Kind.TIMESTAMP),
    Column("age_s", _("Age"), Kind.SECONDS),
    Column("left_s", _("To its deadline"), Kind.SECONDS),
    Column("steps_in_vain", _("Steps in vain"), Kind.COUNT),
)
# Slow: more than half of its time is gone. Live tasks have an index of their own, so their number is what it costs.
_STUCK_SQL = f"""
    WITH live AS (
        SELECT t.account_id, t.id, t.state, t.model, t.upstream, t.created_at, coalesce(d.errors, 0) AS steps_in_vain,
            extract(epoch FROM %(as_of)s::timestamptz - t.created_at)::bigint AS age_s,
            extract(epoch FROM t.deadline_at - %(as_of)s::timestamptz)::bigint AS left_s,
            CASE WHEN t.deadline_at <= %(as_of)s THEN '{LATE}'
                 WHEN d.errors >= %(steps)s THEN '{IN_VAIN}'
                 WHEN d.due_at <= %(as_of)s::timestamptz - make_interval(secs => %(unseen_s)s) THEN '{UNSEEN}'
                 WHEN t.created_at + (t.deadline_at - t.created_at) / 2 <= %(as_of)s THEN '{SLOW}' END AS why
        FROM gateway_task t
        JOIN accounts_account a ON a.id = t.account_id
        LEFT JOIN gateway_task_due d ON d.account_id = t.account_id AND d.task_id = t.id
        WHERE t.ended_at IS NULL
            AND (%(account_id)s::bigint IS NULL OR t.account_id = %(account_id)s)
            AND (%(plan)s::text IS NULL OR a.plan_id = %(plan)s)
            AND (%(endpoint)s::text IS NULL OR t.endpoint = %(endpoint)s)
            AND (%(model)s::text IS NULL OR t.model = %(model)s)
            AND (%(upstream)s::text IS NULL OR t.upstream = %(upstream)s)
            AND (%(route)s::text IS NULL OR t.route = %(route)s)
    )
"""  # noqa: S608 - constants
_ROWS_SQL = f"""
    {_STUCK_SQL}
    SELECT * FROM live WHERE why IS NOT NULL ORDER BY left_s, account_id, id LIMIT %(limit)s
"""  # noqa: S608 - constants
_TOTALS_SQL = f"""
    {_STUCK_SQL}
    SELECT coalesce(max(steps_in_vain), 0) AS steps_in_vain, coalesce(max(age_s), 0) AS age_s
    FROM live WHERE why IS NOT NULL
"""  # noqa: S608 - constants


def stuck_tasks(query: ReportQuery) -> Report:
    """The nearest to its deadline first; the totals are of the oldest and of the one asked most often in vain."""
    query.grouping((), ())
    query.take_only(
        _("Stuck tasks are those of now"), "account_id", "plan", "endpoint", "model", "upstream", "route"
    )
    with snapshot() as books:
        rows, totals = _query_rows(books, query)
    accounts = accounts_by_id(row["account_id"] for row in rows)
    shown = [_row(row, accounts, query) for row in rows[: query.limit]]
    return Report(
        NAME,
        TITLE,
        books.as_of,
        None,
        COLUMNS,
        shown,
        {"age_s": totals["age_s"], "steps_in_vain": totals["steps_in_vain"]},
        is_cut=len(rows) > query.limit,
        zone=query.zone,
        zone_name=query.zone_name,
    )


def _query_rows(books: Snapshot, query: ReportQuery) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    parameters = {
        **query.which.parameters(),
        "plan": query.which.plan,
        "as_of": books.as_of,
        "steps": STEPS_IN_VAIN,
        "unseen_s": UNSEEN_S,
        "limit": query.limit + 1,
    }
    [totals] = books.rows(_TOTALS_SQL, parameters)
    return books.rows(_ROWS_SQL, parameters), totals


def _row(row: dict[str, Any], accounts: dict[int, Any], query: ReportQuery) -> dict[str, Any]:
    account = accounts.get(row["account_id"])
    ids = {"task": row["id"]} | ({} if account is None else {"account": account.public_id})
    return {
        "task": row["id"],
        "account": account_name(row["account_id"], accounts),
        "made_at": row["created_at"].astimezone(query.zone),
        **{
            name: row[name]
            for name in ("why", "state", "model", "upstream", "age_s", "left_s", "steps_in_vain")
        },
        "ids": ids,
    }


def register() -> None:
    """Let staff ask for it beside the reports of the books."""
    add_report(ReportKind(NAME, TITLE, (), stuck_tasks))

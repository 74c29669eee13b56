"""Tasks of every account: which there are, why one failed, and ending one."""

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit import Target, record_by_staff
from accounts.models import Account
from accounts.staff.page_registry import CALLS, back, may, show, staff_action, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import Cell, Filter, Table, Tone, choices, filters_of, timestamp_text
from aio_platform.credits import format_credits
from aio_platform.errors import NotFound
from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import gettext_noop, translated
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.labels import TASK_STATES
from gateway.staff.newest_first import OLDER_SQL, rows_of
from gateway.tasks.completion import TaskFinisher
from gateway.tasks.records import TaskKey, Transition, TransitionResult
from gateway.tasks.states import CANCELLED_END, LIVE, State
from usage.snapshot import snapshot
from usage.staff.account_pages import account_cell

PERMISSION = "gateway.view_task"
CANCEL = "gateway.cancel_task"
UNDER_WAY = "under_way"
CANCELLED_BY_STAFF = gettext_noop("The task was cancelled by the platform's staff. Nothing was charged.")
_LIST_SQL = f"""
    SELECT account_id, id, model, upstream, state, error_message, consumed_microcredits, created_at, ended_at
    FROM gateway_task
    WHERE (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
        AND (%(state)s = '' OR state = %(state)s OR %(state)s = '{UNDER_WAY}' AND ended_at IS NULL)
        AND (%(upstream)s = '' OR upstream = %(upstream)s)
        AND (%(endpoint)s = '' OR endpoint = %(endpoint)s)
        AND (%(task)s = '' OR id = %(task)s)
    {OLDER_SQL}
"""  # noqa: S608 - both parts are constants
_ONE_SQL = """
    SELECT t.state, t.error_message, t.model, t.endpoint, t.upstream, t.adapter, t.route, t.upstream_key, t.polls,
        t.consumed_microcredits, t.created_at, t.submit_attempted_at, t.running_at, t.deadline_at, t.ended_at,
        t.request_uuid, d.due_at, d.errors AS steps_in_vain, d.polls AS polls_so_far,
        d.lease_owner IS NOT NULL AS in_hand
    FROM gateway_task t LEFT JOIN gateway_task_due d ON d.account_id = t.account_id AND d.task_id = t.id
    WHERE t.account_id = %(account_id)s AND t.id = %(task)s
"""


@staff_page(
    "tasks/",
    name="tasks",
    title=gettext_noop("Tasks"),
    permission=PERMISSION,
    menu=(CALLS, "pending_actions"),
)
def tasks(request: HttpRequest) -> HttpResponse:
    """The newest tasks, of one account or of all."""
    names = {UNDER_WAY: _("Under way")} | {state.value: str(name) for state, name in TASK_STATES.items()}
    filters, wanted = filters_of(
        request,
        Filter("task", _("Task id")),
        Filter("account", _("Account id"), hint="acct_…"),
        Filter("state", _("State"), choices(names, names)),
        Filter("upstream", _("Upstream")),
        Filter("endpoint", _("Endpoint"), choices(TASK_ENDPOINT_NAMES)),
    )
    account_id = account_of(wanted["account"]).pk if wanted["account"] else None
    found = rows_of(request, _LIST_SQL, wanted | {"account_id": account_id})
    owners = Account.objects.in_bulk({row["account_id"] for row in found.rows})
    table = Table(
        _("Tasks"),
        [
            _("Task"),
            _("Account"),
            _("Model"),
            _("Upstream"),
            _("State"),
            _("Why"),
            _("Credits"),
            _("Made (UTC)"),
            _("Ended (UTC)"),
        ],
        [_row(row, owners.get(row["account_id"])) for row in found.rows],
        empty=_("No task matches."),
        next_href=found.next_href,
    )
    return show(request, "staff/list.html", _("Tasks"), {"filters": filters, "table": table})


@staff_page(
    "tasks/<account:account_id>/<str:task_id>/",
    name="task",
    title=gettext_noop("Task"),
    permission=PERMISSION,
)
def task(request: HttpRequest, account_id: str, task_id: str) -> HttpResponse:
    """One task: where it stands, how its upstream was asked, and why it failed."""
    account = account_of(account_id)
    row = _find(account, task_id)
    facts = [
        (
            _("State"),
            str(TASK_STATES[State(row["state"])]),
            _("a worker has it now") if row["in_hand"] else "",
        ),
        (_("Why"), _why(row["error_message"]) or "–", _("as its owner is told")),
        (_("Account"), account.name, account.public_id),
        (_("Model"), row["model"], row["endpoint"]),
        (
            _("Upstream"),
            row["upstream"],
            _("%(adapter)s, route %(route)s") % {"adapter": row["adapter"], "route": row["route"]},
        ),
        (_("Upstream's id"), row["upstream_key"] or "–", _("none: it never took the task")),
        (_("Credits"), format_credits(row["consumed_microcredits"]), ""),
        (_("Polls"), str(row["polls_so_far"] if row["due_at"] else row["polls"]), ""),
        (_("Steps in vain"), str(row["steps_in_vain"] or 0), _("in a row, up to now")),
        (_("Next look"), timestamp_text(row["due_at"]), "UTC"),
        (_("Made"), timestamp_text(row["created_at"]), "UTC"),
        (_("Asked"), timestamp_text(row["submit_attempted_at"]), _("UTC, the last time")),
        (_("Running since"), timestamp_text(row["running_at"]), "UTC"),
        (_("Deadline"), timestamp_text(row["deadline_at"]), "UTC"),
        (_("Ended"), timestamp_text(row["ended_at"]), "UTC"),
        (_("Call"), public_request_id(row["request_uuid"].hex), ""),
    ]
    return show(
        request,
        "staff/task.html",
        _("Task %(id)s") % {"id": task_id},
        {
            "account": account,
            "task_id": task_id,
            "facts": facts,
            "request_id": public_request_id(row["request_uuid"].hex),
            "is_live": State(row["state"]) in LIVE,
            "may": may(
                request, [CANCEL, "gateway.view_delivery", "usage.view_usageevent", "accounts.view_account"]
            ),
        },
    )


@staff_action("tasks/<account:account_id>/<str:task_id>/cancel", name="task-cancel", permission=CANCEL)
def cancel(request: HttpRequest, account_id: str, task_id: str) -> HttpResponse:
    """End a task as its owner could: nothing is charged, and its upstream is told to stop."""
    account = account_of(account_id)
    row = _find(account, task_id)
    # Before the action, which has a connection of its own: none can happen that is not written down.
    record_by_staff(
        request,
        "task.cancel",
        Target("task", task_id, f"{row['model']} of {account.name}"),
        account=account,
        before={"state": row["state"]},
        after={"asked": State.CANCELLED.value},
    )
    ended = async_to_sync(_cancel)(TaskKey(account.pk, task_id))
    if ended.won:
        messages.success(request, _("The task is cancelled. Nothing was charged."))
    else:
        state = str(TASK_STATES[ended.state]) if ended.state else _("gone")
        messages.warning(request, _("The task had ended before: %(state)s.") % {"state": state})
    return back(request, reverse("staff:task", args=[account.public_id, task_id]))


async def _cancel(key: TaskKey) -> TransitionResult:
    ends = TaskFinisher()
    try:
        return await ends.end(Transition(key, CANCELLED_END, message=CANCELLED_BY_STAFF))
    finally:
        await ends.close()


def _find(account: Account, task_id: str) -> dict[str, Any]:
    with snapshot() as books:
        row = books.row(_ONE_SQL, {"account_id": account.pk, "task": task_id.replace("\0", "")})
    if row is None:
        raise NotFound(gettext_noop("There is no such task."))
    return row


def _why(message: str | None) -> str:
    return translated(message or "")


def _row(row: dict[str, Any], account: Account | None) -> list[Cell | str]:
    state = State(row["state"])
    href = reverse("staff:task", args=[account.public_id, row["id"]]) if account is not None else ""
    tone: Tone = "good" if state is State.SUCCEEDED else "quiet" if state in LIVE else "bad"
    return [
        Cell(row["id"], href=href),
        account_cell(account),
        row["model"],
        row["upstream"],
        Cell(str(TASK_STATES[state]), tone=tone),
        _why(row["error_message"]),
        Cell(format_credits(row["consumed_microcredits"]), is_number=True),
        timestamp_text(row["created_at"]),
        timestamp_text(row["ended_at"]),
    ]

"""Callback deliveries of every account: what came of each attempt, and sending one again."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import Account
from accounts.staff.audit import Target, record
from accounts.staff.pages import back, may, show, staff_action, staff_page
from accounts.staff.subjects import account_of
from accounts.staff.tables import Cell, Filter, Table, Tone, choices, filters_of, moment
from gateway.admin.newest_first import OLDER_SQL, rows_of
from gateway.callbacks.deliveries import DELIVERY_PREFIX, STATES, find_delivery, resend
from usage.admin.account_pages import account_cell
from usage.admin.call_pages import CALLS

PERMISSION = "gateway.view_delivery"
RESEND = "gateway.resend_delivery"
_TONES: Mapping[str, Tone] = {"delivered": "good", "pending": "quiet"}
_LIST_SQL = f"""
    SELECT * FROM gateway_callback_delivery
    WHERE (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
        AND (%(state)s = '' OR state = %(state)s)
        AND (%(task)s = '' OR task_id = %(task)s)
    {OLDER_SQL}
"""  # noqa: S608 - both parts are constants


@staff_page(
    "deliveries/", name="deliveries", title="Deliveries", permission=PERMISSION, menu=(CALLS, "webhook")
)
def deliveries(request: HttpRequest) -> HttpResponse:
    """The newest deliveries, of one account or of all."""
    filters, wanted = filters_of(
        request,
        Filter("account", "Account id", hint="acct_…"),
        Filter("state", "State", choices(STATES)),
        Filter("task", "Task id"),
    )
    account_id = account_of(wanted["account"]).pk if wanted["account"] else None
    found = rows_of(request, _LIST_SQL, wanted | {"account_id": account_id})
    owners = Account.objects.in_bulk({row["account_id"] for row in found.rows})
    table = Table(
        "Deliveries",
        ["Delivery", "Account", "Event", "Task", "To", "State", "Attempts", "Made (UTC)"],
        [_row(row, owners.get(row["account_id"])) for row in found.rows],
        empty="No delivery matches.",
        next_href=found.next_href,
    )
    return show(request, "staff/list.html", "Deliveries", {"filters": filters, "table": table})


@staff_page(
    "deliveries/<account:account_id>/<str:delivery_id>/",
    name="delivery",
    title="Delivery",
    permission=PERMISSION,
)
def delivery(request: HttpRequest, account_id: str, delivery_id: str) -> HttpResponse:
    """One delivery with all its attempts."""
    account = account_of(account_id)
    found = find_delivery(account.pk, delivery_id)
    facts = [
        (
            "State",
            found["status"],
            f"next attempt {found['next_attempt_at']}" if found["next_attempt_at"] else "",
        ),
        ("Account", account.name, account.public_id),
        ("Event", found["type"], found["event_id"]),
        ("To", found["url"], found["target"]),
        ("Task", found["task_id"], ""),
        ("Made", found["created_at"], ""),
    ]
    attempts = Table(
        "Attempts",
        ["Number", "Started", "To", "Took", "Status", "Error", "Answer"],
        [
            [
                str(one["number"]),
                one["started_at"],
                one["url"],
                "lost" if one["duration_ms"] is None else f"{one['duration_ms']:,} ms",
                str(one["status"] or "–"),
                one["error"] or "",
                (one["response"] or "")[:200],
            ]
            for one in found["attempts"]
        ],
        empty="None yet.",
    )
    return show(
        request,
        "staff/delivery.html",
        "Delivery",
        {
            "account": account,
            "delivery_id": delivery_id,
            "facts": facts,
            "table": attempts,
            "may": may(request, [RESEND]),
        },
    )


@staff_action(
    "deliveries/<account:account_id>/<str:delivery_id>/resend", name="delivery-resend", permission=RESEND
)
def send_again(request: HttpRequest, account_id: str, delivery_id: str) -> HttpResponse:
    """Send the event again now, with the whole schedule of retries before it."""
    account = account_of(account_id)
    with transaction.atomic():
        was = find_delivery(account.pk, delivery_id)
        now = resend(account.pk, delivery_id)
        record(
            request,
            "delivery.resend",
            Target("delivery", delivery_id, f"{was['type']} of task {was['task_id']}"),
            account=account,
            before={"state": was["status"], "url": was["url"]},
            after={"state": now["status"], "url": now["url"]},
        )
    messages.success(request, "The event is being sent again.")
    return back(request, reverse("staff:delivery", args=[account.public_id, delivery_id]))


def _row(row: dict[str, Any], account: Account | None) -> list[Cell | str]:
    delivery_id = DELIVERY_PREFIX + row["id"].hex
    href = reverse("staff:delivery", args=[account.public_id, delivery_id]) if account is not None else ""
    tone = _TONES.get(row["state"], "bad")
    return [
        Cell(delivery_id, href=href),
        account_cell(account),
        row["type"],
        row["task_id"],
        row["url"],
        Cell(row["state"], tone=tone),
        Cell(str(row["attempts"]), is_number=True),
        moment(row["created_at"]),
    ]

"""Callback deliveries of every account: what came of each attempt, and sending one again."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from accounts.audit import Target, record_by_staff
from accounts.models import Account
from accounts.staff.page_registry import CALLS, back, may, show, staff_action, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import Cell, Filter, Table, Tone, choices, filters_of, timestamp_text
from gateway.labels import DELIVERY_STATES
from gateway.staff.newest_first import OLDER_SQL, rows_of
from gateway.webhooks_out.deliveries import DELIVERY_PREFIX, STATES, find_delivery, resend
from usage.staff.account_pages import account_cell

PERMISSION = "gateway.view_delivery"
RESEND = "gateway.resend_delivery"
TARGETS: Mapping[str, Promise] = {
    "endpoint": gettext_lazy("the account's own endpoint"),
    "task": gettext_lazy("the task's own address"),
}
_TONES: Mapping[str, Tone] = {"delivered": "good", "pending": "quiet"}
_LIST_SQL = f"""
    SELECT * FROM gateway_callback_delivery
    WHERE (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
        AND (%(state)s = '' OR state = %(state)s)
        AND (%(task)s = '' OR task_id = %(task)s)
    {OLDER_SQL}
"""  # noqa: S608 - both parts are constants


@staff_page(
    "deliveries/",
    name="deliveries",
    title=gettext_noop("Deliveries"),
    permission=PERMISSION,
    menu=(CALLS, "webhook"),
)
def deliveries(request: HttpRequest) -> HttpResponse:
    """The newest deliveries, of one account or of all."""
    filters, wanted = filters_of(
        request,
        Filter("account", _("Account id"), hint="acct_…"),
        Filter("state", _("State"), choices(STATES, DELIVERY_STATES)),
        Filter("task", _("Task id")),
    )
    account_id = account_of(wanted["account"]).pk if wanted["account"] else None
    found = rows_of(request, _LIST_SQL, wanted | {"account_id": account_id})
    owners = Account.objects.in_bulk({row["account_id"] for row in found.rows})
    table = Table(
        _("Deliveries"),
        [
            _("Delivery"),
            _("Account"),
            _("Event"),
            _("Task"),
            _("To"),
            _("State"),
            _("Attempts"),
            _("Made (UTC)"),
        ],
        [_row(row, owners.get(row["account_id"])) for row in found.rows],
        empty=_("No delivery matches."),
        next_href=found.next_href,
    )
    return show(request, "staff/list.html", _("Deliveries"), {"filters": filters, "table": table})


@staff_page(
    "deliveries/<account:account_id>/<str:delivery_id>/",
    name="delivery",
    title=gettext_noop("Delivery"),
    permission=PERMISSION,
)
def delivery(request: HttpRequest, account_id: str, delivery_id: str) -> HttpResponse:
    """One delivery with all its attempts."""
    account = account_of(account_id)
    found = find_delivery(account.pk, delivery_id)
    facts = [
        (
            _("State"),
            str(DELIVERY_STATES[found["status"]]),
            _("next attempt %(moment)s") % {"moment": found["next_attempt_at"]}
            if found["next_attempt_at"]
            else "",
        ),
        (_("Account"), account.name, account.public_id),
        (_("Event"), found["type"], found["event_id"]),
        (_("To"), found["url"], str(TARGETS.get(found["target"], found["target"]))),
        (_("Task"), found["task_id"], ""),
        (_("Made"), found["created_at"], ""),
    ]
    attempts = Table(
        _("Attempts"),
        [_("Number"), _("Started"), _("To"), _("Took"), _("Status"), _("Error"), _("Answer")],
        [
            [
                str(one["number"]),
                one["started_at"],
                one["url"],
                _("lost") if one["duration_ms"] is None else f"{one['duration_ms']:,} ms",
                str(one["status"] or "–"),
                one["error"] or "",
                (one["response"] or "")[:200],
            ]
            for one in found["attempts"]
        ],
        empty=_("None yet."),
    )
    return show(
        request,
        "staff/delivery.html",
        _("Delivery"),
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
        record_by_staff(
            request,
            "delivery.resend",
            Target("delivery", delivery_id, f"{was['type']} of task {was['task_id']}"),
            account=account,
            before={"state": was["status"], "url": was["url"]},
            after={"state": now["status"], "url": now["url"]},
        )
    messages.success(request, _("The event is being sent again."))
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
        Cell(str(DELIVERY_STATES[row["state"]]), tone=tone),
        Cell(str(row["attempts"]), is_number=True),
        timestamp_text(row["created_at"]),
    ]

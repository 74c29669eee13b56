"""Granting credits, and the grants there were."""

from datetime import UTC, datetime

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.audit import account_target, record_by_staff
from accounts.models import Account
from accounts.staff.page_registry import ACCOUNTS, back, show, staff_action, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import PAGE_SIZE, Filter, Table, credits_cell, filters_of, timestamp_text
from aio_platform.credits import format_credits, parse_credits
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.templatetags.formatting import credits_exact
from usage.ledger import grants
from usage.models import Grant
from usage.staff.account_pages import account_cell, page_of


@staff_action(
    "accounts/<account:account_id>/grant", name="account-grant", permission="accounts.grant_credits"
)
def grant(request: HttpRequest, account_id: str) -> HttpResponse:
    """Give credits, with a reason and perhaps an end; a form that is sent twice gives once."""
    found = account_of(account_id)
    amount, expires_at = _amount(request), _expiry(request)
    reason = request.POST.get("reason", "").strip()
    with transaction.atomic():
        booked = grants.grant(
            found.pk,
            amount,
            reason=reason,
            actor=f"staff {request.user}"[: grants.MAX_TEXT_LENGTH],
            expires_at=expires_at,
            idempotency_key=f"staff-{_once(request)}",
        )
        if not booked.repeated:
            record_by_staff(
                request,
                "account.grant",
                account_target(found),
                account=found,
                before={"available": format_credits(booked.available_microcredits - amount)},
                after={
                    "available": format_credits(booked.available_microcredits),
                    "granted": format_credits(amount),
                    "reason": reason,
                    "expires": timestamp_text(expires_at),
                    "entry": booked.entry,
                },
            )
    messages.success(
        request,
        _("%(amount)s credits granted to %(name)s.") % {"amount": credits_exact(amount), "name": found.name},
    )
    return back(request, page_of(found))


@staff_page(
    "grants/",
    name="grants",
    title=gettext_noop("Grants"),
    permission="usage.view_grant",
    menu=(ACCOUNTS, "redeem"),
)
def grant_list(request: HttpRequest) -> HttpResponse:
    """The newest grants, of one account or of all."""
    filters, wanted = filters_of(
        request, Filter("account", _("Account id"), hint="acct_…"), Filter("actor", _("Given by"))
    )
    found = Grant.objects.order_by("-created_at")
    if wanted["account"]:
        found = found.filter(account_id=account_of(wanted["account"]).pk)
    if wanted["actor"]:
        found = found.filter(actor__icontains=wanted["actor"])
    rows = list(found[: 2 * PAGE_SIZE])
    owners = Account.objects.in_bulk({row.account_id for row in rows})
    table = Table(
        _("Grants"),
        [_("Made (UTC)"), _("Account"), _("Credits"), _("Reason"), _("Given by"), _("Expires")],
        [
            [
                timestamp_text(row.created_at),
                account_cell(owners.get(row.account_id)),
                credits_cell(row.amount_microcredits),
                row.reason,
                row.actor,
                timestamp_text(row.expires_at),
            ]
            for row in rows
        ],
        empty=_("No grant matches."),
    )
    return show(request, "staff/list.html", _("Grants"), {"filters": filters, "table": table})


def _amount(request: HttpRequest) -> int:
    try:
        amount = parse_credits(request.POST.get("amount", ""))
    except ValueError as error:
        raise InvalidRequest(gettext_noop("Amount: %(error)s."), param="amount", error=str(error)) from None
    if amount <= 0:
        raise InvalidRequest(gettext_noop("Amount: more than 0 credits."), param="amount")
    return amount


def _expiry(request: HttpRequest) -> datetime | None:
    """A moment in UTC, as the browser's field writes it; None where the grant is to last."""
    text = request.POST.get("expires", "").strip()
    if not text:
        return None
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise InvalidRequest(
            gettext_noop("Expires: a date and a time, as in 2026-12-31T23:59."), param="expires"
        )
    return at if timezone.is_aware(at) else at.replace(tzinfo=UTC)


def _once(request: HttpRequest) -> str:
    once = request.POST.get("once", "")
    if not once.isalnum() or not once.isascii() or len(once) > 64:
        raise InvalidRequest(gettext_noop("The form is not whole; open the page again."), param="once")
    return once

"""Accounts as staff see them: what they have, what they may, and the levers on both."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from accounts import actions
from accounts.audit import account_target, record_by_staff
from accounts.keys.format import PREFIX_LENGTH
from accounts.models import Account, ApiKey, Membership, Plan
from accounts.pages.team import ROLE_NAMES
from accounts.public_ids import is_account_id
from accounts.staff.admin.key_pages import NOT_A_KEY, key_headings, key_row
from accounts.staff.labels import ACCOUNT_STATES
from accounts.staff.page_registry import ACCOUNTS, back, may, show, staff_action, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import (
    PAGE_SIZE,
    Cell,
    Filter,
    Table,
    choices,
    credits_cell,
    filters_of,
    href_with,
    place_before,
    timestamp_text,
)
from usage.models import Balance
from usage.queries.credit import credit_of
from usage.queries.events import event_page
from usage.queries.filters import CallFilter
from usage.staff.call_pages import call_table, refusal_table

PERMISSIONS = [
    "accounts.set_plan",
    "accounts.suspend_account",
    "accounts.grant_credits",
    "accounts.view_as_member",
    "accounts.view_apikey",
    "accounts.view_auditentry",
    "usage.view_usageevent",
    "usage.view_grant",
    "gateway.view_task",
    "gateway.view_delivery",
]
SHOWN_KEYS = 20
SHOWN_CALLS = 20


@staff_page(
    "accounts/",
    name="accounts",
    title=gettext_noop("Accounts"),
    permission="accounts.view_account",
    menu=(ACCOUNTS, "apartment"),
)
def accounts(request: HttpRequest) -> HttpResponse:
    """Every account, newest first; found by its name, id, a member's address or a key's prefix."""
    filters, wanted = filters_of(
        request,
        Filter("q", _("Find"), hint=_("name, id, e-mail or key prefix")),
        Filter("plan", _("Plan"), choices(Plan.objects.order_by("slug").values_list("slug", flat=True))),
        Filter("status", _("Status"), choices(Account.Status.values, ACCOUNT_STATES)),
    )
    if wanted["q"].startswith("aio_") and len(wanted["q"]) > PREFIX_LENGTH:
        messages.error(request, NOT_A_KEY)
        return HttpResponseRedirect(reverse("staff:keys"))
    found = Account.objects.order_by("-id")
    if wanted["q"]:
        found = found.filter(_named(wanted["q"]))
    if wanted["plan"]:
        found = found.filter(plan_id=wanted["plan"])
    if wanted["status"]:
        found = found.filter(status=wanted["status"])
    before = place_before(request)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE_SIZE + 1])
    balances = Balance.objects.in_bulk([account.pk for account in rows])
    table = Table(
        _("Accounts"),
        [_("Account"), _("Id"), _("Plan"), _("Status"), _("Available"), _("Held"), _("Opened (UTC)")],
        [_account_row(account, balances.get(account.pk)) for account in rows[:PAGE_SIZE]],
        empty=_("No account matches."),
        next_href=href_with(request, before=str(rows[PAGE_SIZE - 1].pk)) if len(rows) > PAGE_SIZE else "",
    )
    return show(request, "staff/list.html", _("Accounts"), {"filters": filters, "table": table})


@staff_page(
    "accounts/<account:account_id>/",
    name="account",
    title=gettext_noop("Account"),
    permission="accounts.view_account",
)
def account(request: HttpRequest, account_id: str) -> HttpResponse:
    """One account: credits, plan, people, keys, its newest calls, why it was refused, and the levers."""
    found = account_of(account_id)
    allowed = may(request, PERMISSIONS)
    credit = credit_of(found).content
    now = timezone.now()
    calls = event_page(CallFilter(account_id=found.pk), limit=SHOWN_CALLS).events
    keys = ApiKey.objects.select_related("account").filter(account=found).order_by("-id")[:SHOWN_KEYS]
    return show(
        request,
        "staff/account.html",
        _("Account %(name)s") % {"name": found.name},
        {
            "account": found,
            "is_suspended": found.status == Account.Status.SUSPENDED,
            "plans": Plan.objects.order_by("slug"),
            "once": uuid4().hex,
            "may": allowed,
            "facts": _facts(found, credit),
            "people": _people(found),
            "keys": Table(
                _("Keys"),
                key_headings(),
                [key_row(key) for key in keys],
                empty=_("No keys."),
            ),
            "calls": call_table(calls, _("Newest calls")),
            "refusals": refusal_table(now - timedelta(days=1), account_id=found.pk),
            "grants": Table(
                _("Credits left, by grant"),
                [_("Entry"), _("Reason"), _("Given"), _("Left"), _("Made"), _("Expires")],
                [
                    [
                        str(one["entry"]),
                        one["reason"],
                        Cell(one["amount"], is_number=True),
                        Cell(one["remaining"], is_number=True),
                        one["created_at"],
                        one["expires_at"] or _("never"),
                    ]
                    for one in credit["grants"]
                ],
                empty=_("Nothing is left."),
            ),
        },
    )


@staff_action("accounts/<account:account_id>/plan", name="account-plan", permission="accounts.set_plan")
def set_plan(request: HttpRequest, account_id: str) -> HttpResponse:
    """Another plan, from the account's next call on."""
    found = account_of(account_id)
    was = found.plan_id
    with transaction.atomic():
        actions.set_plan(found, request.POST.get("plan", ""))
        record_by_staff(
            request,
            "account.set_plan",
            account_target(found),
            account=found,
            before={"plan": was},
            after={"plan": found.plan_id},
        )
    messages.success(
        request, _("%(name)s is on the plan %(plan)s.") % {"name": found.name, "plan": found.plan_id}
    )
    return back(request, page_of(found))


@staff_action(
    "accounts/<account:account_id>/suspend", name="account-suspend", permission="accounts.suspend_account"
)
def suspend(request: HttpRequest, account_id: str) -> HttpResponse:
    """Refuse every call of the account's keys from now on."""
    found = account_of(account_id)
    actions.suspend_account(found, also=_status_record(request, found, "account.suspend", found.status))
    messages.success(request, _("%(name)s is suspended.") % {"name": found.name})
    return back(request, page_of(found))


@staff_action(
    "accounts/<account:account_id>/reactivate",
    name="account-reactivate",
    permission="accounts.suspend_account",
)
def reactivate(request: HttpRequest, account_id: str) -> HttpResponse:
    """Take the account's calls again."""
    found = account_of(account_id)
    actions.reactivate_account(found, also=_status_record(request, found, "account.reactivate", found.status))
    messages.success(request, _("%(name)s is active.") % {"name": found.name})
    return back(request, page_of(found))


def account_cell(found: Account | None) -> Cell:
    """An account's name, linked to its page."""
    return Cell("–") if found is None else Cell(found.name, href=page_of(found))


def page_of(found: Account) -> str:
    """The address of an account's page."""
    return reverse("staff:account", args=[found.public_id])


def _named(text: str) -> Q:
    if is_account_id(text):
        return Q(public_id=text)
    if text.startswith("aio_"):
        return Q(pk__in=ApiKey.objects.filter(prefix=text).values("account_id"))
    if "@" in text:
        return Q(memberships__user__email=text.lower())
    return Q(name__icontains=text)


def _account_row(found: Account, balance: Balance | None) -> list[Cell | str]:
    return [
        account_cell(found),
        found.public_id,
        found.plan_id,
        Cell(_status(found), tone="good" if found.status == Account.Status.ACTIVE else "bad"),
        credits_cell(balance.available_microcredits if balance else 0),
        credits_cell(balance.held_microcredits if balance else 0),
        timestamp_text(found.created_at),
    ]


def _status(found: Account) -> str:
    return str(ACCOUNT_STATES[found.status])


def _facts(found: Account, credit: dict[str, Any]) -> list[tuple[str, str, str]]:
    lifetime = credit["lifetime"]
    return [
        (_("Available"), credit["available"], _("credits")),
        (_("Held"), credit["held"], _("by calls under way")),
        (_("Spent"), lifetime["captured"], _("refunded %(amount)s") % {"amount": lifetime["refunded"]}),
        (
            pgettext("amount", "Granted"),
            lifetime["granted"],
            _("expired %(amount)s") % {"amount": lifetime["expired"]},
        ),
        (_("Plan"), found.plan_id, ""),
        (_("Status"), _status(found), ""),
        (_("Opened"), timestamp_text(found.created_at), "UTC"),
        (_("Id"), found.public_id, ""),
    ]


def _people(found: Account) -> Table:
    memberships = found.memberships.select_related("user").order_by("id")
    return Table(
        _("People"),
        [_("E-mail"), _("Role"), _("Member since (UTC)"), _("Last sign-in (UTC)")],
        [
            [
                one.user.email,
                str(ROLE_NAMES[Membership.Role(one.role)]),
                timestamp_text(one.created_at),
                timestamp_text(one.user.last_login),
            ]
            for one in memberships
        ],
        empty=_("Nobody is a member."),
    )


def _status_record(request: HttpRequest, found: Account, action: str, was: str) -> actions.Also:
    return lambda: record_by_staff(
        request,
        action,
        account_target(found),
        account=found,
        before={"status": was},
        after={"status": found.status},
    )

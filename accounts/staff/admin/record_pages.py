"""The record of what staff did, and looking at an account as its members do."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import view_as
from accounts.models import AuditEntry
from accounts.staff.labels import TARGETS
from accounts.staff.page_registry import ADMINISTRATION, show, staff_action, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import (
    PAGE_SIZE,
    Filter,
    Table,
    changes_text,
    filters_of,
    href_with,
    place_before,
    timestamp_text,
)


@staff_action("accounts/<account:account_id>/view-as", name="view-as", permission=view_as.PERMISSION)
def view_as_member(request: HttpRequest, account_id: str) -> HttpResponse:
    """See the members' pages of an account, to read."""
    with transaction.atomic():
        view_as.start(request, account_of(account_id))
    return HttpResponseRedirect("/")


@staff_action("view-as/stop", name="view-as-stop", permission="")
def view_as_stop(request: HttpRequest) -> HttpResponse:
    """Back to the account's page on the staff site."""
    with transaction.atomic():
        account = view_as.stop(request)
    if account is None:
        return HttpResponseRedirect("/staff/")
    return HttpResponseRedirect(f"/staff/accounts/{account.public_id}/")


@staff_page(
    "audit/",
    name="audit",
    title=gettext_noop("Staff record"),
    permission="accounts.view_auditentry",
    menu=(ADMINISTRATION, "history"),
)
def audit(request: HttpRequest) -> HttpResponse:
    """Everything that staff did, newest first."""
    filters, wanted = filters_of(
        request,
        Filter("actor", _("Who"), hint=_("e-mail address")),
        Filter("action", _("Action"), hint="account.suspend"),
        Filter("target", _("Target id")),
        Filter("account", _("Account id"), hint="acct_…"),
    )
    found = AuditEntry.objects.filter(actor_kind=AuditEntry.ActorKind.STAFF).order_by("-id")
    if wanted["actor"]:
        found = found.filter(actor_label=wanted["actor"].lower())
    if wanted["action"]:
        found = found.filter(action=wanted["action"])
    if wanted["target"]:
        found = found.filter(target_id=wanted["target"])
    if wanted["account"]:
        found = found.filter(account_id=account_of(wanted["account"]).pk)
    before = place_before(request)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE_SIZE + 1])
    table = Table(
        _("Staff record"),
        [
            _("When (UTC)"),
            _("Who"),
            _("Action"),
            _("Target"),
            _("What changed"),
            _("Address"),
            _("Request"),
        ],
        [
            [
                timestamp_text(row.at),
                row.actor_label,
                row.action,
                f"{TARGETS.get(row.target_kind, row.target_kind)} {row.target_label or row.target_id}",
                changes_text(row.before, row.after),
                row.address,
                row.request_id,
            ]
            for row in rows[:PAGE_SIZE]
        ],
        empty=_("Nobody did anything that matches."),
        next_href=href_with(request, before=str(rows[PAGE_SIZE - 1].pk)) if len(rows) > PAGE_SIZE else "",
    )
    return show(request, "staff/list.html", _("Staff record"), {"filters": filters, "table": table})

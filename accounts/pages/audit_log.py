"""The audit log: what was done to the account's keys, members and settings, by whom and from where."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from accounts.models import AuditEntry
from accounts.page_context import MANAGERS, member_page, page_member

PAGE_SIZE = 50
MAX_ENTRY_ID = 2**63 - 1
ACTION_NAMES = {
    "key.issue": gettext_lazy("Issued a key"),
    "key.change": gettext_lazy("Changed a key"),
    "key.revoke": gettext_lazy("Revoked a key"),
    "key.rotate": gettext_lazy("Rotated a key"),
    "member.invite": gettext_lazy("Invited a member"),
    "member.invite_again": gettext_lazy("Invited a member again"),
    "member.invite_withdraw": gettext_lazy("Withdrew an invitation"),
    "member.join": gettext_lazy("Joined"),
    "member.role": gettext_lazy("Changed a role"),
    "member.remove": gettext_lazy("Removed a member"),
    "member.leave": gettext_lazy("Left"),
    "account.rename": gettext_lazy("Renamed the account"),
    "account.view_as": gettext_lazy("Looked at the account"),
    "account.view_as_end": gettext_lazy("Stopped looking at the account"),
    "account.suspend": gettext_lazy("Suspended the account"),
    "account.reactivate": gettext_lazy("Reactivated the account"),
    "account.set_plan": gettext_lazy("Changed the plan"),
    "account.grant": gettext_lazy("Granted credits"),
    "callbacks.secret": gettext_lazy("Rotated the callback secret"),
    "callbacks.endpoint": gettext_lazy("Changed the callback endpoint"),
}


@member_page(*MANAGERS)
def audit_log(request: HttpRequest) -> HttpResponse:
    """A page of entries, newest first; `before` is the id that the page before ended with."""
    member = page_member(request)
    entries = AuditEntry.objects.filter(account_id=member.account.pk).order_by("-id")
    before = request.GET.get("before")
    if before is not None:
        if not before.isascii() or not before.isdecimal() or int(before) > MAX_ENTRY_ID:
            raise Http404
        entries = entries.filter(id__lt=int(before))
    # One more than is shown tells whether there is a next page.
    found = list(entries[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return render(
        request,
        "accounts/audit_log.html",
        {
            "entries": [
                {
                    "entry": entry,
                    "name": ACTION_NAMES.get(entry.action, entry.action),
                    "changes": [] if entry.actor_kind == AuditEntry.ActorKind.STAFF else _changes(entry),
                }
                for entry in shown
            ],
            "next": shown[-1].pk if len(found) > PAGE_SIZE else None,
            "is_first": before is None,
        },
    )


def _changes(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """Each field with what it was and became. Of our staff's actions members see that they were, not our notes."""
    return [
        (field, entry.before.get(field), entry.after.get(field)) for field in {**entry.before, **entry.after}
    ]

"""The staff site's pages of accounts: people, groups and plans as Django's lists; keys and the record as ours."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import actions
from accounts.errors import MalformedKey
from accounts.keys import PREFIX_LENGTH, digest_of
from accounts.models import Account, ApiKey, AuditEntry, Plan, User
from accounts.public_ids import is_account_id, is_key_id
from accounts.staff import view_as
from accounts.staff.audit import Target, record
from accounts.staff.audited_admin import AuditedAdmin
from accounts.staff.pages import ADMINISTRATION, back, may, registered, show, staff_action, staff_page
from accounts.staff.tables import (
    PAGE_SIZE,
    Cell,
    Filter,
    Table,
    changes_text,
    choices,
    filters_of,
    href_with,
    moment,
    place_before,
)
from aio_platform.credits import format_credits
from aio_platform.errors import NotFound

ACCOUNTS = "Accounts"
NOT_A_KEY = (
    "That is neither a prefix (aio_ and 8 characters) nor a whole key. It was not looked for, nor kept."
)
KEY_STATES = ("live", "revoked", "expired")
NO_SUCH_KEY = "There is no such key."
OUR_APPS = ("auth", "accounts", "usage", "gateway")
# What makes a person more than they were; only a superuser gives it.
PRIVILEGES = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """People. They sign up and change their passwords themselves; here they are let in, kept out and made staff."""

    menu_icon = "person"
    list_display = ("email", "is_active", "is_staff", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email",)
    ordering = ("-id",)
    fields = ("email", "is_active", *PRIVILEGES, "last_login", "date_joined")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_as_checkboxes(db_field), **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may change people may not change those who stand above them.
        if isinstance(obj, User) and obj.is_superuser and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        always = ("email", "last_login", "date_joined")
        return always if _is_superuser(request) else (*always, *PRIVILEGES)


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """Sets of permissions for staff; only a superuser may make or change one."""

    menu_icon = "groups"
    search_fields = ("name",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_as_checkboxes(db_field), **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    """What accounts may do a minute and a day. A plan that accounts are on cannot be deleted."""

    menu_icon = "speed"
    list_display = ("slug", "calls_per_minute", "trial_calls_per_day", "signup_bonus_microcredits")
    ordering = ("slug",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj is not None else ()


@staff_page("keys/", name="keys", title="API keys", permission="accounts.view_apikey", menu=(ACCOUNTS, "key"))
@sensitive_post_parameters("key")
def keys(request: HttpRequest) -> HttpResponse:
    """Keys by prefix or by a pasted whole key, which comes by POST and leaves nothing but its digest's answer."""
    if request.method == "POST":
        return _find_pasted(request)
    filters, wanted = filters_of(
        request,
        Filter("prefix", "Prefix", hint="aio_ and 8 characters"),
        Filter("account", "Account id", hint="acct_…"),
        Filter("state", "State", choices(KEY_STATES)),
    )
    if len(wanted["prefix"]) > PREFIX_LENGTH:
        # Somebody pasted a key into the address: it must not stay there.
        messages.error(request, NOT_A_KEY)
        return HttpResponseRedirect(reverse("staff:keys"))
    rows = list(_matching(wanted, place_before(request))[: PAGE_SIZE + 1])
    table = Table(
        "API keys",
        ["Key", "Name", "Account", "State", "Issued", "Expires"],
        [key_row(one) for one in rows[:PAGE_SIZE]],
        empty="No key matches.",
        next_href=href_with(request, before=str(rows[PAGE_SIZE - 1].pk)) if len(rows) > PAGE_SIZE else "",
    )
    return show(request, "staff/keys.html", "API keys", {"filters": filters, "table": table})


def _find_pasted(request: HttpRequest) -> HttpResponse:
    """To the key's page. What was pasted is never shown again: not in an address, a message or a record."""
    text = request.POST.get("key", "").strip()
    if len(text) == PREFIX_LENGTH and text.isascii() and text.isprintable():
        return HttpResponseRedirect(f"{reverse('staff:keys')}?{urlencode({'prefix': text})}")
    try:
        found = ApiKey.objects.filter(digest=digest_of(text)).first()
    except MalformedKey:
        messages.error(request, NOT_A_KEY)
        return HttpResponseRedirect(reverse("staff:keys"))
    if found is None:
        messages.error(request, NO_SUCH_KEY)
        return HttpResponseRedirect(reverse("staff:keys"))
    return HttpResponseRedirect(reverse("staff:key", args=[found.public_id]))


@staff_page("keys/<str:key_id>/", name="key", title="API key", permission="accounts.view_apikey")
def key(request: HttpRequest, key_id: str) -> HttpResponse:
    """One key: what it may do, whose it is, and where to end it."""
    api_key = _key(key_id)
    facts = [
        ("Key", f"{api_key.prefix}…{api_key.last_four}", api_key.public_id),
        ("State", state_of(api_key), ""),
        ("Issued", moment(api_key.created_at), str(api_key.created_by or "")),
        ("Expires", moment(api_key.expires_at), ""),
        ("Revoked", moment(api_key.revoked_at), ""),
        ("Endpoints", ", ".join(api_key.allowed_endpoints or ["all"]), ""),
        ("Models", ", ".join(api_key.allowed_models or ["all"]), ""),
        ("Networks", ", ".join(api_key.allowed_networks or ["all"]), ""),
        ("Cap a day", _cap(api_key.cap_day_microcredits), "credits"),
        ("Cap a month", _cap(api_key.cap_month_microcredits), "credits"),
    ]
    return show(
        request,
        "staff/key.html",
        f"Key {api_key.prefix}…",
        {
            "key": api_key,
            "facts": facts,
            "is_live": api_key.is_live(timezone.now()),
            "may": may(request, ["accounts.revoke_apikey", "usage.view_usageevent", "accounts.view_account"]),
        },
    )


@staff_action("keys/<str:key_id>/revoke", name="key-revoke", permission="accounts.revoke_apikey")
def revoke_key(request: HttpRequest, key_id: str) -> HttpResponse:
    """End a key for good: every call that starts afterwards is refused."""
    api_key = _key(key_id)
    was = state_of(api_key)
    actions.revoke_key(
        api_key,
        also=lambda: record(
            request,
            "key.revoke",
            Target("key", api_key.public_id, f"{api_key.name} ({api_key.prefix}…)"),
            account=api_key.account,
            before={"state": was},
            after={"state": state_of(api_key)},
        ),
    )
    messages.success(request, f"The key {api_key.prefix}… is revoked.")
    return back(request, reverse("staff:key", args=[api_key.public_id]))


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
    title="Staff record",
    permission="accounts.view_auditentry",
    menu=(ADMINISTRATION, "history"),
)
def audit(request: HttpRequest) -> HttpResponse:
    """Everything that staff did, newest first."""
    filters, wanted = filters_of(
        request,
        Filter("actor", "Who", hint="e-mail address"),
        Filter("action", "Action", hint="account.suspend"),
        Filter("target", "Target id"),
        Filter("account", "Account id", hint="acct_…"),
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
        "Staff record",
        ["When (UTC)", "Who", "Action", "Target", "What changed", "Address", "Request"],
        [
            [
                moment(row.at),
                row.actor_label,
                row.action,
                f"{row.target_kind} {row.target_label or row.target_id}",
                changes_text(row.before, row.after),
                row.address,
                row.request_id,
            ]
            for row in rows[:PAGE_SIZE]
        ],
        empty="Nobody did anything that matches.",
        next_href=href_with(request, before=str(rows[PAGE_SIZE - 1].pk)) if len(rows) > PAGE_SIZE else "",
    )
    return show(request, "staff/list.html", "Staff record", {"filters": filters, "table": table})


def account_of(public_id: str) -> Account:
    """The account of that public id; NotFound where there is none."""
    found = (
        Account.objects.select_related("plan").filter(public_id=public_id).first()
        if (is_account_id(public_id))
        else None
    )
    if found is None:
        raise NotFound("There is no such account.")
    return found


def state_of(api_key: ApiKey) -> str:
    """Live, revoked or expired, as of now."""
    if api_key.revoked_at is not None:
        return "revoked"
    return "live" if api_key.is_live(timezone.now()) else "expired"


def _key(public_id: str) -> ApiKey:
    found = (
        ApiKey.objects.select_related("account", "created_by").filter(public_id=public_id).first()
        if is_key_id(public_id)
        else None
    )
    if found is None:
        raise NotFound(NO_SUCH_KEY)
    return found


def _matching(wanted: dict[str, str], before: int | None) -> QuerySet[ApiKey]:
    found = ApiKey.objects.select_related("account").order_by("-id")
    if wanted["prefix"]:
        found = found.filter(prefix=wanted["prefix"])
    if wanted["account"]:
        found = found.filter(account=account_of(wanted["account"]))
    now = timezone.now()
    if wanted["state"] == "live":
        found = found.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    elif wanted["state"] == "revoked":
        found = found.exclude(revoked_at=None)
    elif wanted["state"] == "expired":
        found = found.filter(revoked_at=None, expires_at__lte=now)
    return found if before is None else found.filter(pk__lt=before)


def key_row(api_key: ApiKey) -> list[Cell | str]:
    """A key in a list: Key, Name, Account, State, Issued, Expires."""
    state = state_of(api_key)
    return [
        Cell(f"{api_key.prefix}…{api_key.last_four}", href=reverse("staff:key", args=[api_key.public_id])),
        api_key.name,
        Cell(api_key.account.name, href=f"/staff/accounts/{api_key.account.public_id}/"),
        Cell(state, tone="good" if state == "live" else "quiet"),
        moment(api_key.created_at),
        moment(api_key.expires_at),
    ]


def _as_checkboxes(db_field: Any) -> dict[str, Any]:
    """A list that a keyboard and a screen reader can use; of permissions those that something here asks for."""
    options: dict[str, Any] = {"widget": UnfoldAdminCheckboxSelectMultipleWidget}
    if db_field.related_model is Permission:
        asked = {page.permission.partition(".")[2] for page in registered()}
        models = [model._meta.model_name for model in admin.site._registry]
        asked |= {f"{verb}_{name}" for verb in ("view", "add", "change", "delete") for name in models}
        options["queryset"] = (
            Permission.objects.filter(codename__in=asked, content_type__app_label__in=OUR_APPS)
            .select_related("content_type")
            .order_by("content_type__app_label", "codename")
        )
    return options


def _cap(microcredits: int | None) -> str:
    return "none" if microcredits is None else format_credits(microcredits)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))

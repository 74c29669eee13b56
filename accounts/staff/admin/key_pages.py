"""Keys of every account: found by prefix or by a pasted whole key, looked at, and ended."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from accounts.audit import Target, record_by_staff
from accounts.errors import MalformedKey
from accounts.keys import lifecycle
from accounts.keys.format import PREFIX_LENGTH, digest_of
from accounts.models import ApiKey
from accounts.public_ids import is_key_id
from accounts.staff.labels import KEY_STATES
from accounts.staff.page_registry import ACCOUNTS, back, may, show, staff_action, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import (
    PAGE_SIZE,
    Cell,
    Filter,
    Table,
    choices,
    filters_of,
    href_with,
    place_before,
    timestamp_text,
)
from aio_platform.credits import format_credits
from aio_platform.errors import NotFound
from aio_platform.i18n.translatable import gettext_noop

NOT_A_KEY = gettext_lazy(
    "That is neither a prefix (aio_ and 8 characters) nor a whole key. It was not looked for, nor kept."
)
NO_SUCH_KEY = gettext_noop("There is no such key.")


@staff_page(
    "keys/",
    name="keys",
    title=gettext_noop("API keys"),
    permission="accounts.view_apikey",
    menu=(ACCOUNTS, "key"),
)
@sensitive_post_parameters("key")
def keys(request: HttpRequest) -> HttpResponse:
    """Keys by prefix or by a pasted whole key, which comes by POST and leaves nothing but its digest's answer."""
    if request.method == "POST":
        return _find_pasted(request)
    filters, wanted = filters_of(
        request,
        Filter("prefix", _("Prefix"), hint=_("aio_ and 8 characters")),
        Filter("account", _("Account id"), hint="acct_…"),
        Filter("state", _("State"), choices(KEY_STATES, KEY_STATES)),
    )
    if len(wanted["prefix"]) > PREFIX_LENGTH:
        # Somebody pasted a key into the address: it must not stay there.
        messages.error(request, NOT_A_KEY)
        return HttpResponseRedirect(reverse("staff:keys"))
    rows = list(_matching(wanted, place_before(request))[: PAGE_SIZE + 1])
    table = Table(
        _("API keys"),
        key_headings(),
        [key_row(one) for one in rows[:PAGE_SIZE]],
        empty=_("No key matches."),
        next_href=href_with(request, before=str(rows[PAGE_SIZE - 1].pk)) if len(rows) > PAGE_SIZE else "",
    )
    return show(request, "staff/keys.html", _("API keys"), {"filters": filters, "table": table})


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
        messages.error(request, _(NO_SUCH_KEY))
        return HttpResponseRedirect(reverse("staff:keys"))
    return HttpResponseRedirect(reverse("staff:key", args=[found.public_id]))


@staff_page(
    "keys/<str:key_id>/", name="key", title=gettext_noop("API key"), permission="accounts.view_apikey"
)
def key(request: HttpRequest, key_id: str) -> HttpResponse:
    """One key: what it may do, whose it is, and where to end it."""
    api_key = _key(key_id)
    facts = [
        (_("Key"), f"{api_key.prefix}…{api_key.last_four}", api_key.public_id),
        (_("State"), str(KEY_STATES[state_of(api_key)]), ""),
        (_("Issued"), timestamp_text(api_key.created_at), str(api_key.created_by or "")),
        (_("Expires"), timestamp_text(api_key.expires_at), ""),
        (_("Revoked"), timestamp_text(api_key.revoked_at), ""),
        (_("Endpoints"), ", ".join(api_key.allowed_endpoints or [_("all")]), ""),
        (_("Models"), ", ".join(api_key.allowed_models or [_("all")]), ""),
        (_("Networks"), ", ".join(api_key.allowed_networks or [_("all")]), ""),
        (_("Cap a day"), _cap(api_key.cap_day_microcredits), _("credits")),
        (_("Cap a month"), _cap(api_key.cap_month_microcredits), _("credits")),
    ]
    return show(
        request,
        "staff/key.html",
        _("Key %(prefix)s") % {"prefix": f"{api_key.prefix}…"},
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
    lifecycle.revoke_key(
        api_key,
        also=lambda: record_by_staff(
            request,
            "key.revoke",
            Target("key", api_key.public_id, f"{api_key.name} ({api_key.prefix}…)"),
            account=api_key.account,
            before={"state": was},
            after={"state": state_of(api_key)},
        ),
    )
    messages.success(request, _("The key %(prefix)s is revoked.") % {"prefix": f"{api_key.prefix}…"})
    return back(request, reverse("staff:key", args=[api_key.public_id]))


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


def key_headings() -> list[str]:
    """What stands above the cells of `key_row`."""
    return [_("Key"), _("Name"), _("Account"), _("State"), _("Issued"), _("Expires")]


def key_row(api_key: ApiKey) -> list[Cell | str]:
    """A key in a list."""
    state = state_of(api_key)
    return [
        Cell(f"{api_key.prefix}…{api_key.last_four}", href=reverse("staff:key", args=[api_key.public_id])),
        api_key.name,
        Cell(api_key.account.name, href=f"/staff/accounts/{api_key.account.public_id}/"),
        Cell(str(KEY_STATES[state]), tone="good" if state == "live" else "quiet"),
        timestamp_text(api_key.created_at),
        timestamp_text(api_key.expires_at),
    ]


def _cap(microcredits: int | None) -> str:
    return _("none") if microcredits is None else format_credits(microcredits)

"""A question as people and programs write it: texts by name, from an address or a command line."""

from collections.abc import Callable, Mapping
from typing import Any

from accounts.errors import AccountNotFound, AmbiguousPrefix, KeyNotFound
from accounts.lookup import find_account, find_key
from accounts.models import Plan
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.timestamps import parse_timestamp, parse_zone
from usage.ledger.outcomes import Outcome
from usage.queries.aggregates.summaries import INTERVALS
from usage.queries.filters import CallFilter
from usage.queries.keys import SESSION, SESSION_KEY_ID
from usage.reports.report_query import MAX_LIMIT, ReportQuery

FILTERS = ("account", "plan", "key", "endpoint", "model", "upstream", "route", "outcome")
PARAMETERS = ("since", "until", "timezone", *FILTERS, "group_by", "interval", "compare", "limit")


def read_report_query(
    given: Mapping[str, str], spelled: Callable[[str], str] = lambda name: name
) -> ReportQuery:
    """What the texts ask; those that are missing or empty are left to the report.

    Raises InvalidRequest for whatever cannot be read, naming the parameter as `spelled` does.
    """
    texts = {name: text for name, text in given.items() if text}
    zone_name = texts.get("timezone", "UTC")
    zone = parse_zone(zone_name, spelled("timezone"))
    since, until = (
        parse_timestamp(texts[name], spelled(name), zone) if name in texts else None
        for name in ("since", "until")
    )
    if since is not None and until is not None and since >= until:
        raise InvalidRequest(
            _("%(param)s is before %(until)s."), param=spelled("since"), until=spelled("until")
        )
    which = CallFilter(
        endpoint=texts.get("endpoint"),
        model=texts.get("model"),
        upstream=texts.get("upstream"),
        route=texts.get("route"),
        outcome=_choice(texts, "outcome", [outcome.value for outcome in Outcome], spelled),
        plan=_choice(texts, "plan", list(Plan.objects.values_list("slug", flat=True)), spelled),
        since=since,
        until=until,
        **_who(texts, spelled),
    )
    limit = texts.get("limit", "200")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= MAX_LIMIT):
        raise InvalidRequest(
            _("%(param)s is a whole number from 1 to %(max_limit)s."),
            param=spelled("limit"),
            max_limit=f"{MAX_LIMIT:,}",
        )
    return ReportQuery(
        which=which,
        group_by=tuple(texts["group_by"].split(",")) if "group_by" in texts else None,
        interval=_choice(texts, "interval", list(INTERVALS), spelled),
        zone=zone,
        zone_name=zone_name,
        compare=_choice(texts, "compare", ["yes", "no"], spelled) == "yes",
        limit=int(limit),
    )


def _who(texts: Mapping[str, str], spelled: Callable[[str], str]) -> dict[str, Any]:
    account = key = None
    try:
        if "account" in texts:
            account = find_account(texts["account"])
    except AccountNotFound as error:
        raise InvalidRequest(error.told, param=spelled("account")) from None
    if texts.get("key") == SESSION:
        return {"account_id": account and account.pk, "key_id": SESSION_KEY_ID}
    try:
        if "key" in texts:
            key = find_key(texts["key"])
    except (KeyNotFound, AmbiguousPrefix) as error:
        raise InvalidRequest(error.told, param=spelled("key")) from None
    if account is not None and key is not None and key.account_id != account.pk:
        raise InvalidRequest(_("The key is another account's."), param=spelled("key"))
    if key is not None:
        return {"account_id": key.account_id, "key_id": key.pk}
    return {"account_id": account and account.pk}


def _choice(
    texts: Mapping[str, str], name: str, choices: list[str], spelled: Callable[[str], str]
) -> str | None:
    if name in texts and texts[name] not in choices:
        raise InvalidRequest(
            _("%(param)s is one of %(choices)s."), param=spelled(name), choices=", ".join(choices)
        )
    return texts.get(name)

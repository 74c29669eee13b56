"""What the rows of several reports share: their groups' columns and names."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from accounts.models import Account
from usage.labels import OUTCOMES
from usage.queries.aggregates.summaries import NO_INTERVAL, Grouping
from usage.queries.keys import describe_keys
from usage.queries.members import describe_members
from usage.reports.shape import Column, Kind, group

_TITLES = {
    "account": _("Account"),
    "plan": _("Plan"),
    "key": _("Key"),
    "member": _("Member"),
    "model": _("Model"),
    "endpoint": _("Endpoint"),
    "upstream": _("Upstream"),
    "route": _("Route"),
    "outcome": _("Outcome"),
    "code": _("Reason"),
}
_INTERVAL_TITLES = {"minute": _("Minute"), "hour": _("Hour"), "day": _("Day"), "month": _("Month")}
SESSION = "session"
_WORDS: dict[str, dict[str, Promise]] = {"key": {SESSION: gettext_lazy("session")}, "outcome": OUTCOMES}


def group_columns(grouping: Grouping) -> list[Column]:
    """The columns that name the rows of such a grouping."""
    columns = [group(name, _TITLES[name], words=_WORDS.get(name)) for name in grouping.by]
    if grouping.interval != NO_INTERVAL:
        columns.insert(0, group("bucket", _INTERVAL_TITLES[grouping.interval], Kind.TIMESTAMP))
    return columns


def name_rows(found: Sequence[dict[str, Any]], grouping: Grouping) -> list[dict[str, Any]]:
    """Rows with accounts, keys and members by name instead of by the table's id, and public ids for links."""
    accounts = accounts_by_id(row["account"] for row in found if "account" in row)
    keys = describe_keys(row["key"] for row in found if "key" in row)
    members = describe_members(row["member"] for row in found if row.get("member") is not None)
    named = []
    for row in found:
        row, ids = dict(row), {}
        if grouping.interval == NO_INTERVAL:
            row.pop("bucket", None)
        else:
            row["bucket"] = row["bucket"].astimezone(grouping.zone)
        if "account" in row:
            account = accounts.get(row["account"])
            ids = {} if account is None else {"account": account.public_id}
            row["account"] = account_name(row["account"], accounts)
        if "key" in row:
            key = keys.get(row["key"])
            ids |= {} if key is None else {"key": key["id"]}
            row["key"] = SESSION if key is None else key["prefix"]
        if row.get("member") is not None:
            row["member"] = members[row["member"]]["email"]
        named.append(row | ({"ids": ids} if ids else {}))
    return named


def accounts_by_id(account_ids: Iterable[int]) -> dict[int, Account]:
    """The accounts of these table ids; one that is gone is left out."""
    return Account.objects.in_bulk(set(account_ids))


def account_name(account_id: int, accounts: dict[int, Account]) -> str:
    account = accounts.get(account_id)
    return f"account {account_id}" if account is None else account.name


def share(part: int, whole: int) -> float | None:
    """How much of the whole the part is; None where there is no whole."""
    return part / whole if whole else None

"""What the rows of several reports share: their groups' columns and names."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import Account
from usage.queries.summaries import NO_INTERVAL, Grouping
from usage.staff_reports.shape import Column, Kind, group

_TITLES = {
    "account": "Account",
    "plan": "Plan",
    "key": "Key",
    "member": "Member",
    "model": "Model",
    "endpoint": "Endpoint",
    "upstream": "Upstream",
    "route": "Route",
    "outcome": "Outcome",
    "code": "Reason",
}
SESSION = "session"


def group_columns(grouping: Grouping) -> list[Column]:
    """The columns that name the rows of such a grouping."""
    columns = [group(name, _TITLES[name]) for name in grouping.by]
    if grouping.interval != NO_INTERVAL:
        columns.insert(0, group("bucket", grouping.interval.capitalize(), Kind.MOMENT))
    return columns


def name_rows(found: Sequence[dict[str, Any]], grouping: Grouping) -> list[dict[str, Any]]:
    """The groups of summarised rows as a report has them, with the public ids that screens link to."""
    accounts = accounts_by_id(row["account_id"] for row in found if "account_id" in row)
    return [_name(row, grouping, accounts) for row in found]


def accounts_by_id(account_ids: Any) -> dict[int, Account]:
    """The accounts of these table ids; one that is gone is left out."""
    return Account.objects.in_bulk(set(account_ids))


def account_name(account_id: int, accounts: dict[int, Account]) -> str:
    account = accounts.get(account_id)
    return f"account {account_id}" if account is None else account.name


def share(part: int, whole: int) -> float | None:
    """How much of the whole the part is; None where there is no whole."""
    return part / whole if whole else None


def _name(row: dict[str, Any], grouping: Grouping, accounts: dict[int, Account]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    ids: dict[str, str] = {}
    if grouping.interval != NO_INTERVAL:
        named["bucket"] = datetime.fromisoformat(row["bucket"])
    for name in grouping.by:
        if name == "account":
            account_id = row["account_id"]
            named["account"] = account_name(account_id, accounts)
            if account_id in accounts:
                ids["account"] = accounts[account_id].public_id
        elif name == "key":
            named["key"] = row["key"]["prefix"] if row["key"] else SESSION
            if row["key"]:
                ids["key"] = row["key"]["id"]
        elif name == "member":
            named["member"] = row["member"] and row["member"]["email"]
        else:
            named[name] = row[name]
    return named | ({"ids": ids} if ids else {})

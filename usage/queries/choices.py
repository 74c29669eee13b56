"""What an account's calls can be narrowed to: its keys, its members, and the models and endpoints it calls."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from django.core.cache import cache
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Membership
from usage.queries.keys import SESSION
from usage.queries.snapshot import Snapshot

LOOK_BACK = timedelta(days=90)
# A model called for the first time is offered so much later; its calls are shown at once.
KEPT_S = 30
MAX_CHOICES = 200
_CALLED_SQL = """
    SELECT DISTINCT model, endpoint FROM usage_event
    WHERE account_id = %(account_id)s AND started_at >= %(since)s
    LIMIT 1000
"""


class Choices(NamedTuple):
    """Pairs of what a filter takes and what people read."""

    key: list[tuple[str, str]]
    member: list[tuple[str, str]]
    model: list[tuple[str, str]]
    endpoint: list[tuple[str, str]]

    def with_chosen(self, chosen: Mapping[str, str]) -> "Choices":
        """The same with what is chosen already, which may be too old to be offered."""
        return Choices(
            *(
                [*offered, (chosen[name], chosen[name])]
                if name in chosen and chosen[name] not in dict(offered)
                else offered
                for name, offered in zip(self._fields, self, strict=True)
            )
        )


def filter_choices(books: Snapshot, account_id: int) -> Choices:
    """The newest 200 keys, the members, and what was called in the last 90 days."""
    keys = (
        ApiKey.objects.filter(account_id=account_id)
        .order_by("-id")
        .values_list("public_id", "name", "prefix")
    )
    emails = (
        Membership.objects.filter(account_id=account_id)
        .order_by("user__email")
        .values_list("user__email", flat=True)
    )
    called = _called(books, account_id)
    return Choices(
        [
            *((public_id, f"{name} ({prefix}…)") for public_id, name, prefix in keys[:MAX_CHOICES]),
            (SESSION, _("Signed-in members")),
        ],
        [(email, email) for email in emails[:MAX_CHOICES]],
        _each_once(called, "model"),
        _each_once(called, "endpoint"),
    )


def _called(books: Snapshot, account_id: int) -> list[dict[str, Any]]:
    name = f"usage-choices:{account_id}"
    found: list[dict[str, Any]] | None = cache.get(name)
    if found is None:
        found = books.rows(_CALLED_SQL, {"account_id": account_id, "since": books.as_of - LOOK_BACK})
        cache.set(name, found, KEPT_S)
    return found


def _each_once(called: list[dict[str, Any]], column: str) -> list[tuple[str, str]]:
    return [(name, name) for name in sorted({row[column] for row in called})]

"""What an account's calls can be narrowed to: its keys, its members, and the models and endpoints it calls."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from accounts.models import ApiKey, Membership
from usage.queries.aggregates.sums import Wanted, aggregate_calls
from usage.queries.filters import CallFilter
from usage.queries.keys import SESSION
from usage.snapshot import Snapshot

LOOK_BACK = timedelta(days=90)
MAX_CHOICES = 200
MAX_CALLED = 1000


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
    since = (books.as_of - LOOK_BACK).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    called = aggregate_calls(
        books,
        CallFilter(account_id, since=since),
        Wanted(("model", "endpoint"), histograms=(), units=(), limit=MAX_CALLED),
    )
    return Choices(
        [
            *((public_id, f"{name} ({prefix}…)") for public_id, name, prefix in keys[:MAX_CHOICES]),
            (SESSION, _("Signed-in members")),
        ],
        [(email, email) for email in emails[:MAX_CHOICES]],
        _each_once(called, "model"),
        _each_once(called, "endpoint"),
    )


def _each_once(called: list[dict[str, Any]], column: str) -> list[tuple[str, str]]:
    return [(name, name) for name in sorted({row[column] for row in called})]

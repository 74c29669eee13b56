"""Which calls are looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Written so that PostgreSQL drops what is not asked for while it plans; the text never changes.
MATCHES_SQL = """
    (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
    AND (%(key_id)s::bigint IS NULL OR key_id = %(key_id)s)
    AND (%(member_id)s::bigint IS NULL OR member_id = %(member_id)s)
    AND (%(endpoint)s::text IS NULL OR endpoint = %(endpoint)s)
    AND (%(model)s::text IS NULL OR model = %(model)s)
    AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
    AND (%(upstream)s::text IS NULL OR upstream = %(upstream)s)
    AND (%(route)s::text IS NULL OR route = %(route)s)
    AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s::timestamptz)
"""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls that started from `since` until before `until`; None matches all. `key_id` 0: signed-in members.

    An account of None means every account, which is for operators alone. `plan` is the one that the account was on
    when the call started; sums know it, lists of single calls do not.
    """

    account_id: int | None
    key_id: int | None = None
    endpoint: str | None = None
    model: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    member_id: int | None = None
    upstream: str | None = None
    route: str | None = None
    plan: str | None = None

    def parameters(self) -> dict[str, Any]:
        """What MATCHES_SQL wants."""
        return {
            "account_id": self.account_id,
            "key_id": self.key_id,
            "member_id": self.member_id,
            "endpoint": self.endpoint,
            "model": self.model,
            "outcome": self.outcome,
            "upstream": self.upstream,
            "route": self.route,
            "since": self.since,
            "until": self.until,
        }

"""A call as the ledger sees it: what is to be authorised, how the call ended, and what the ledger answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from usage.ledger.outcomes import Outcome
from usage.ledger.units import Units

ADMITTED = "admitted"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who calls: either a key, by its digest, or a signed-in member of an account.

    `address` is the caller's IP address; it is empty when that is unknown.
    """

    key_digest: bytes | None
    account_id: int | None = None
    member_id: int | None = None
    address: str = ""


class CallToAuthorize(NamedTuple):
    """A call that has not been sent to an upstream yet.

    Authorisation holds `ceiling_microcredits`, its highest possible price; the hold expires after `hold_ttl_s` seconds.
    """

    request_uuid: str
    caller: Credentials
    endpoint: str
    model: str
    route: str
    rate_id: int
    ceiling_microcredits: int
    hold_ttl_s: int


class Verdict(NamedTuple):
    """The answer to an authorisation. `name` is "admitted", or says why the call is refused.

    `available`, `held` and `allowance` are micro-credits, except after `trial_exhausted`, whose `allowance` is the
    plan's calls a day.
    """

    name: str
    account_id: int | None
    key_id: int | None
    available: int | None
    held: int | None
    allowance: int | None
    minute_limit: int | None
    minute_remaining: int | None
    minute_reset_s: int | None


@dataclass(slots=True)
class CallEnd:
    """How an authorised call ended.

    Its hold is captured up to `charge_microcredits`, or released where that is None. `give_up_at` is a time of the
    event loop: a settlement that fails is not tried again after it.
    """

    account_id: int
    request_uuid: str
    outcome: Outcome
    charge_microcredits: int | None
    units: Units = field(default_factory=Units)
    upstream: str | None = None
    status: int | None = None
    streamed: bool = False
    estimated: bool = False
    latency_ms: int = 0
    upstream_latency_ms: int | None = None
    first_byte_ms: int | None = None
    attempts: Sequence[dict[str, Any]] | None = None
    give_up_at: float = 0.0


class Settlement(NamedTuple):
    """What a settlement did. `charged` and `available` are micro-credits.

    `settled` is False when the hold had already ended in another way; nothing was charged then. `repeated` is True
    when this settlement had been made before; `charged` is what it charged then.
    """

    settled: bool
    charged: int | None
    available: int | None
    repeated: bool = False

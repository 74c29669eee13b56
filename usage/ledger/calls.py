"""A call as the books see it: before it is carried, when it has ended, and what the books answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from usage.ledger.outcomes import Outcome
from usage.ledger.units import Units

ADMITTED = "admitted"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who calls: a key by its digest, or a signed-in member of an account. `address` is empty when unknown."""

    key_digest: bytes | None
    account_id: int | None = None
    member_id: int | None = None
    address: str = ""


class CallToAuthorize(NamedTuple):
    """One call before it is carried: the hold it asks for, in micro-credits, and how long that may live."""

    request_uuid: str
    caller: Credentials
    endpoint: str
    model: str
    route: str
    rate_id: int
    ceiling_microcredits: int
    hold_ttl_s: int


class Verdict(NamedTuple):
    """Authorization's answer. `name` is 'admitted' or the refusal; amounts are micro-credits."""

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
    """How a held call ended. `charge_microcredits` None releases the hold; else that much is captured."""

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
    """`settled` is False when the hold had ended otherwise before; then nothing was charged by this call.

    `repeated`: it had ended just so before, and this is what was charged then.
    """

    settled: bool
    charged: int | None
    available: int | None
    repeated: bool = False

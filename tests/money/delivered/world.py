"""One call as the world around the platform plays it: what is asked, what the upstream says, when the caller goes."""

from dataclasses import dataclass, field

from money.delivered.raw_client import Leaving
from money.delivered.scripted_upstream import Script


@dataclass(frozen=True)
class Call:
    """`@lane@` in the body is replaced by the number of the lane that it goes out on."""

    path: str
    body: bytes
    script: Script
    headers: dict[str, str] = field(default_factory=dict)
    leaving: Leaving = field(default_factory=Leaving)
    repeats: bool = False
    # What a complete and believable answer costs, in micro-credits; known only where the answer is a plain one.
    true_price: int | None = None
    # Whether the upstream's answer can end in a delivery at all.
    can_deliver: bool = True

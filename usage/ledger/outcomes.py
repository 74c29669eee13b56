"""How a call can end, as `docs/errors.md` and the usage views name it."""

from enum import Enum


class Outcome(Enum):
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    REJECTED = "rejected"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


CHARGED = frozenset({Outcome.SUCCEEDED, Outcome.PARTIAL})
# A trial call is given back when the fault was not the caller's.
TRIAL_GIVEN_BACK = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.EXPIRED})

"""When an event that was not acknowledged is sent again: seconds at first, then hours, over three days. Pure."""

import random

from gateway.webhooks_out.sending import Outcome

MINUTE_S = 60.0
HOUR_S = 60 * MINUTE_S
# Every wait between two tries. All together: 71 hours and 42 minutes.
WAITS_S = (
    5.0,
    30.0,
    2 * MINUTE_S,
    10 * MINUTE_S,
    30 * MINUTE_S,
    HOUR_S,
    2 * HOUR_S,
    4 * HOUR_S,
    *([8 * HOUR_S] * 8),
)
MAX_WAIT_S = 8 * HOUR_S
# Many events that failed together must not come back together.
JITTER = 0.2


def wait_after(tries: int, outcome: Outcome) -> float | None:
    """Seconds until the next try after that many, or None when there is none left.

    At least what the receiver asked for in Retry-After, though never more than eight hours.
    """
    if tries > len(WAITS_S):
        return None
    wait_s = WAITS_S[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
    return max(wait_s, min(outcome.retry_after_s, MAX_WAIT_S))

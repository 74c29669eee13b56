"""What an upstream's refusal means: for how long it wants to be left alone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE_S = 120


def pause_s(retry_after: str | None) -> int:
    """The seconds of a Retry-After header, which has them or a date: 1 to LONGEST_PAUSE_S; 1 for none."""
    given = (retry_after or "").strip()
    if given.isascii() and given.isdecimal():
        seconds = float(given[:9])
    else:
        try:
            until = parsedate_to_datetime(given)
            seconds = (
                (until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)
            ).total_seconds()
        except (ValueError, OverflowError):
            seconds = 0.0
    return int(min(max(seconds, 1.0), LONGEST_PAUSE_S))

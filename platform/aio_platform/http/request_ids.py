"""Request ids: UUID version 7, so that they sort by time and carry the call's start within them."""

import os
import re
import time
from datetime import UTC, datetime

PREFIX = "req_"
_PATTERN = re.compile(r"req_([0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15})\Z")


def new_request_uuid() -> str:
    """A fresh version 7 UUID (RFC 9562) as 32 hex digits."""
    milliseconds = time.time_ns() // 1_000_000
    noise = os.urandom(10).hex()
    variant = "89ab"[int(noise[3], 16) & 3]
    return f"{milliseconds:012x}7{noise[:3]}{variant}{noise[4:19]}"


def public_request_id(request_uuid: str) -> str:
    """The form callers see, as in `req_018f…`; takes hex digits with or without dashes."""
    return PREFIX + request_uuid.replace("-", "")


def parse_request_id(text: str) -> str | None:
    """The 32 hex digits of a public request id, or None when it has not that form."""
    match = _PATTERN.match(text)
    return match.group(1) if match else None


def milliseconds_of(request_uuid: str) -> int:
    """When the request id was made, in milliseconds since 1970."""
    return int(request_uuid[:12], 16)


def started_at(request_uuid: str) -> datetime:
    """When the request id was made, to the millisecond, in UTC."""
    return datetime.fromtimestamp(int(request_uuid.replace("-", "")[:12], 16) / 1000, tz=UTC)

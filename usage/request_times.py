"""A call, named by its public request id: the id carries the moment by which its usage event is filed."""

from datetime import datetime
from typing import NamedTuple

from aio_platform.http.request_ids import parse_request_id, started_at


class CallName(NamedTuple):
    request_uuid: str
    started_at: datetime


def parse_call(request_id: str) -> CallName | None:
    """The call of a public id such as `req_018f…`; None for what cannot be one."""
    request_uuid = parse_request_id(request_id)
    if request_uuid is None:
        return None
    try:
        return CallName(request_uuid, started_at(request_uuid))
    except (ValueError, OverflowError, OSError):  # a moment beyond the year 9999
        return None

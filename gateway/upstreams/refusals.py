"""Turns an upstream's refusal (status, headers, error body) into an error that says whose fault it is."""

import asyncio
import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from gateway.adapters.shared.error_bodies import NOTHING_TOLD, ErrorBody, Fault, read_error_body
from gateway.adapters.tasks.protocol import OPERATOR_AT_FAULT
from gateway.errors import (
    AttemptFailed,
    Blame,
    ContentRefused,
    ContextLengthExceeded,
    UnsupportedParameter,
    UnsupportedValue,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamSaturated,
)
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.responses import UpstreamAnswer

# Of the upstream's own 4xx, these say that the caller's request is at fault.
CALLER_AT_FAULT = frozenset({400, 413, 415, 422})
# Some refuse a request's content with this, others our key: the body says which.
FORBIDDEN = 403
TOO_MANY = 429
# The second is Anthropic's.
BUSY = frozenset({503, 529})
LONGEST_PAUSE_S = 120
MAX_ERROR_BYTES = 2**16
ERROR_BODY_LIMIT_S = 2.0
_PARAM = re.compile(r"([A-Za-z0-9_]{1,64})(?:\[\d{1,4}\]|\.\d{1,4})?")

_FAULTS: dict[Fault, type[UpstreamRejected]] = {
    Fault.CONTENT: ContentRefused,
    Fault.CONTEXT: ContextLengthExceeded,
    Fault.PARAMETER: UnsupportedParameter,
    Fault.VALUE: UnsupportedValue,
}


async def error_of_refusal(answer: UpstreamAnswer, sent: bytes | None) -> AttemptFailed | UpstreamRejected:
    """The error for an answer whose status is not 200 to 299. `sent` is the JSON of the request.

    Reads the body of a 4xx, of which it takes MAX_ERROR_BYTES and for which it waits ERROR_BODY_LIMIT_S at most. Closes
    the answer.
    """
    status = answer.status
    body = NOTHING_TOLD
    try:
        if 400 <= status < 500:
            body = await _error_body(answer)
    finally:
        answer.close()
    if body.fault is Fault.OPERATOR:
        return UpstreamMisconfigured(upstream_status=status)
    if status in CALLER_AT_FAULT or (status == FORBIDDEN and body.fault is Fault.CONTENT):
        return rejection(body, sent, status)
    if status in OPERATOR_AT_FAULT:
        return UpstreamMisconfigured(upstream_status=status)
    if status == TOO_MANY:
        return UpstreamRateLimited(pause_s(answer.headers.get("retry-after")), upstream_status=status)
    if status in BUSY:
        return UpstreamSaturated(pause_s(answer.headers.get("retry-after")), upstream_status=status)
    return UpstreamFailed(upstream_status=status, blame=Blame.DOUBTFUL if status >= 500 else Blame.NOTHING)


def rejection(body: ErrorBody, sent: bytes | None, status: int | None = None) -> UpstreamRejected:
    """The error for a request that the upstream finds at fault. Names the field only where the request had it."""
    kind = UpstreamRejected if body.fault is None else _FAULTS.get(body.fault, UpstreamRejected)
    return kind(upstream_status=status, param=_param(body.param, sent))


def pause_s(retry_after: str | None) -> int:
    """How many seconds a Retry-After header asks to wait, from 1 to LONGEST_PAUSE_S."""
    return int(min(max(seconds_in(retry_after), 1.0), LONGEST_PAUSE_S))


def seconds_in(retry_after: str | None) -> float:
    """How many seconds a Retry-After header, a number or a date, asks to wait; 0 for anything else and for the past."""
    given = (retry_after or "").strip()
    if given.isascii() and given.isdecimal():
        return float(given[:9])
    try:
        until = parsedate_to_datetime(given)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max((until - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


async def _error_body(answer: UpstreamAnswer) -> ErrorBody:
    """What the answer's body says; NOTHING_TOLD where it is too long, too slow, broken, or not JSON."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(ERROR_BODY_LIMIT_S):
            while part := await answer.read_available():
                size += len(part)
                if size > MAX_ERROR_BYTES:
                    return NOTHING_TOLD
                parts.append(part)
        return read_error_body(orjson.loads(b"".join(parts)))
    except (TimeoutError, BrokenConnection, orjson.JSONDecodeError):
        return NOTHING_TOLD


def _param(named: str | None, sent: bytes | None) -> str | None:
    """The field, with the number of an element; None for what is no field of the JSON that was sent.

    An upstream may write anything there, and nothing of it but our own request's names is to be passed on.
    """
    found = _PARAM.match(named or "")
    if found is None or found[1] not in _fields(sent):
        return None
    return found[0]


def _fields(sent: bytes | None) -> Collection[str]:
    try:
        values = orjson.loads(sent or b"null")
    except orjson.JSONDecodeError:
        return ()
    return values if isinstance(values, dict) else ()

"""Where a page ended, as opaque text. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from aio_platform.errors import InvalidRequest
from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import gettext_noop as _
from usage.request_times import CallName, parse_call

PARAM = "after"
_CALL_BYTES = 16
_ENTRY_BYTES = 8


def cursor_after_call(request_id: UUID) -> str:
    """The cursor of a page whose last row is that call."""
    return _encode(request_id.bytes)


def call_of(cursor: str) -> CallName:
    """The inverse of `cursor_after_call`; InvalidRequest for what we did not hand out."""
    call = parse_call(public_request_id(_decode(cursor, _CALL_BYTES).hex()))
    if call is None:
        raise _refusal()
    return call


def cursor_after_entry(entry: int) -> str:
    """The cursor of a page whose last row is that ledger entry."""
    return _encode(entry.to_bytes(_ENTRY_BYTES, "big", signed=True))


def entry_of(cursor: str) -> int:
    """The inverse of `cursor_after_entry`; InvalidRequest for what we did not hand out."""
    return int.from_bytes(_decode(cursor, _ENTRY_BYTES), "big", signed=True)


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(cursor: str, length: int) -> bytes:
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise _refusal() from None
    if len(content) != length or _encode(content) != cursor:
        raise _refusal()
    return content


def _refusal() -> InvalidRequest:
    return InvalidRequest(_("%(param)s is the `next` of the page before, as it was given."), param=PARAM)

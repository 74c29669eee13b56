"""Who calls: the key in the Authorization header or a dialect's own, or (on Omakase's mount) a member's session."""

import asyncio
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections
from rest_framework.request import Request

from accounts.authentication import MemberSessionAuthentication
from accounts.errors import MissingKey
from accounts.keys.format import bearer_key, digest_of
from accounts.keys.guessing import refusal_for_failed_key
from aio_platform.edge.limits import address_to_count_by
from aio_platform.edge.page_slots import PageSlots
from aio_platform.edge.peer import forwarded_address
from aio_platform.errors import PlatformError, ServiceUnavailable
from aio_platform.http.handler import GatewayRequest
from aio_platform.null_characters import without_null
from aio_platform.problems import as_platform_error
from gateway.calls import known_keys
from gateway.calls.runtime import runtime
from gateway.errors import NO_ROOM
from usage.ledger.calls import Credentials
from usage.ledger.verdicts import error_for_refusal_name

# One is looked up while another address' is next.
LOOKED_UP_AT_ONCE = 2
# By key digest, those of this process that are under way.
_look_ups: dict[bytes, asyncio.Event] = {}


async def credentials_of(
    request: GatewayRequest, *, session_allowed: bool = False, key_header: bytes | None = None
) -> Credentials:
    """The caller, as far as it can be told without the books; a key's form and checksum have been checked.

    Without an Authorization header the key may stand alone in `key_header`, as Anthropic's clients send it.
    Raises MissingKey or MalformedKey (or TooManyKeyGuesses in its place), and from a session what
    accounts.principal raises for CSRF and membership.
    """
    address = address_of(request)
    authorization = request.header(b"authorization")
    if key_header is not None and not authorization:
        authorization = f"Bearer {request.header(key_header)}"
    request.shows_caller = True
    if not authorization and session_allowed and request.header(b"cookie"):
        give_back = await _turn(_session_slots(), address)
        try:
            return await sync_to_async(_member_of_session)(request, address)
        finally:
            give_back()
    try:
        return Credentials(digest_of(bearer_key(authorization)), address=address)
    except PlatformError as error:
        raise await asyncio.to_thread(refusal_for_failed_key, address, error) from None


async def error_after_precheck(caller: Credentials, endpoint: str, error: PlatformError) -> PlatformError:
    """What to answer a call that failed before it was authorised: a bad key or scope comes before its error."""
    if error.is_counted:
        return error
    return await _refusal(caller, endpoint, error.code) or error


async def precheck(
    caller: Credentials, endpoint: str | None = None, model: str | None = None
) -> PlatformError | None:
    """Why a caller may not even look around, or None: for addresses that cost nothing, and before an upload.

    With an endpoint or a model, the key's are looked at too.
    """
    return await _refusal(caller, endpoint, None, model)


async def _refusal(
    caller: Credentials, endpoint: str | None, code: str | None, model: str | None = None
) -> PlatformError | None:
    if known_keys.is_known(caller) or await _turned_out_valid(caller):
        earlier = await runtime().ledger.refuse(caller, endpoint, code, model)
        _note(caller, earlier)
    else:
        # One after the other they are looked up, and those that are known do not wait behind a flood of others.
        with _look_up_of(caller):
            give_back = await _turn(_slots_of_strangers(), caller.address)
            try:
                earlier = await runtime().ledger.refuse(caller, endpoint, code, model)
            finally:
                give_back()
            _note(caller, earlier)
    if earlier is None:
        return None
    refusal = await asyncio.to_thread(refusal_for_failed_key, caller.address, error_for_refusal_name(earlier))
    refusal.is_counted = True
    return refusal


def _note(caller: Credentials, earlier: str | None) -> None:
    if earlier is None:
        known_keys.note_valid(caller)
    else:
        known_keys.forget(caller)


@contextmanager
def _look_up_of(caller: Credentials) -> Iterator[None]:
    """Calls that come meanwhile with the same key wait for the block's end."""
    assert caller.key_digest is not None, "sessions are known"
    if caller.key_digest in _look_ups:
        yield
        return
    ended = _look_ups[caller.key_digest] = asyncio.Event()
    try:
        yield
    finally:
        del _look_ups[caller.key_digest]
        ended.set()


async def _turned_out_valid(caller: Credentials) -> bool:
    """Whether a look-up of the same key that was under way has ended, and the key is valid.

    Without it all the calls of a program whose key this process has not seen yet would take turns.
    """
    ended = _look_ups.get(caller.key_digest or b"")
    if ended is None:
        return False
    try:
        async with asyncio.timeout(settings.PAGE_WAIT_LIMIT_S):
            await ended.wait()
    except TimeoutError:
        return False
    return known_keys.is_known(caller)


def address_of(request: GatewayRequest) -> str:
    """The caller's address, or an empty string where the connection has none (a unix socket)."""
    if settings.TRUST_FORWARDED_FOR:
        last = forwarded_address(request.raw_headers)
        if last:
            return _normal_address(last)
    client = request.scope.get("client")
    return _normal_address(client[0]) if client else ""


@lru_cache(maxsize=8192)
def _normal_address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # A zone, as in fe80::1%eth0, is this machine's business; PostgreSQL's inet has none.
    return str(address).partition("%")[0]


@cache
def _session_slots() -> PageSlots:
    """One thread looks sessions up: strangers with made-up cookies wait in a line, of which an address has a part."""
    return _slots(settings.PAGE_CALLS_WAITING)


@cache
def _slots_of_strangers() -> PageSlots:
    """One connection looks keys up, and every connection may ask for one."""
    return _slots(settings.MAX_CONNECTIONS)


async def _turn(slots: PageSlots, address: str) -> Callable[[], None]:
    try:
        return await slots.take(address_to_count_by(address))
    except ServiceUnavailable:
        raise ServiceUnavailable(NO_ROOM) from None


def _slots(waiting: int) -> PageSlots:
    share = settings.ADDRESS_SHARE_PERCENT / 100
    return PageSlots(LOOKED_UP_AT_ONCE, waiting, share, settings.PAGE_WAIT_LIMIT_S)


def _member_of_session(request: GatewayRequest, address: str) -> Credentials:
    """Blocks for the session's look-ups; the same rules as on the platform's own pages."""
    # No request signals here: this thread's connection is renewed, and given up, by hand.
    close_old_connections()
    request.session = SessionStore(without_null(request.COOKIES).get(settings.SESSION_COOKIE_NAME))
    request.user = get_user(request)
    # The token comes in its header; the body is the gateway's to read.
    request.leave_body_alone()
    try:
        signed_in = MemberSessionAuthentication().authenticate(Request(request))
    except Exception as error:
        raise as_platform_error(error) from None
    if signed_in is None:
        raise MissingKey
    user, member = signed_in
    return Credentials(None, account_id=member.account.pk, member_id=user.pk, address=address)

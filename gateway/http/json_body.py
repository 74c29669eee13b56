"""Reading a JSON body from somebody who has shown a key, but whose key has not been looked up yet."""

from django.conf import settings

from aio_platform.errors import InvalidRequest
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.calls.known_keys import is_known
from gateway.http.authentication import precheck
from gateway.http.large_bodies import large_bodies
from gateway.http.unproven_bodies import UNCOUNTED_BYTES, room_for
from gateway.http.uploads import body_deadline
from usage.ledger.calls import Credentials

# Below this a body costs less to parse than its key costs to look up: of any key, and of one that was valid before.
STRANGERS_BODY_BYTES = 8_192
LARGE_BODY_BYTES = 256_000
# Less is bounded by the number of connections.
SMALL_BODY_BYTES = 32_768
# What a body's text hardly reaches, and a body made of brackets would: each is an object in memory.
MAX_CONTAINERS = 200_000
MAX_VALUES = 2_000_000


async def read_json_body(
    request: GatewayRequest, caller: Credentials, endpoint: str | None, limit_bytes: int | None = None
) -> bytes:
    """The body, within the limits of size, time and number of values; `limit_bytes` is by default JSON's own.

    The key is looked up before a large body is read, before a compressed one, which may be of any size, before one that
    is not small of a key that nobody knows, and before any where strangers' bodies hold much. Without an endpoint the
    key may be for any. Then the body waits for its room. Raises the refusal, BodyTooLarge, BodyTooSlow, ClientGone,
    UnsupportedCoding, ServiceUnavailable, or InvalidRequest for a body of more values than any request needs.
    """
    limit_bytes = limit_bytes or settings.MAX_JSON_BODY_BYTES
    announced = request.header(b"content-length")
    is_told = announced.isdecimal() and len(announced) < 10 and not request.header(b"content-encoding")
    size_bytes = int(announced) if is_told else limit_bytes
    if size_bytes <= UNCOUNTED_BYTES or request.has_read_body:
        return await _body_in_time(request, limit_bytes)
    known = is_known(caller)
    with room_for(0 if known else size_bytes, caller.address) as has_room:
        if has_room and size_bytes <= (SMALL_BODY_BYTES if known else STRANGERS_BODY_BYTES):
            return await _body_in_time(request, limit_bytes)
    if not known or size_bytes > LARGE_BODY_BYTES:
        refusal = await precheck(caller, endpoint)
        if refusal is not None:
            raise refusal
        request.prove_caller()
    if is_told and size_bytes <= limit_bytes:
        request.at_end(await large_bodies().take(caller, size_bytes))
        body = await _body_in_time(request, limit_bytes)
    else:
        async with body_deadline():
            body = await _body_of_any_size(request, caller, limit_bytes)
    if len(body) > LARGE_BODY_BYTES and (
        body.count(b"[") + body.count(b"{") > MAX_CONTAINERS or body.count(b",") > MAX_VALUES
    ):
        raise InvalidRequest(_("The body has too many values."))
    return body


async def _body_in_time(request: GatewayRequest, limit_bytes: int) -> bytes:
    came = request.body_that_came(limit_bytes)
    if came is not None:
        return came
    async with body_deadline():
        return await request.read_body(limit_bytes)


async def _body_of_any_size(request: GatewayRequest, caller: Credentials, limit_bytes: int) -> bytes:
    """Read a body of unannounced size; each time it outgrows its room, wait for as much room again."""
    parts = []
    size_bytes, room_bytes = 0, SMALL_BODY_BYTES
    async for chunk in request.chunks(limit_bytes):
        parts.append(chunk)
        size_bytes += len(chunk)
        while size_bytes > room_bytes:
            request.at_end(await large_bodies().take(caller, room_bytes))
            room_bytes *= 2
    return request.keep_body(b"".join(parts))

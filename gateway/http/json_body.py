"""Reading a JSON body from somebody who has shown a key, but whose key has not been looked up yet."""

from django.conf import settings

from aio_platform.errors import InvalidRequest
from aio_platform.http.handler import GatewayRequest
from gateway.http.authentication import precheck
from gateway.http.unproven_bodies import UNCOUNTED_BYTES, room_for
from gateway.http.uploads import body_deadline
from usage.ledger.calls import Credentials

# Below this a body costs less to parse than its key costs to look up.
LARGE_BODY_BYTES = 256_000
# What a body's text hardly reaches, and a body made of brackets would: each is an object in memory.
MAX_CONTAINERS = 200_000
MAX_VALUES = 2_000_000


async def read_json_body(request: GatewayRequest, caller: Credentials, endpoint: str) -> bytes:
    """The body, within the limits of size, time and number of values.

    The key is looked up before a large body is read, before a compressed one, which may be of any size, and before any
    where strangers' bodies hold much. Raises the refusal, BodyTooLarge, BodyTooSlow, ClientGone, UnsupportedCoding, or
    InvalidRequest for a body of more values than any request needs.
    """
    announced = request.header(b"content-length")
    is_known = announced.isdecimal() and len(announced) < 10 and not request.header(b"content-encoding")
    size_bytes = int(announced) if is_known else settings.MAX_JSON_BODY_BYTES
    if size_bytes <= UNCOUNTED_BYTES:
        return await _body_in_time(request)
    with room_for(min(size_bytes, LARGE_BODY_BYTES), caller.address) as has_room:
        if size_bytes > LARGE_BODY_BYTES or not has_room:
            refusal = await precheck(caller, endpoint)
            if refusal is not None:
                raise refusal
            request.prove_caller()
        body = await _body_in_time(request)
    if len(body) > LARGE_BODY_BYTES and (
        body.count(b"[") + body.count(b"{") > MAX_CONTAINERS or body.count(b",") > MAX_VALUES
    ):
        raise InvalidRequest("The body has too many values.")
    return body


async def _body_in_time(request: GatewayRequest) -> bytes:
    came = request.body_that_came(settings.MAX_JSON_BODY_BYTES)
    if came is not None:
        return came
    async with body_deadline():
        return await request.read_body(settings.MAX_JSON_BODY_BYTES)

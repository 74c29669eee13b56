"""Idempotency-Key: the same call sent twice is carried once, and answered twice with the same bytes.

A refused or failed call keeps nothing, so it may be sent again under its key. A streamed call cannot be played
back: its key then answers 409 and names the call.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import psycopg
import structlog
from django.conf import settings
from django.http import HttpResponse, HttpResponseBase

from aio_platform.errors import InvalidRequest, ServiceUnavailable
from aio_platform.http.handler import GatewayRequest
from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.calls.relay import SANDBOX_HEADERS
from gateway.calls.runtime import runtime
from gateway.http.authentication import precheck
from usage.errors import IdempotencyInFlight, IdempotencyMismatch, IdempotencyNotReplayable
from usage.ledger.calls import Credentials
from usage.ledger.idempotency import Claim, KeptAnswer

log = structlog.get_logger(__name__)
MAX_KEY_LENGTH = 255
MAX_KEPT_BYTES = 5_000_000
KEPT_HEADERS = (
    "X-Credits-Consumed",
    "X-Credits-Remaining",
    "X-Max-Tokens-Clamped",
    "X-Fields-Left-Out",
    *SANDBOX_HEADERS,
)
REPLAYED = "Idempotent-Replayed"
ORIGINAL = "X-Original-Request-Id"


def idempotency_key_of(request: GatewayRequest) -> str:
    """The header's value, or an empty string. Raises InvalidRequest for one that cannot be kept."""
    key = request.header(b"idempotency-key")
    if len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidRequest(
            _("Idempotency-Key must be at most %(max_key_length)s printable characters."),
            param="Idempotency-Key",
            max_key_length=MAX_KEY_LENGTH,
        )
    return key


def fingerprint_of(request: GatewayRequest, body: bytes) -> bytes:
    """What makes two requests the same."""
    return hashlib.sha256(request.path.encode() + b"\0" + body).digest()


async def run_idempotent(
    request: GatewayRequest,
    caller: Credentials,
    idempotency_key: str,
    body: bytes,
    time_limit_s: float,
    endpoint: str,
    model: str,
    execute: Callable[[], Awaitable[HttpResponseBase]],
    recall: Callable[[], Awaitable[HttpResponse | None]] | None = None,
) -> HttpResponseBase:
    """Carry the call unless this key's call was carried before.

    `recall` makes the first call's answer anew, for one whose process died before it kept it. Where that is given,
    `execute` must look there first too: a claim runs out with its process.

    Raises IdempotencyInFlight (409) while the first is under way, IdempotencyMismatch (422) for another body,
    IdempotencyNotReplayable (409) for an answer that was streamed.
    """
    calls = runtime().idempotent_calls
    fingerprint = fingerprint_of(request, body)
    ttl_s = int(time_limit_s + settings.HOLD_MARGIN_S)
    claiming = asyncio.ensure_future(
        calls.claim(caller, idempotency_key, fingerprint, request.request_uuid, ttl_s)
    )
    try:
        claim = await asyncio.shield(claiming)
    except asyncio.CancelledError:
        # The claim may be in the books by now; left there, it would stand for a call that nobody carries.
        runtime().ledger.run_in_background(_drop_claimed(claiming, idempotency_key, request.request_uuid))
        raise
    except psycopg.Error as error:
        raise ServiceUnavailable(_("The platform cannot take calls right now.")) from error
    if claim is None:
        return await execute()  # an unknown key: authorization refuses it
    if claim.state != "claimed":
        # The first call was authorised; this one was not yet, and its key may be revoked or out of scope.
        refusal = await precheck(caller, endpoint, model)
        if refusal is not None:
            raise refusal
        is_kept = claim.answer is not None and claim.answer.body is not None
        if recall is not None and claim.state != "other_body" and not is_kept:
            recalled = await recall()
            if recalled is not None:
                return recalled
        return _answer_again(claim)
    try:
        response = await execute()
    except BaseException:
        runtime().ledger.run_in_background(calls.drop(claim, idempotency_key, request.request_uuid))
        raise
    await _keep(request, claim, idempotency_key, response)
    return response


async def _drop_claimed(
    claiming: "asyncio.Future[Claim | None]", idempotency_key: str, request_uuid: str
) -> None:
    try:
        claim = await claiming
    except psycopg.Error:
        return
    if claim is not None and claim.state == "claimed":
        await runtime().idempotent_calls.drop(claim, idempotency_key, request_uuid)


def _answer_again(claim: Claim) -> HttpResponse:
    if claim.state == "other_body":
        raise IdempotencyMismatch
    if claim.answer is None:
        raise IdempotencyInFlight
    if claim.answer.body is None:
        raise IdempotencyNotReplayable(public_request_id(claim.answer.request_uuid))
    response = HttpResponse(
        claim.answer.body, content_type=claim.answer.content_type, status=claim.answer.status
    )
    for name, value in claim.answer.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


async def _keep(
    request: GatewayRequest, claim: Claim, idempotency_key: str, response: HttpResponseBase
) -> None:
    """The call is charged by now, so a failure to keep its answer is logged and the answer still goes out."""
    body = None
    if isinstance(response, HttpResponse) and len(response.content) <= MAX_KEPT_BYTES:
        body = response.content
    headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
    headers[ORIGINAL] = response.get(ORIGINAL, request.request_id)
    answer = KeptAnswer(request.request_uuid, response.status_code, response["Content-Type"], headers, body)
    try:
        await runtime().idempotent_calls.keep(claim, idempotency_key, answer)
    except Exception as error:
        log.error("an answer was not kept", request_id=request.request_id, error=type(error).__name__)

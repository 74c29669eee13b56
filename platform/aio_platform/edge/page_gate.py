"""PageGate: what stands before ordinary Django, whose ASGI handler has no limits of its own.

Django spools a body of any length before any code of ours runs, starts a thread for each request, and keeps both until
a client has read the last byte of its answer. Here a body is read within its limits first, then one of few slots is
waited for, and the slot is free again as soon as the answer has been made.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings

from aio_platform import errors, problems
from aio_platform.edge.limits import Share
from aio_platform.edge.page_slots import PageSlots
from aio_platform.edge.peer import peer_address
from aio_platform.http.handler import Receive, Scope, Send, send_response
from aio_platform.http.request_ids import new_request_uuid, public_request_id
from aio_platform.i18n.translatable import gettext_noop as _

log = structlog.get_logger(__name__)
# An answer up to this size is taken whole; a larger one goes out as its client takes it.
WHOLE_ANSWER_BYTES = 2_000_000
Application = Callable[[Scope, Receive, Send], Any]


class PageGate:
    """An ASGI application that lets requests through to another one."""

    def __init__(self, application: Application) -> None:
        self._application = application
        share = settings.ADDRESS_SHARE_PERCENT / 100
        self._bodies = Share(settings.MAX_PAGE_BODIES_BYTES, share)
        self._slots = PageSlots(
            settings.PAGE_CALLS_AT_ONCE, settings.PAGE_CALLS_WAITING, share, settings.PAGE_WAIT_LIMIT_S
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = peer_address(scope)
        body = _Body(self._bodies, address)
        try:
            message = await body.read(scope, receive)
            if message is None:
                return  # the client has left
            give_back = await self._slots.take(address)
            answer = _Answer(send, give_back)
            try:
                await self._application(scope, _replaying(message, receive), answer.take)
            finally:
                give_back()
        except errors.PlatformError as error:
            request_id = public_request_id(new_request_uuid())
            await send_response(problems.render(error, scope["path"], request_id), request_id, send)
            return
        finally:
            body.let_go()
        await answer.send_rest()


class _Body:
    """One request's body, read within its limits of size and time; charged while it is held."""

    def __init__(self, bodies: Share, address: str) -> None:
        self._bodies = bodies
        self._address = address
        self._held = 0

    async def read(self, scope: Scope, receive: Receive) -> dict[str, Any] | None:
        """The message with the whole body, or None when the client left. Raises BodyTooLarge and its kin."""
        limit_bytes = settings.MAX_PAGE_BODY_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and (len(announced) > 18 or int(announced) > limit_bytes):
            raise _too_large(limit_bytes)
        message = {}
        parts = []
        try:
            async with asyncio.timeout(settings.BODY_TIME_LIMIT_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    parts.append(message.get("body", b""))
                    self._hold(len(parts[-1]), limit_bytes)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            limit_s = settings.BODY_TIME_LIMIT_S
            raise errors.BodyTooSlow(
                _("The body did not arrive within %(limit_s)s seconds."), limit_s=f"{limit_s:g}"
            ) from None
        return {"type": "http.request", "body": b"".join(parts), "more_body": False}

    def _hold(self, size_bytes: int, limit_bytes: int) -> None:
        if self._held + size_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        if not self._bodies.take(self._address, size_bytes):
            raise errors.ServiceUnavailable(_("Too much is being sent at once; try again shortly."))
        self._held += size_bytes

    def let_go(self) -> None:
        self._bodies.give_back(self._address, self._held)
        self._held = 0


def _too_large(limit_bytes: int) -> errors.BodyTooLarge:
    return errors.BodyTooLarge(
        _("The body is larger than the limit of %(limit_bytes)s bytes."), limit_bytes=f"{limit_bytes:,}"
    )


def _replaying(message: dict[str, Any], receive: Receive) -> Receive:
    """A `receive` that begins with that message."""
    told = False

    async def receive_again() -> dict[str, Any]:
        nonlocal told
        if told:
            return await receive()
        told = True
        return message

    return receive_again


class _Answer:
    """Takes an answer as it is made; the client's pace is its own from then on."""

    def __init__(self, send: Send, made: Callable[[], None]) -> None:
        self._send = send
        self._made = made
        self._head: dict[str, Any] | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._passes_on = False
        self._is_whole = False

    async def take(self, message: dict[str, Any]) -> None:
        """For the application, in place of `send`."""
        if self._passes_on:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._head = message
        else:
            self._parts.append(message.get("body", b""))
            self._size += len(self._parts[-1])
            self._is_whole = not message.get("more_body", False)
            if self._size > WHOLE_ANSWER_BYTES and not self._is_whole:
                self._passes_on = True
                self._made()
                await self._send_taken(more=True)

    async def send_rest(self) -> None:
        """Send what has been taken; nothing where the application had no whole answer."""
        if self._is_whole and not self._passes_on:
            await self._send_taken(more=False)

    async def _send_taken(self, *, more: bool) -> None:
        assert self._head is not None
        body = b"".join(self._parts)
        self._parts = []
        await self._send(self._head)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

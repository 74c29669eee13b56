"""GatewayHandler: Django's request cycle for the gateway's views, without its thread hops.

Django's own ASGI handler enters a thread-sensitive context, sends signals whose receivers are synchronous and
closes each response in a thread: 1,400 requests a second on a core where this one serves 11,000. What is left
out is what gateway views do not use: middleware, request signals and Django's form parsing.
See ADR 3.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property, partial
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.urls import Resolver404, ResolverMatch, get_resolver
from django.utils.datastructures import MultiValueDict

from aio_platform import errors, problems
from aio_platform.http.content_coding import decoder_of
from aio_platform.http.middleware.private_answers import CACHE_CONTROL
from aio_platform.http.request_head import HEADERS_BY_NAME, TRUST, headers_by_name
from aio_platform.http.request_ids import new_request_uuid, public_request_id
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.null_characters import NUL

log = structlog.get_logger(__name__)
# More than there are addresses without values in them, should one be a pattern that many paths match.
MAX_FIXED_PATHS = 500
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class GatewayRequest(ASGIRequest):
    """A request whose body is read by its view, with a limit, and whose META is built only when asked for."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.path = self.path_info = scope["path"]
        self.script_name = ""
        self.method = scope["method"].upper()
        self.resolver_match = None
        self._encoding = None  # bodies are UTF-8 JSON or multipart; nothing else is read
        self._receive = receive
        self._stream = BytesIO()
        self._whole_body = b""
        self._read_started = True
        self._post_parse_error = False
        self._body_ended = False
        self._end_of_watch: Callable[[], object] | None = None
        # Whether the watch saw it leave, and cancelled the task.
        self.client_has_left = False
        # Whoever reads a key, or a member's session, from the request says so.
        self.shows_caller = False
        self._at_end: list[Callable[[], None]] = []
        self.arrived = time.perf_counter()
        self.request_uuid = new_request_uuid()
        known: dict[bytes, bytes] | None = scope.get(HEADERS_BY_NAME)
        self.raw_headers = headers_by_name(scope["headers"]) if known is None else known

    @property
    def request_id(self) -> str:
        return public_request_id(self.request_uuid)

    @cached_property
    def META(self) -> dict[str, Any]:  # type: ignore[override]
        """Django's view of the headers, for the few paths that need it (sessions, CSRF)."""
        return dict(ASGIRequest(self.scope, BytesIO()).META)

    def header(self, name: bytes) -> str:
        """One header's value by its lower-case name, or an empty string."""
        return self.raw_headers.get(name, b"").decode("latin-1")

    async def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, decoded where it came compressed.

        Raises BodyTooLarge as soon as more than `limit_bytes` are announced or came, before or after decoding,
        UnsupportedCoding and InvalidRequest for what cannot be decoded, and ClientGone when the client leaves before
        the body's end.
        """
        coding = self.header(b"content-encoding")
        decoder = decoder_of(coding) if coding else None
        announced = self.header(b"content-length")
        if announced.isdecimal() and int(announced) > limit_bytes:
            raise _too_large(limit_bytes)
        received = 0
        while not self._body_ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise errors.ClientGone
            self._body_ended = not message.get("more_body", False)
            chunk = message.get("body", b"")
            received += len(chunk)
            if received > limit_bytes:
                raise _too_large(limit_bytes)
            if decoder is None:
                if chunk:
                    yield chunk
                continue
            for piece in decoder.pieces(chunk):
                if decoder.decoded_bytes > limit_bytes:
                    raise _too_large(limit_bytes)
                yield piece
                await asyncio.sleep(0)  # a chunk may hold a thousand times its size
        if decoder is not None:
            decoder.finish()

    def body_that_came(self, limit_bytes: int) -> bytes | None:
        """The whole body where nobody need wait for it or decode it, as with most requests; None elsewhere.

        Raises BodyTooLarge.
        """
        if self._body_ended:
            return self._whole_body
        take = getattr(getattr(self._receive, "__self__", None), "take_whole_body", None)
        if take is None or b"content-encoding" in self.raw_headers:
            return None
        body: bytes | None = take()
        if body is not None:
            self._body_ended = True
            if len(body) > limit_bytes:
                raise _too_large(limit_bytes)
            self._whole_body = body
        return body

    async def read_body(self, limit_bytes: int) -> bytes:
        """The whole body; raises as `chunks` does."""
        if not self._body_ended and self.body_that_came(limit_bytes) is None:
            parts = [chunk async for chunk in self.chunks(limit_bytes)]
            self._whole_body = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._whole_body

    @property
    def has_read_body(self) -> bool:
        """Whether `read_body` has it already."""
        return self._body_ended

    def keep_body(self, body: bytes) -> bytes:
        """Let `read_body` return it from now on; for whoever has read it by `chunks`."""
        self._whole_body = body
        return body

    def at_end(self, give_back: Callable[[], None]) -> None:
        """Call this once the request has been answered, or nobody waits for its answer any more."""
        self._at_end.append(give_back)

    def prove_caller(self) -> None:
        """Note that a caller's key is valid: limits in front of the key cut strangers' connections before this one.

        Does nothing for a request that showed none: anybody has some answer that is no refusal.
        """
        trust = self.scope.get(TRUST)
        if trust is not None and self.shows_caller:
            trust.proven = trust.request_proven = True

    def leave_body_alone(self) -> None:
        """Keep Django from parsing the body as a form: it is its view's to read."""
        self._post = QueryDict()
        self._files: MultiValueDict[str, Any] = MultiValueDict()

    def watch_disconnect(self) -> None:
        """From now on cancel this task when the client leaves; call it once the body has been read."""
        task = asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            self.client_has_left = True
            task.cancel("client left")

        watch = getattr(getattr(self._receive, "__self__", None), "watch_departure", None)
        if watch is None:
            self._end_of_watch = asyncio.create_task(self._wait_for_departure(cancel)).cancel
        else:
            self._end_of_watch = partial(watch, None)
            watch(cancel)

    async def _wait_for_departure(self, on_departure: Callable[[], None]) -> None:
        """For servers whose `receive` is all that there is."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            on_departure()

    def let_go(self) -> None:
        """Drop the body and its connection."""
        self._whole_body = b""
        self._receive = _nothing_more
        while self._at_end:
            self._at_end.pop()()

    def stop_watching(self) -> None:
        """From now on the client's leaving interrupts nothing."""
        end, self._end_of_watch = self._end_of_watch, None
        if end is not None:
            end()


async def _nothing_more() -> dict[str, Any]:
    return {"type": "http.disconnect"}


def _too_large(limit_bytes: int) -> errors.BodyTooLarge:
    return errors.BodyTooLarge(
        gettext_noop("The body is larger than the limit of %(limit_bytes)s bytes."),
        limit_bytes=f"{limit_bytes:,}",
    )


class GatewayHandler:
    """An ASGI application for the paths of one URLconf."""

    def __init__(self, urlconf: str) -> None:
        self._resolver = get_resolver(urlconf)
        _ = self._resolver.url_patterns  # a view that cannot be imported stops the process now, not its calls
        # Of paths that have no values in them: callers make up the others.
        self._fixed: dict[str, ResolverMatch] = {}

    def resolve(self, path: str) -> ResolverMatch | None:
        """The view for a path, or None when it is not the gateway's."""
        match = self._fixed.get(path)
        if match is None:
            if NUL in path:  # no id and no name has it: Django says that nothing is there
                return None
            try:
                match = self._resolver.resolve(path)
            except Resolver404:
                return None
            if not (match.args or match.kwargs) and len(self._fixed) < MAX_FIXED_PATHS:
                self._fixed[path] = match
        return match

    async def __call__(self, match: ResolverMatch, scope: Scope, receive: Receive, send: Send) -> None:
        request = GatewayRequest(scope, receive)
        try:
            response = await self._answer(match, request)
            if response is not None:
                if response.status_code < 400:
                    request.prove_caller()
                await send_response(response, request.request_id, send)
        except (OSError, errors.PlatformError) as error:
            # The answer has begun, so it cannot become an error any more: leaving it unfinished breaks the
            # connection, and nobody takes half an answer for a whole one. (A stalled reader is a TimeoutError.)
            log.info("an answer was broken off", request_id=request.request_id, cause=type(error).__name__)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # Ours to absorb when our own watcher asked for it: the client is gone and its call is settled.
            if task is None or not request.client_has_left:
                raise
            task.uncancel()
        finally:
            request.stop_watching()
            request.let_go()

    async def _answer(self, match: ResolverMatch, request: GatewayRequest) -> HttpResponseBase | None:
        request.resolver_match = match
        try:
            return await match.func(request, *match.args, **match.kwargs)
        except errors.ClientGone:
            return None
        except Exception as error:
            told = problems.as_platform_error(error)
            problems.forget_frames(error)
            return problems.render(told, request.path, request.request_id)


async def send_response(response: HttpResponseBase, request_id: str, send: Send) -> None:
    headers = [(b"x-request-id", request_id.encode())]
    says_cache_control = False  # asked of the response, it would cost an exception
    for name, value in response.items():
        name = name.lower()
        if name != "x-request-id":
            headers.append((name.encode("latin-1"), value.encode("latin-1")))
        if name == "cache-control":
            says_cache_control = True
    if not says_cache_control:
        headers.append((b"cache-control", CACHE_CONTROL.encode()))
    if response.streaming:
        # The view's own iterator: Django's wrapper, when it is closed, leaves what it wraps open.
        iterator: Any = response._iterator  # type: ignore[attr-defined]
        try:
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            async for chunk in iterator:
                async with asyncio.timeout(settings.STALLED_READER_LIMIT_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            await iterator.aclose()
        await send({"type": "http.response.body", "body": b""})
        return
    assert isinstance(response, HttpResponse)
    body = response.content
    if response.status_code != 204:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Cross-origin calls from browsers, where the operator allows them (AIO_CORS_ORIGINS): a shell around the application.

Never with credentials: a browser's cookies stay out of it, so another origin has what its own key has. Without origins
the application is not wrapped at all.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ANY = "*"
PATHS = ("/v1/", "/v1beta/", "/api/", "/llm/")
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
# What a browser's program may send where it does not ask for more by name.
SENT_HEADERS = (
    "Authorization, Content-Type, Content-Encoding, Accept, X-Api-Key, X-Goog-Api-Key, Idempotency-Key"
)
SHOWN_HEADERS = (
    "X-Request-Id, Request-Id, X-Credits-Consumed, X-Credits-Remaining, X-Max-Tokens-Clamped, Retry-After, RateLimit, "
    "RateLimit-Policy, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, "
    "x-should-retry, Idempotent-Replayed, X-Original-Request-Id, X-Voice-Clone-Fallback, X-Fields-Left-Out, "
    "X-AIO-Sandbox"
)
MAX_AGE_S = 7200
MAX_ASKED_HEADERS_LENGTH = 4000
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+( *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")


def read_origins(text: str) -> tuple[str, ...]:
    """The origins of a setting, parted by commas or spaces: `https://app.example`, or `*` for all.

    Raises ValueError for one that no browser sends.
    """
    origins = tuple(text.replace(",", " ").split())
    for origin in origins:
        parts = urlsplit(origin)
        exact = (
            f"{parts.scheme}://{parts.netloc}" == origin and bool(parts.hostname) and "@" not in parts.netloc
        )
        if origin != ANY and not exact:
            raise ValueError(f"{origin} is not an origin; write one as https://app.example, or *")
    return origins


class CrossOrigin:
    """An ASGI application that answers preflights itself and lets the given origins read the answers."""

    def __init__(self, application: Application, origins: tuple[str, ...]) -> None:
        self._application = application
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            return await self._application(scope, receive, send)
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        allowed = origin is not None and (self._any or origin in self._origins)
        if scope["method"] == "OPTIONS" and allowed and b"access-control-request-method" in headers:
            return await _send_preflight([*self._permission(origin), *_preflight_headers(headers)], send)

        async def send_with_permission(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                more = self._permission(origin if allowed else None)
                if allowed:
                    more.append((b"access-control-expose-headers", SHOWN_HEADERS.encode()))
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        return await self._application(scope, receive, send_with_permission)

    def _permission(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """The headers that name the origin, and keep caches from giving one origin's answer to another."""
        if self._any:
            return [(b"access-control-allow-origin", b"*")] if origin else []
        allowed = [(b"access-control-allow-origin", origin)] if origin else []
        return [*allowed, (b"vary", b"Origin")]


def _preflight_headers(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """What a preflight asked for. SDKs send headers of their own, which no list would keep up with."""
    names = headers.get(b"access-control-request-headers", b"")
    sane = len(names) <= MAX_ASKED_HEADERS_LENGTH and _HEADER_NAMES.fullmatch(names)
    return [
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-allow-headers", names if sane else SENT_HEADERS.encode()),
        (b"access-control-max-age", str(MAX_AGE_S).encode()),
    ]


async def _send_preflight(headers: list[tuple[bytes, bytes]], send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})

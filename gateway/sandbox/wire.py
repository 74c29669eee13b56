"""What protocols receive and return: pure values, so that a protocol is a function from Call to Answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from gateway.sandbox.magic import NO_MAGIC, Magic

Json = Any
Headers = list[tuple[bytes, bytes]]
Dialect = Callable[[int, str], Json]


class Refusal(Exception):
    """A request the protocol itself refuses; the route's dialect gives the body its shape."""

    def __init__(self, status: int, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        # Some protocols say what is wrong in the body only.
        self.http_status = status if http_status is None else http_status


class Call:
    """One request, read in full. Everything costly is parsed when first asked for."""

    def __init__(self, method: str, path: str, query: bytes, headers: Headers, body: bytes) -> None:
        self.method = method
        self.path = path
        self.query_bytes = query
        self.header_list = headers
        self.body = body
        self.params: dict[str, str] = {}
        self.magic: Magic = NO_MAGIC

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's fields, the last one winning."""
        return dict(parse_qsl(self.query_bytes.decode("latin-1"), keep_blank_values=True))

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.header_list}

    @cached_property
    def document(self) -> Json:
        """The JSON body, or None where the body is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def json(self) -> dict[str, Json]:
        """The JSON body, which must be an object; otherwise the request is refused with 400."""
        if not isinstance(self.document, dict):
            raise Refusal(400, "the body must be a JSON object")
        return self.document

    @property
    def base_url(self) -> str:
        """Where the client reached this server, for the URLs handed back."""
        return f"http://{self.headers.get('host', '127.0.0.1')}"


@dataclass(slots=True)
class Text:
    """What a caller can read in a response, by kind: the journal keeps it, bills are asserted on it."""

    content: str = ""
    reasoning: str = ""
    tool: str = ""


@dataclass(slots=True)
class Reply:
    """A whole response. `text` is what a caller reads in it, for the journal."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: Headers = field(default_factory=list)
    text: Text | None = None


@dataclass(slots=True)
class Event:
    """One SSE event, ready for the wire, and what a caller reads in it."""

    data: bytes
    text: Text | None = None
    is_done: bool = False


@dataclass(slots=True)
class EventStream:
    """A response told in server-sent events."""

    events: Iterable[Event]


@dataclass(slots=True)
class Later:
    """A reply that is made only after `wait_s` seconds, unless the client leaves first."""

    wait_s: float
    make: Callable[[], Reply]


Answer = Reply | EventStream | Later
Handler = Callable[[Call], Answer]


@dataclass(slots=True)
class Route:
    """Which handler answers `method` on `path` (`{name}` matches a segment, `{name:path}` several)."""

    method: str
    path: str
    handler: Handler
    dialect: Dialect
    journaled: bool = True


def json_reply(document: Json, status: int = 200, text: Text | None = None) -> Reply:
    """`document` as a JSON response."""
    return Reply(orjson.dumps(document), status, text=text)

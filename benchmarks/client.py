"""An HTTP/1.1 client that costs a few microseconds a call: raw protocols on uvloop, parsed by httptools.

Each connection keeps one call in flight. Every answer's status is checked and its body compared, byte by byte,
with the first one's; `load` looks at what that first one says.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

MAX_ERRORS_KEPT = 5


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go, and the bytes that each of them is."""

    port: int
    request: bytes

    @classmethod
    def post(cls, port: int, path: str, headers: dict[str, str], body: bytes) -> "Target":
        """A POST of JSON, to the loopback."""
        lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"content-length: {len(body)}")
        return cls(port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


@dataclass(slots=True)
class Tally:
    """What came back. Times are perf_counter seconds; only answers received in full count."""

    latencies_s: list[float] = field(default_factory=list)
    first_bytes_s: list[float] = field(default_factory=list)
    ended_at: list[float] = field(default_factory=list)
    reads: int = 0
    sample: bytes | None = None
    errors: int = 0
    shown_errors: list[str] = field(default_factory=list)

    def note_error(self, text: str) -> None:
        self.errors += 1
        if len(self.shown_errors) < MAX_ERRORS_KEPT:
            self.shown_errors.append(text)


class Connection(asyncio.Protocol):
    """Sends the target's request, again and again while `goes_on` says so; `ended` tells that it stopped."""

    def __init__(
        self, target: Target, tally: Tally, goes_on: Callable[[], bool], on_first_byte: Callable[[], None]
    ) -> None:
        self._target = target
        self._tally = tally
        self._goes_on = goes_on
        self._on_first_byte = on_first_byte
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._sent_at = 0.0
        self._first_byte_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        """Put the next call in flight."""
        assert self._transport is not None
        self._first_byte_at = 0.0
        self._sent_at = time.perf_counter()
        self._transport.write(self._target.request)

    def data_received(self, data: bytes) -> None:
        self._tally.reads += 1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")

    def on_body(self, body: bytes) -> None:
        if self._first_byte_at == 0.0:
            self._first_byte_at = time.perf_counter()
            self._on_first_byte()
        self._parts.append(body)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        tally = self._tally
        status = self._parser.get_status_code()
        if status != 200:
            self._fail(f"status {status}: {body[:300]!r}")
            return
        if tally.sample is None:
            tally.sample = body
        elif tally.sample != body:
            self._fail(f"another body than the first one's: {body[:300]!r}")
            return
        tally.latencies_s.append(now - self._sent_at)
        tally.first_bytes_s.append(self._first_byte_at - self._sent_at)
        tally.ended_at.append(now)
        if self._goes_on():
            self.send()
        else:
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self._tally.note_error(f"connection lost: {error or 'closed by the server'}")
            self.ended.set_result(None)

    def give_up(self, why: str) -> None:
        """An error, unless it has ended."""
        if not self.ended.done():
            self._fail(why)

    def _fail(self, text: str) -> None:
        self._tally.note_error(text)
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def connect(
    count: int,
    target: Target,
    tally: Tally,
    goes_on: Callable[[], bool],
    on_first_byte: Callable[[], None] = lambda: None,
) -> list[Connection]:
    """Open `count` connections, with nothing in flight yet."""
    loop = asyncio.get_running_loop()

    async def one() -> Connection:
        made: tuple[Any, Connection] = await loop.create_connection(
            lambda: Connection(target, tally, goes_on, on_first_byte), "127.0.0.1", target.port
        )
        return made[1]

    return list(await asyncio.gather(*[one() for _ in range(count)]))

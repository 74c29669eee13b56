"""A caller on a real socket that may leave at any byte, and what it had received by then, read by rules of its own."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from money.delivered.scripted_upstream import reset

ANSWER_LIMIT_S = 180.0
# Once the upstream says nothing more, so long for what is under way to arrive.
SILENCE_S = 0.03


@dataclass(frozen=True)
class Leaving:
    """The caller goes once it has sent or received that many bytes (None: all); with RST where `resets`."""

    sent: int | None = None
    received: int | None = None
    resets: bool = False


@dataclass
class Received:
    """The bytes of an answer, whole or not, and what they say."""

    raw: bytes = b""
    ended: bool = False
    left: bool = False

    def __post_init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_whole = False

    def read(self) -> "Received":
        """Understand what has come so far."""
        head, found, rest = self.raw.partition(b"\r\n\r\n")
        if not found:
            return self
        status_line, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status_line.split()[1])
        self.headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        if "content-length" in self.headers:
            length = int(self.headers["content-length"])
            self.body, self.is_whole = rest[:length], len(rest) >= length
        elif self.headers.get("transfer-encoding") == "chunked":
            self.body, self.is_whole = _unchunked(rest)
        else:
            self.body, self.is_whole = rest, self.ended
        return self

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def is_json(self) -> bool:
        return self.headers.get("content-type", "").startswith("application/json")

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The payloads of the stream's whole events but [DONE]; each must be JSON."""
        return [json.loads(payload) for payload in self._payloads() if payload != b"[DONE]"]

    @property
    def has_done(self) -> bool:
        return b"[DONE]" in self._payloads()

    def _payloads(self) -> list[bytes]:
        whole, _, _ = self.body.rpartition(b"\n\n")
        found = []
        for event in whole.split(b"\n\n"):
            lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
            if lines:
                found.append(b"\n".join(lines))
        return found


def _unchunked(rest: bytes) -> tuple[bytes, bool]:
    """A chunked body as far as it came, and whether its end came."""
    body = b""
    while True:
        size_line, found, rest = rest.partition(b"\r\n")
        if not found:
            return body, False
        size = int(size_line.partition(b";")[0], 16)
        if size == 0:
            return body, rest.endswith(b"\r\n")
        body += rest[:size]
        if len(rest) < size + 2:
            return body, False
        rest = rest[size + 2 :]


@dataclass
class RawClient:
    """Ask the platform once, and perhaps leave."""

    port: int
    # The upstream has said its last word and the caller is to go when nothing more comes.
    upstream_waits: asyncio.Event
    on_left: Callable[[], None]
    path: str
    headers: dict[str, str]
    body: bytes
    leaving: Leaving = field(default_factory=Leaving)

    async def ask(self) -> Received:
        """Returns what was received by the answer's end or the caller's leaving; fails where neither comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        received = Received()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                request = self._request()
                writer.write(request[: self.leaving.sent])
                if self.leaving.sent is None or self.leaving.sent >= len(request):
                    await self._receive(reader, received)
                else:
                    received.left = True
                    await asyncio.sleep(0)
        finally:
            if self.leaving.resets:
                reset(writer)
            else:
                writer.close()
            self.on_left()
        return received.read()

    async def _receive(self, reader: asyncio.StreamReader, received: Received) -> None:
        limit = self.leaving.received
        while limit is None or len(received.raw) < limit:
            part = await self._next(reader, 2**16 if limit is None else limit - len(received.raw))
            if part is None:
                received.left = True
                return
            received.raw += part
            if not part:
                received.ended = True
                return
            if received.read().is_whole:
                return
        received.left = True

    async def _next(self, reader: asyncio.StreamReader, most: int) -> bytes | None:
        """The next bytes; None where the upstream is hung and nothing comes any more."""
        reading = asyncio.create_task(reader.read(most))
        hung = asyncio.create_task(self.upstream_waits.wait())
        try:
            await asyncio.wait([reading, hung], return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait([reading], timeout=SILENCE_S)
            if not reading.done():
                return None
            try:
                return reading.result()
            except ConnectionError:
                return b""
        finally:
            for task in (reading, hung):
                task.cancel()
            await asyncio.gather(reading, hung, return_exceptions=True)

    def _request(self) -> bytes:
        lines = [
            f"POST {self.path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body

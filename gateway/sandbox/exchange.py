"""One request and response on the socket: reads, writes, waits, breaks off, notices the client leaving."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.sandbox.journal import Entry
from gateway.sandbox.wire import Event, Headers, Reply

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before the response was complete."""


class BrokenOff(Exception):
    """The sandbox itself broke the connection, because a magic input asked for it."""


class Exchange:
    """The response side of one call; its entry tells the truth at every moment."""

    def __init__(self, scope: Message, receive: Receive, send: Send, entry: Entry) -> None:
        self.entry = entry
        self.break_after: int | None = None
        self.break_hard = False
        self._transport: asyncio.Transport | None = (
            scope.get("extensions", {}).get("sandbox.transport", {}).get("transport")
        )
        self._receive = receive
        self._send = send
        self._watcher: asyncio.Task[None] | None = None
        self.started = False
        self._ended = False

    async def read_body(self) -> bytes:
        """The whole request body; raises ClientGone if it never comes in full."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.entry.mark_aborted("client")
                raise ClientGone
            parts.append(message["body"])
            self.entry.request_bytes += len(parts[-1])
            if not message.get("more_body"):
                body = parts[0] if len(parts) == 1 else b"".join(parts)
                self.entry.keep_body(body)
                self.entry.phase = "answering"
                return body

    def watch(self) -> None:
        """From now on, journal the client's departure the moment it happens."""
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._notice_departure())

    async def pause(self, seconds: float, phase: str = "sleeping") -> None:
        """Wait, never less than `seconds`; raises ClientGone as soon as the client leaves."""
        before, self.entry.phase = self.entry.phase, phase
        deadline = time.monotonic() + seconds
        self.watch()
        assert self._watcher is not None
        # The loop's timers may fire a millisecond early: what is left is waited for too.
        while (left_s := deadline - time.monotonic()) > 0:
            done, _ = await asyncio.wait({self._watcher}, timeout=left_s)
            if done:
                raise ClientGone
        self.entry.phase = before

    async def hang(self) -> None:
        """Send nothing until the client leaves, then raise ClientGone."""
        self.entry.phase = "hanging"
        self.watch()
        assert self._watcher is not None
        await self._watcher
        raise ClientGone

    async def start(self, status: int, headers: Headers) -> None:
        """Send the status line and headers."""
        self.started = True
        self.entry.status = status
        self.entry.content_type = headers[0][1] if headers else b""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        """Hand `data` to the socket; breaks off in the middle of it where `break_after` says so."""
        if self._watcher is not None and self._watcher.done():
            raise ClientGone
        entry = self.entry
        if entry.first_byte_monotonic is None:
            entry.first_byte_monotonic = time.monotonic()
        if self.break_after is not None and entry.bytes_sent + len(data) > self.break_after:
            part = data[: self.break_after - entry.bytes_sent]
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
            entry.bytes_sent += len(part)
            await self.break_off(self.break_hard)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        if self._watcher is not None and self._watcher.done():
            raise ClientGone
        entry.bytes_sent += len(data)

    async def write_event(self, event: Event) -> None:
        """Hand one SSE event to the socket and journal it once it is out in full."""
        await self.write(event.data)
        self.entry.keep_event(event.data, event.text)

    async def end(self) -> None:
        """Complete the response."""
        self._ended = True
        self.entry.completed = True
        self.entry.phase = "done"
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def respond(self, reply: Reply) -> None:
        """Send a whole response at once."""
        entry = self.entry
        await self.start(reply.status, response_headers(reply, entry.id))
        entry.first_byte_monotonic = time.monotonic()
        if reply.text is not None:
            entry.texts.append(reply.text)
        entry.bytes_sent = len(reply.body)
        entry.completed = self._ended = True
        entry.phase = "done"
        await self._send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def break_off(self, hard: bool) -> None:
        """Break the connection: with a TCP reset when `hard`, else by closing it after what was written."""
        self.entry.mark_aborted("sandbox")
        self._ended = True
        if self._transport is not None:
            if hard:
                sock: socket.socket = self._transport.get_extra_info("socket")
                # Zero linger makes close() send RST where it would send FIN.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._transport.abort()
            else:
                self._transport.close()
        # The server must see the loss first: it would answer 500 for a response never started.
        self.watch()
        assert self._watcher is not None
        await self._watcher
        raise BrokenOff

    def close(self) -> None:
        """Stop watching; the entry is final."""
        if self._watcher is not None and not self._watcher.done():
            self._watcher.cancel()
        self.entry.finished_monotonic = time.monotonic()

    async def _notice_departure(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                # The server says "disconnect" after a complete response too; that is no departure.
                if not self._ended:
                    self.entry.mark_aborted("client")
                return


def response_headers(reply: Reply, number: int) -> Headers:
    """The headers of a whole response; the content type comes first."""
    return [
        (b"content-type", reply.content_type),
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", b"sbx-%d" % number),
        *reply.headers,
    ]

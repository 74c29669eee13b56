"""An upstream on a real socket that says exactly the bytes it is told to, in the pieces it is told to, and then goes.

It knows nothing of chat or of prices. Each lane is a path of its own (`/lane-7/...`), and so an upstream of its own
to the product, with its own connections and its own health.
"""

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Ending = Literal["stay", "close", "reset", "wait"]
# A hung script goes on once its client has left; nothing may need longer.
WAIT_LIMIT_S = 20.0
_LANE = re.compile(rb"^[A-Z]+ /lane-(\d+)/")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True)
class Script:
    """An answer as raw bytes of HTTP, where it is cut into writes, and how its connection ends after `stop`.

    "stay" keeps the connection for the next request, "wait" says nothing more until the client has left.
    """

    raw: bytes
    cuts: tuple[int, ...] = ()
    stop: int | None = None
    ending: Ending = "stay"

    def pieces(self) -> list[bytes]:
        end = len(self.raw) if self.stop is None else min(self.stop, len(self.raw))
        places = [0, *sorted({cut for cut in self.cuts if 0 < cut < end}), end]
        return [self.raw[start:until] for start, until in pairwise(places)]


@dataclass
class ScriptedUpstream:
    """Serve `scripts` by lane. `client_left` is set by whoever plays the client."""

    scripts: dict[int, Script] = field(default_factory=dict)
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def next_script(self, lane: int, script: Script) -> None:
        """What the lane says to whatever it is asked from now on."""
        self.scripts = {lane: script}
        self.asked.clear()
        self.client_left.clear()
        self.waiting.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (request := await _read_request(reader)) is not None:
                lane, body = request
                self.asked.append((lane, body))
                script = self.scripts.get(lane)
                if script is None or not await self._play(script, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the platform has gone: it may
        finally:
            writer.close()

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> bool:
        """Say it; returns whether the connection is to be kept."""
        for piece in script.pieces():
            if writer.is_closing():  # uvloop raises where a connection is written to once it is closed
                return False
            writer.write(piece)
            await writer.drain()
            # Two turns of the loop: one for the platform to read this piece alone, one to act on it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if script.ending == "stay":
            return True
        if script.ending == "wait":
            self.waiting.set()
            try:
                async with asyncio.timeout(WAIT_LIMIT_S):
                    await self.client_left.wait()
            except TimeoutError:
                pass
        if script.ending == "reset":
            reset(writer)
        return False


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: what was sent and not yet read is lost to the reader."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def _read_request(reader: asyncio.StreamReader) -> tuple[int, bytes] | None:
    """The lane and the body of the next request; None at the connection's end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lane = _LANE.match(head)
    length = _LENGTH.search(head)
    if length:
        body = await reader.readexactly(int(length.group(1)))
    elif _CHUNKED.search(head):
        body = await _read_chunked(reader)
    else:
        body = b""
    return (int(lane.group(1)) if lane else -1), body


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body

"""The benchmarks' provider of tasks: kie's protocol at next to no CPU. Tasks run until it is told to finish them.

It remembers when each task was asked about, which is how the gaps between two polls are known.
"""

import asyncio
import sys
import time
from typing import Any, cast

import httptools
import orjson
import uvloop

from benchmarks.children import report

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Tasks:
    """What there is, and when it was asked about."""

    def __init__(self) -> None:
        self.made = 0
        self.polls = 0
        self.finished = False
        self.polled_at: dict[bytes, float] = {}
        self.gaps: list[float] = []

    def make(self) -> bytes:
        self.made += 1
        return _json({"code": 200, "msg": "success", "data": {"taskId": f"t{self.made}"}})

    def poll(self, key: bytes) -> bytes:
        now = time.monotonic()
        self.polls += 1
        before = self.polled_at.get(key)
        if before is not None:
            self.gaps.append(now - before)
        self.polled_at[key] = now
        return _DONE if self.finished else _GENERATING

    def take_stats(self) -> dict[str, Any]:
        """What happened since the last call."""
        gaps = sorted(self.gaps)
        now = time.monotonic()
        stats = {
            "made": self.made,
            "polls": self.polls,
            "known": len(self.polled_at),
            "gap_p50_s": gaps[len(gaps) // 2] if gaps else 0.0,
            "gap_max_s": gaps[-1] if gaps else 0.0,
            # A task that is not asked about at all has no gap yet.
            "waiting_max_s": max((now - then for then in self.polled_at.values()), default=0.0),
        }
        self.polls, self.gaps = 0, []
        return stats


def _json(values: Any) -> bytes:
    body = orjson.dumps(values)
    return _HEAD % len(body) + body


_GENERATING = _json({"code": 200, "message": "success", "data": {"state": "generating"}})
_DONE = _json(
    {
        "code": 200,
        "message": "success",
        "data": {"state": "success", "resultJson": '{"resultUrls":["https://files.test/1.png"]}'},
    }
)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one after the other."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_message_complete(self) -> None:
        assert self._transport is not None
        _, asked, key = self._url.partition(b"taskId=")
        self._transport.write(self._tasks.poll(key) if asked else self._tasks.make())


async def _serve() -> None:
    tasks = Tasks()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(tasks), "127.0.0.1", 0, backlog=4096)
    report({"port": server.sockets[0].getsockname()[1]})
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        if orjson.loads(line)["kind"] == "finish":
            tasks.finished = True
        report(tasks.take_stats())


if __name__ == "__main__":
    uvloop.run(_serve())

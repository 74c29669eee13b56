"""The benchmarks' upstream: one fixed OpenAI chat answer, whole or as a stream, at next to no CPU.

It takes nearly nothing of the machine's cores, so that what is measured is the worker in front of it. A request
names its stream in its text: `bench:chunks=50,gap_ms=20` is 50 chunks with 20 ms between them.
"""

import asyncio
import re
from typing import Any, cast

import httptools
import orjson
import uvloop

from benchmarks.children import report, stop_with_parent

MODEL = "bench"
PROMPT_TOKENS = 24
ANSWER_TEXT = (
    "Seoul has four seasons, and most people like autumn best: dry air, clear skies, red maples. " * 3
)
WORD = " autumn"
DONE = b"data: [DONE]\n\n"
_STREAM = re.compile(rb'"stream":\s*true')
_SHAPE = re.compile(rb"bench:chunks=(\d+),gap_ms=(\d+)")


def chat_answer() -> bytes:
    """The JSON body of every answer that is not streamed."""
    message = {"role": "assistant", "content": ANSWER_TEXT}
    return orjson.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1_767_225_600,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": 69, "total_tokens": 93},
        }
    )


def stream_text(chunks: int) -> str:
    """What the deltas of a stream of `chunks` chunks say together."""
    return WORD * chunks


def _event(choices: list[dict[str, Any]], usage: dict[str, int] | None) -> bytes:
    chunk = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": MODEL,
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_BODY = chat_answer()
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_BODY)
) + _BODY
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)
_DELTA = _chunked(_event([{"index": 0, "delta": {"content": WORD}, "finish_reason": None}], None))
_FINISH = _chunked(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}], None))


def _stream_end(chunks: int) -> bytes:
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": chunks,
        "total_tokens": PROMPT_TOKENS + chunks,
    }
    return _FINISH + _chunked(_event([], usage) + DONE) + b"0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one after the other, never pipelined."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        assert self._transport is not None
        if _STREAM.search(body) is None:
            self._transport.write(_ANSWER)
            return
        shape = _SHAPE.search(body)
        chunks, gap_ms = (int(shape[1]), int(shape[2])) if shape else (50, 0)
        self._transport.write(_STREAM_HEAD + _DELTA)
        self._go_on(chunks - 1, _stream_end(chunks), gap_ms / 1000)

    def _go_on(self, left: int, end: bytes, gap_s: float) -> None:
        if self._transport is None:
            return
        if gap_s == 0:
            # Written one by one all the same: a model's server does not join its events.
            for _ in range(left):
                self._transport.write(_DELTA)
            left = 0
        elif left > 0:
            self._transport.write(_DELTA)
            left -= 1
        if left == 0:
            self._transport.write(end)
        else:
            self._timer = self._loop.call_later(gap_s, self._go_on, left, end, gap_s)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=4096)
    report({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    stop_with_parent()
    uvloop.run(_serve())

"""Three plain exchanges, broken at every byte there is: by the upstream as it answers, by the caller as it reads."""

import json
import struct
from collections.abc import Iterator
from dataclasses import replace

from money.delivered.http_script import http_answer
from money.delivered.raw_client import Leaving
from money.delivered.scripted_upstream import Ending, Script
from money.delivered.world import Call

_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
_CHUNKS = (
    {"choices": [{"index": 0, "delta": {"content": "안녕"}}]},
    {"choices": [{"index": 0, "delta": {"content": " hi"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": _USAGE},
)
_WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": _USAGE,
}
_SOUND = b"RIFF" + struct.pack("<I", 132) + b"WAVEfmt " + bytes(124)


def _call(path: str, fields: dict[str, object], answer: bytes) -> Call:
    body = json.dumps({"model": "lane-@lane@", **fields}).encode()
    return Call(path, body, Script(answer), {"Content-Type": "application/json"})


def plain_calls() -> dict[str, Call]:
    """A stream of chat, a whole answer, and sound, by their names."""
    messages = [{"role": "user", "content": "hello"}]
    events = (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in _CHUNKS) + b"data: [DONE]\n\n"
    )
    return {
        "stream": _call(
            "/v1/chat/completions",
            {"messages": messages, "stream": True},
            http_answer(events, "text/event-stream", framing="chunked"),
        ),
        "answer": _call(
            "/v1/chat/completions",
            {"messages": messages},
            http_answer(json.dumps(_WHOLE).encode(), "application/json"),
        ),
        "sound": _call("/api/tts", {"text": "hello"}, http_answer(_SOUND, "audio/wav", framing="chunked")),
    }


def upstream_breaks(call: Call) -> Iterator[Call]:
    """The upstream says the first bytes of its answer, and then ends the connection or says nothing more."""
    endings: tuple[Ending, ...] = ("close", "reset", "wait")
    for stop in range(len(call.script.raw)):
        # A caller who does not wait for ever is what ends the third.
        yield replace(call, script=Script(call.script.raw, (), stop, endings[stop % 3]))


def caller_leaves(call: Call, answer_bytes: int) -> Iterator[Call]:
    """The caller goes after each byte of the answer, while the upstream is still at it or long through."""
    half = len(call.script.raw) // 2
    for received in range(answer_bytes + 1):
        leaving = Leaving(received=received, resets=received % 2 == 1)
        yield replace(call, leaving=leaving)
        yield replace(call, leaving=leaving, script=Script(call.script.raw, (), half, "wait"))


def caller_stops_asking(call: Call) -> Iterator[Call]:
    """The caller goes before its request is whole."""
    for sent in range(len(call.body) + 250):
        yield replace(call, leaving=Leaving(sent=sent, resets=sent % 2 == 1))

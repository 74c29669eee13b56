"""A throw-away chat protocol that the platform knows nothing of: lines of plain text, said whole or word by word.

POST /say takes `{"lines", "most"}` and answers `{"said", "read", "wrote"}`; with `aloud`, it sends a word a line as it
comes, and at the end `= READ WROTE`.
"""

from typing import Any

import orjson

from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import (
    AdapterRoute,
    EventAnswer,
    MalformedAnswer,
    Steps,
    UncountedAnswer,
    UpstreamCall,
)
from usage.ledger.units import Units

SERVES = frozenset({"chat"})
PATH = "/say"


def ceiling(request: ChatRequest, route: AdapterRoute) -> Units:
    """A word a byte of the body, and the route's limit of the answer's."""
    return Units(tokens_in=request.size_bytes, tokens_out=request.output_limit(route) or 0)


def steps(request: ChatRequest, route: AdapterRoute) -> Steps:
    """One call."""
    lines = [message["content"] for message in request.values["messages"]]
    asked = {"lines": lines, "most": request.output_limit(route)}
    if request.stream:
        yield UpstreamCall(PATH, json=asked | {"aloud": True}, accept="text/plain", streamed=True)
        return EventAnswer(Words(route.model), content_type="text/plain")
    received = yield UpstreamCall(PATH, json=asked)
    told = received.json()
    if not isinstance(told, dict) or not told.get("said"):
        raise MalformedAnswer("nothing said")
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": told["said"]},
        "finish_reason": "stop",
    }
    values = {"object": "chat.completion", "model": route.model, "choices": [choice]}
    return UncountedAnswer(values, lambda: (Units(tokens_in=told["read"], tokens_out=told["wrote"]), False))


class Words:
    """The words of a streamed answer as chunks of a chat completion."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._rest = b""
        self._read = self._wrote = 0
        self.chunks = 0
        self.finished = self.done = False
        self.failure: Exception | None = None
        self.unfinished_event_bytes = 0

    @property
    def says_something(self) -> bool:
        return self._wrote > 0

    def feed(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.unfinished_event_bytes = len(self._rest)
        return b"".join(self._event(line.decode()) for line in lines)

    def feed_end(self) -> bytes:
        if not self.done:
            self.failure = MalformedAnswer("no end")
        return b""

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        return Units(tokens_in=self._read, tokens_out=self._wrote), not self.done

    def closing(self, credits_consumed: int | float) -> bytes:
        last = self._chunk({}, "stop") | {"credits_consumed": credits_consumed}
        return b"data: " + orjson.dumps(last) + b"\n\ndata: [DONE]\n\n"

    def _event(self, line: str) -> bytes:
        if line.startswith("= "):
            self._read, self._wrote = map(int, line.split()[1:])
            self.finished = self.done = True
            return b""
        self._wrote += 1
        self.chunks += 1
        return b"data: " + orjson.dumps(self._chunk({"content": line}, None)) + b"\n\n"

    def _chunk(self, delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return {"object": "chat.completion.chunk", "model": self._model, "choices": [choice]}

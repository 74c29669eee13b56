"""The events of a streamed chat completion, counted and passed on as the upstream's own bytes.

The chunk that finishes the answer is held back until the call is settled, so that the last data chunk can
carry its price and nobody has read a whole answer that is not in the books.
"""

from typing import Any

import orjson

from gateway.adapters.chat_request import ChatRequest, estimated_tokens
from gateway.adapters.openai_chat import ENDED_EARLY, MalformedAnswer, delta_bytes, read_usage
from usage.units import Units

DONE = b"data: [DONE]\n\n"
MAX_EVENT_BYTES = 4_000_000


class UpstreamStreamError(Exception):
    """The upstream reported an error inside its stream."""


class ChatStream:
    """One stream's state. Feed it the upstream's bytes; forward what it returns."""

    def __init__(self, request: ChatRequest, slug: str, upstream_model: str) -> None:
        self._request = request
        self._slug, self._upstream_model = slug, upstream_model
        self._theirs = b'"model":' + orjson.dumps(upstream_model)
        self._named = b'"model":' + orjson.dumps(slug)
        self._rest = b""
        self._held: dict[str, Any] | None = None
        self._delivered_bytes = 0
        self._usage: Units | None = None
        self._cut_short = False
        self.done = False
        self.failure: MalformedAnswer | UpstreamStreamError | None = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came, return whole events to forward now (possibly none).

        An event that is not a completion chunk, or that tells of an error, ends the stream: `failure` is set,
        and what came before it is returned to be forwarded, since it is counted as delivered.
        """
        if self._rest:
            data = self._rest + data
        if b"\r" in data:
            # A lone \r at the end may be the first half of a line end: keep it for the next read.
            tail = b"\r" if data.endswith(b"\r") else b""
            data = data[: len(data) - len(tail)].replace(b"\r\n", b"\n") + tail
        cut = data.rfind(b"\n\n")
        if cut < 0:
            if len(data) > MAX_EVENT_BYTES:
                self.failure = MalformedAnswer("an event without end")
            self._rest = data
            return b""
        self._rest = data[cut + 2 :]
        if self._rest == b"":
            events = data[:-2].split(b"\n\n")
        else:
            events = data[:cut].split(b"\n\n")
        forward = []
        for event in events:
            try:
                forward.append(self._take(event))
            except (MalformedAnswer, UpstreamStreamError) as error:
                self.failure = error
                break
        return b"".join(forward)

    def _take(self, event: bytes) -> bytes:
        if not event.startswith(b"data:") or b"\n" in event:
            event = _data_of(event)
            if not event:
                return b""
        payload = event[5:]
        if payload.strip() == b"[DONE]":
            self.done = True
            return b""
        try:
            chunk = orjson.loads(payload)
        except orjson.JSONDecodeError:
            raise MalformedAnswer("an event that is not JSON") from None
        if not isinstance(chunk, dict):
            raise MalformedAnswer("an event that is not an object")
        if "error" in chunk:
            if chunk["error"]:
                raise UpstreamStreamError
            del chunk["error"]  # null; some clients take the mere key for an error
            event = b"data: " + orjson.dumps(chunk)
        usage = chunk.get("usage")
        if usage is not None:
            self._usage = read_usage(usage) or self._usage
        finished = self._count(chunk.get("choices"))
        if finished or usage is not None or self._held is not None:
            return self._hold(chunk)
        return self._renamed(event, chunk)

    def _count(self, choices: object) -> bool:
        """Count what the chunk says; whether it finishes a choice."""
        if not isinstance(choices, list):
            raise MalformedAnswer("an event without choices")
        finished = False
        for choice in choices:
            if not isinstance(choice, dict):
                raise MalformedAnswer("a choice that is not an object")
            delta = choice.get("delta")
            if delta:
                if not isinstance(delta, dict):
                    raise MalformedAnswer("a delta that is not an object")
                self._delivered_bytes += delta_bytes(delta)
            reason = choice.get("finish_reason")
            if reason:
                finished = True
                self._cut_short = self._cut_short or reason in ENDED_EARLY
        return finished

    def _hold(self, chunk: dict[str, Any]) -> bytes:
        """Keep the newest chunk back from the first finishing one on; what was kept before goes out."""
        if not chunk.get("choices") and not self._request.include_usage:
            return b""
        released = b"" if self._held is None else _event(self._held)
        self._held = self._ours(chunk)
        return released

    def _renamed(self, event: bytes, chunk: dict[str, Any]) -> bytes:
        """The upstream's own bytes where they show nothing but ours, or need one cut; else written again."""
        model, strip_usage = chunk.get("model"), "usage" in chunk and not self._request.include_usage
        if model == self._upstream_model and model != self._slug and self._theirs in event:
            event, model = event.replace(self._theirs, self._named, 1), self._slug
        if strip_usage and b',"usage":null' in event:
            event, strip_usage = event.replace(b',"usage":null', b"", 1), False
        if strip_usage or b"\n" in event or (model is not None and model != self._slug):
            return _event(self._ours(chunk))
        return event + b"\n\n"

    def _ours(self, chunk: dict[str, Any]) -> dict[str, Any]:
        if not self._request.include_usage:
            chunk.pop("usage", None)
        if "model" in chunk:
            chunk["model"] = self._slug
        return chunk

    def units(self) -> tuple[Units, bool]:
        """What was delivered until now, and whether that is our estimate."""
        if self._usage is not None:
            return self._usage, False
        return (
            Units(
                tokens_in=self._request.estimated_prompt_tokens(),
                tokens_out=estimated_tokens(self._delivered_bytes),
            ),
            True,
        )

    @property
    def says_something(self) -> bool:
        """Whether any text, reasoning or tool call came, or a limit cut the answer before it."""
        return self._delivered_bytes > 0 or self._cut_short

    def closing(self, credits_consumed: int | float) -> bytes:
        """The last data chunk, with the price, and the end mark."""
        last: dict[str, Any] = {"object": "chat.completion.chunk", "model": self._slug, "choices": []}
        if self._held is not None:
            last = self._held
        last["credits_consumed"] = credits_consumed
        return _event(last) + DONE


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _data_of(event: bytes) -> bytes:
    """The data lines of an event that has others too; ids, retries and comments are not passed on."""
    lines = [line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"data: " + b"\n".join(lines) if lines else b""

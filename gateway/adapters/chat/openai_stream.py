"""The events of a streamed chat completion, counted and passed on as the upstream's own bytes.

The chunk that finishes the answer is held back until the call is settled, so that the last data chunk can
carry its price and nobody has read a whole answer that is not in the books (see ADR 10).

Reading is as tolerant as the official SDKs' (openai-python's `_streaming.py`): what they take for a whole answer is
one here (see ADR 18). Source of the shapes: the corpus in
tests/gateway/adapters/chat/corpus.
"""

from typing import Any

import orjson

from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.weight import said_weight
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, UpstreamFault
from gateway.adapters.shared.files_in_texts import PIECE_OF_A_FILE_WEIGHT, FilesSaid
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.sse import EventBuffer, EventTooLong, fields_of
from gateway.adapters.shared.upstream_json import (
    MAX_DEPTH,
    UnreadableJson,
    check_depth,
    read_json,
    write_json,
)
from gateway.adapters.shared.usage_counts import larger, read_counts
from usage.ledger.units import Units

DONE = b"data: [DONE]\n\n"
# Named events of these names keep a connection awake, whatever their data.
_WAKING_NAMES = frozenset({b"ping", b"heartbeat", b"keepalive", b"keep-alive"})


class UpstreamStreamError(Exception):
    """The upstream reported an error inside its stream."""


class ChatStream:
    """One stream's state. Feed it the upstream's bytes; forward what it returns."""

    def __init__(self, request: ChatRequest, slug: str, upstream_model: str) -> None:
        self._request = request
        self._slug, self._upstream_model = slug, upstream_model
        self._theirs = b'"model":' + orjson.dumps(upstream_model)
        self._named = b'"model":' + orjson.dumps(slug)
        self._buffer = EventBuffer()
        self._held: dict[str, Any] | None = None
        self._weight = self._held_weight = 0
        self._files = FilesSaid()
        self._counts: Units | None = None
        self._counts_are_final = False
        self._finished_choices: set[int] = set()
        self._wanted_choices = request.choices()
        self.chunks = 0
        # Whether every choice that was asked for has its `finish_reason`; an end mark need not follow.
        self.finished = False
        self.done = False
        self.failure: MalformedAnswer | UpstreamStreamError | None = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came, return whole events to forward now (possibly none).

        An event that is not a completion chunk, or that tells of an error, ends the stream: `failure` is set,
        and what came before it is returned to be forwarded, since it is counted as delivered.
        """
        try:
            events = self._buffer.take(data)
        except EventTooLong:
            self.failure = MalformedAnswer("an event without end")
            return b""
        return self._forwarded(events) if events else b""

    def feed_end(self) -> bytes:
        """The bytes have ended: take what is left as the last event."""
        return self._forwarded(self._buffer.take_rest())

    def _forwarded(self, events: list[bytes]) -> bytes:
        forward = []
        for event in events:
            try:
                forward.append(self._take(event))
            except (MalformedAnswer, UpstreamStreamError) as error:
                self.failure = error
                break
            if self.done:
                break
        return b"".join(forward)

    def _take(self, event: bytes) -> bytes:
        name = b""
        if not event.startswith(b"data:") or b"\n" in event:
            name, data = fields_of(event)
            if not data:
                return b""
            event = b"data: " + data
        payload = event[5:]
        try:
            chunk = orjson.loads(payload)
        except orjson.JSONDecodeError:
            # The end mark and empty data are no JSON either; all that comes this way is rare.
            payload = payload.strip()
            if payload.startswith(b"[DONE]"):
                self.done = True
            if self.done or not payload or name in _WAKING_NAMES:
                return b""
            chunk, event = self._read_leniently(payload), b""
        if not isinstance(chunk, dict):
            raise MalformedAnswer("an event that is not an object")
        if len(payload) > 2 * MAX_DEPTH:
            _check_depth(payload, chunk)
        if "error" in chunk:
            if chunk["error"]:
                raise UpstreamStreamError
            del chunk["error"]  # null; some clients take the mere key for an error
            event = b""
        return self._chunk(event, chunk, name)

    def _chunk(self, event: bytes, chunk: dict[str, Any], name: bytes) -> bytes:
        choices = chunk.get("choices")
        usage = chunk.get("usage")
        if choices is None:
            _raise_error_without_choices(chunk, name)
            if usage is None and "x_groq" not in chunk:
                return b""  # a ping; clients need `choices` in each chunk
            choices = chunk["choices"] = []
        before = self._weight
        finished = self._count(choices)
        self.chunks += 1
        if usage is not None or "x_groq" in chunk or (choices and "usage" in choices[0]):
            self._read_counts(chunk)
        if finished or usage is not None or self._held is not None:
            return self._hold(chunk, self._weight - before)
        return self._renamed(event, chunk)

    @staticmethod
    def _read_leniently(payload: bytes) -> Any:
        try:
            return read_json(payload, half_characters=True)
        except UnreadableJson:
            raise MalformedAnswer("an event that is not JSON") from None

    def _count(self, choices: object) -> bool:
        """Count what the chunk says; whether it finishes a choice."""
        if not isinstance(choices, list):
            raise MalformedAnswer("an event without choices")
        finished = False
        for choice in choices:
            if not isinstance(choice, dict):
                raise MalformedAnswer("a choice that is not an object")
            delta = choice.get("delta")
            if not (delta or self._weight) and isinstance(choice.get("message"), dict):
                # Some servers say all of it at once; after deltas a message repeats them.
                delta = choice["message"]
            if delta:
                if not isinstance(delta, dict):
                    raise MalformedAnswer("a delta that is not an object")
                said = said_weight(delta)
                self._weight += said
                if said >= PIECE_OF_A_FILE_WEIGHT or self._files.goes_on:
                    self._files.take(delta)
            if choice.get("finish_reason"):
                finished = True
                index = choice.get("index")
                self._finished_choices.add(index if type(index) is int else 0)
                self.finished = len(self._finished_choices) >= self._wanted_choices
        return finished

    def _read_counts(self, chunk: dict[str, Any]) -> None:
        counts = counts_in(chunk)
        if counts is not None:
            self._counts = larger(counts, self._counts)
            self._counts_are_final = self.finished

    def _hold(self, chunk: dict[str, Any], weight: int) -> bytes:
        """Keep the newest chunk back from the first finishing one on; what was kept before goes out."""
        if not chunk.get("choices") and not self._request.include_usage:
            return b""
        released = b"" if self._held is None else _event(self._held)
        self._held, self._held_weight = self._ours(chunk), weight
        return released

    def _renamed(self, event: bytes, chunk: dict[str, Any]) -> bytes:
        """The upstream's own bytes where they show nothing but ours, or need one cut; else written again."""
        model, strip_usage = chunk.get("model"), "usage" in chunk and not self._request.include_usage
        if model == self._upstream_model and model != self._slug and self._theirs in event:
            event, model = event.replace(self._theirs, self._named, 1), self._slug
        if strip_usage and b',"usage":null' in event:
            event, strip_usage = event.replace(b',"usage":null', b"", 1), False
        if strip_usage or not event or b"\n" in event or (model is not None and model != self._slug):
            return _event(self._ours(chunk))
        return event + b"\n\n"

    def _ours(self, chunk: dict[str, Any]) -> dict[str, Any]:
        if not self._request.include_usage:
            chunk.pop("usage", None)
        if "model" in chunk:
            chunk["model"] = self._slug
        return chunk

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        """What was delivered until now, and whether that is our estimate.

        A stream that did not come `to_its_end` is charged at least what was handed on; counts that came when all
        was said are those of the whole all the same.
        """
        if to_its_end or self._counts_are_final:
            return self._request.metered(self._counts, self._weight, lambda: self._files.weight)
        return self._request.metered(self._counts, self._weight - self._held_weight, to_its_end=False)

    @property
    def says_something(self) -> bool:
        """Whether any text, reasoning, image or call came, or the answer has ended without."""
        return self._weight > 0 or bool(self._finished_choices)

    @property
    def unfinished_event_bytes(self) -> int:
        """How much of an event has come that has not ended."""
        return self._buffer.size_bytes

    def closing(self, credits_consumed: int | float) -> bytes:
        """The last data chunk, with the price, and the end mark."""
        last: dict[str, Any] = {"object": "chat.completion.chunk", "model": self._slug, "choices": []}
        if self._held is not None:
            last = self._held
        last["credits_consumed"] = credits_consumed
        return _event(last) + DONE


def counts_in(values: dict[str, Any]) -> Units | None:
    """What an answer or a chunk reports, wherever in it servers put that."""
    usage = values.get("usage")
    if usage is None and "x_groq" in values:
        usage = values["x_groq"].get("usage") if isinstance(values["x_groq"], dict) else None
    counts = None if usage is None else read_counts(usage)
    if counts is None:
        choices = values.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            told = read_counts(choice.get("usage")) if isinstance(choice, dict) else None
            counts = counts if told is None else larger(told, counts)
    return counts


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + write_json(chunk) + b"\n\n"


def _check_depth(payload: bytes, chunk: dict[str, Any]) -> None:
    if payload.count(b"[") + payload.count(b"{") > MAX_DEPTH:
        try:
            check_depth(chunk)
        except UnreadableJson as error:
            raise MalformedAnswer(str(error)) from None


def _raise_error_without_choices(chunk: dict[str, Any], name: bytes) -> None:
    """Raises UpstreamStreamError for the ways of telling an error that do without the key `error`."""
    if name == b"error" or chunk.get("type") == "error":
        raise UpstreamStreamError
    try:
        raise_for_error_body(chunk)
    except (AnswerRefused, UpstreamFault):
        raise UpstreamStreamError from None

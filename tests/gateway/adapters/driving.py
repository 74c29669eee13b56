"""Runs an adapter by hand: its calls are kept, and recorded answers are given back to it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import orjson

from gateway.adapters.protocol import Adapter, Answer, Received, UpstreamCall, Wait
from usage.ledger.rates import Rate

RATE = Rate.of(0, "test", 0, ())


@dataclass(frozen=True)
class Route:
    """A route as adapters see it."""

    options: Mapping[str, Any] = field(default_factory=dict)
    model: str = "ours"
    upstream_model: str = "theirs"
    rate: Rate = RATE
    max_output_tokens: int | None = 100
    max_image_tokens: int = 2000


@dataclass(frozen=True)
class MemoryUpload:
    """An upload that was received whole."""

    content: bytes
    content_type: str = "audio/wav"
    file_name: str = "file.bin"

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def read(self) -> bytes:
        return self.content

    def reader(self) -> BinaryIO:
        return io.BytesIO(self.content)


def as_json(value: Any, **headers: str) -> Received:
    """A JSON answer; underscores in header names stand for dashes."""
    named = {name.replace("_", "-"): content for name, content in headers.items()}
    return Received("application/json", named, orjson.dumps(value))


def as_text(text: str, content_type: str = "text/html") -> Received:
    return Received(content_type, {}, text.encode())


def as_audio(content_type: str = "audio/wav") -> Received:
    """A streamed answer: nothing of its body is read."""
    return Received(content_type, {}, b"")


class WantsMore(Exception):
    """The adapter asks for more answers than there are."""


def drive(
    adapter: Adapter, request: Any, *answers: Received, route: Route | None = None
) -> tuple[Answer, list[UpstreamCall], list[float]]:
    """The adapter's answer to these upstream answers, what it sent, and how long it waited each time.

    Raises WantsMore where there are too few answers; fails where there are too many.
    """
    running = adapter.steps(request, route or Route())
    calls: list[UpstreamCall] = []
    waits: list[float] = []
    left = list(answers)
    try:
        step = next(running)
        while True:
            if isinstance(step, Wait):
                waits.append(step.seconds)
                step = running.send(Received("", {}, b""))
            else:
                calls.append(step)
                if not left:
                    raise WantsMore
                step = running.send(left.pop(0))
    except StopIteration as stop:
        assert not left, "the adapter did not ask for every answer"
        return stop.value, calls, waits

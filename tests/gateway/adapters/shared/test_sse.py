"""Events are the same however their bytes arrive, and a long one is neither copied often nor kept without limit."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.shared import sse
from gateway.adapters.shared.sse import EventBuffer, EventTooLong, fields_of

# The workbench's reader in the browser is held to the same: tests/javascript/sse.test.mjs.
STREAMS = json.loads((Path(__file__).parents[3] / "event_streams.json").read_text("utf-8"))
EXAMPLES = [
    pytest.param(
        stream["text"].encode(),
        [(name.encode(), data.encode()) for name, data in stream["events"]],
        id=stream["what"],
    )
    for stream in STREAMS
]


def read(pieces: list[bytes]) -> list[tuple[bytes, bytes]]:
    buffer = EventBuffer()
    events = [event for piece in pieces for event in buffer.take(piece)] + buffer.take_rest()
    # Empty lines beyond the one that ends an event end nothing.
    return [tuple(fields_of(event)) for event in events if event.strip(b"\n")]


@pytest.mark.parametrize(("stream", "events"), EXAMPLES)
def test_events_are_read_as_the_standard_says(stream: bytes, events: list[tuple[bytes, bytes]]) -> None:
    assert read([stream]) == events


@pytest.mark.parametrize(("stream", "events"), EXAMPLES)
@given(data=st.data())
def test_however_the_bytes_arrive(
    data: st.DataObject, stream: bytes, events: list[tuple[bytes, bytes]]
) -> None:
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=40).map(sorted))
    edges = [0, *places, len(stream)]
    assert read([stream[start:end] for start, end in itertools.pairwise(edges)]) == events


@pytest.mark.parametrize(("stream", "events"), EXAMPLES)
def test_byte_by_byte(stream: bytes, events: list[tuple[bytes, bytes]]) -> None:
    assert read([stream[place : place + 1] for place in range(len(stream))]) == events


def test_an_event_is_there_as_soon_as_its_line_has_ended_twice() -> None:
    buffer = EventBuffer()
    assert buffer.take(b"data: a\r") == []
    assert buffer.take(b"\r") == [b"data: a"]
    assert buffer.take(b"\n") == []
    assert buffer.take(b"data: b\n\n") == [b"data: b"]


def test_a_long_event_is_joined_once() -> None:
    buffer = EventBuffer()
    buffer.take(b"data: ")
    for _ in range(20_000):
        assert buffer.take(b"x" * 1_000) == []
    assert len(buffer._pieces) == 20_001
    [event] = buffer.take(b"\n\n")
    assert len(event) == 6 + 20_000_000
    assert buffer.size_bytes == 0


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 99, b": ping\n", b"data: {}\n", b"\r" + b"x" * 10])
def test_an_event_without_end_is_not_kept_without_limit(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10_000)
    buffer = EventBuffer()
    with pytest.raises(EventTooLong):
        for _ in range(10_000):
            buffer.take(piece)
    assert buffer.size_bytes <= 10_000 + len(piece)

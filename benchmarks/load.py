"""The load generator: a process that carries out one job after the other and reports what it measured.

A job is a JSON line, `{"kind": "calls" | "streams" | "held_streams", "port", "path", "headers", …}`; see the
functions for what else each takes.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

import orjson
import uvloop

from benchmarks.children import next_job, report
from benchmarks.client import Connection, Tally, Target, connect
from benchmarks.upstream import ANSWER_TEXT, MODEL, stream_text

PATIENCE_S = 60.0


def main() -> None:
    """Carry out jobs until the parent is gone."""
    kinds = {"calls": _calls, "streams": _streams, "held_streams": _held_streams}
    while (job := next_job()) is not None:
        report(uvloop.run(kinds[job["kind"]](job)))


async def _calls(job: dict[str, Any]) -> dict[str, Any]:
    """`in_flight` connections, each with one call under way, for `seconds`."""
    tally = Tally()
    ends_at = time.perf_counter() + 3600

    def goes_on() -> bool:
        return time.perf_counter() < ends_at

    connections = await connect(job["in_flight"], _target(job, stream=None), tally, goes_on)
    started = time.perf_counter()
    ends_at = started + job["seconds"]
    await _carry_out(connections, tally)
    if tally.sample is not None:
        _check_answer(tally)
    # What was under way at the end is waited for, since it is charged, but belongs to no second.
    counted = sum(1 for moment in tally.ended_at if moment <= ends_at)
    return {"rate": counted / job["seconds"], **_summary(tally)}


async def _streams(job: dict[str, Any]) -> dict[str, Any]:
    """`in_flight` streams begun at once; the rate is theirs until the last one ended."""
    tally = Tally()
    connections = await connect(job["in_flight"], _target(job, stream=job), tally, lambda: False)
    started = time.perf_counter()
    await _carry_out(connections, tally)
    if tally.sample is not None:
        _check_stream(tally, job["chunks"])
    seconds = max(tally.ended_at, default=started + PATIENCE_S) - started
    return {"rate": len(tally.ended_at) / seconds, **_summary(tally)}


async def _held_streams(job: dict[str, Any]) -> dict[str, Any]:
    """As `_streams`, and reports `{"open": N}` at the moment when every stream has its first byte."""
    tally = Tally()
    begun = 0

    def on_first_byte() -> None:
        nonlocal begun
        begun += 1
        if begun == job["in_flight"]:
            report({"open": begun - len(tally.ended_at)})

    connections = await connect(
        job["in_flight"], _target(job, stream=job), tally, lambda: False, on_first_byte
    )
    await _carry_out(connections, tally)
    if begun < job["in_flight"]:
        report({"open": begun})
    if tally.sample is not None:
        _check_stream(tally, job["chunks"])
    return _summary(tally)


async def _carry_out(connections: list[Connection], tally: Tally) -> None:
    for connection in connections:
        connection.send()
    await asyncio.wait([connection.ended for connection in connections], timeout=PATIENCE_S)
    for connection in connections:
        connection.give_up(f"no end within {PATIENCE_S:g} s")


def _target(job: dict[str, Any], stream: dict[str, Any] | None) -> Target:
    """A request of usual size; `stream` shapes what the upstream sends."""
    question = "Which season do people in Seoul like best, and what should I pack for a week there?"
    if stream is not None:
        question += f" bench:chunks={stream['chunks']},gap_ms={stream['gap_ms']}"
    body = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are a friendly guide. Answer in two or three sentences."},
            {"role": "user", "content": question},
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    }
    if stream is not None:
        # Asked for by the caller, so that the relay's upstream sends it as well.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Target.post(job["port"], job["path"], job["headers"], orjson.dumps(body))


def _check_answer(tally: Tally) -> None:
    assert tally.sample is not None
    answer = orjson.loads(tally.sample)
    if answer["choices"][0]["message"]["content"] != ANSWER_TEXT or not answer["usage"]["total_tokens"]:
        tally.note_error(f"not the upstream's answer: {tally.sample[:300]!r}")


def _check_stream(tally: Tally, chunks: int) -> None:
    assert tally.sample is not None
    events = [event[6:] for event in tally.sample.split(b"\n\n") if event]
    text, usage = "", None
    for event in events[:-1]:
        chunk = orjson.loads(event)
        usage = chunk.get("usage") or usage
        text += "".join([choice["delta"].get("content") or "" for choice in chunk["choices"]])
    if events[-1] != b"[DONE]" or text != stream_text(chunks) or usage is None:
        tally.note_error(f"not the upstream's stream: {tally.sample[-600:]!r}")


def _summary(tally: Tally) -> dict[str, Any]:
    return {
        "answered": len(tally.ended_at),
        "errors": tally.errors,
        "shown_errors": tally.shown_errors,
        "reads": tally.reads,
        "p50_ms": quantile(tally.latencies_s, 0.5) * 1000,
        "p99_ms": quantile(tally.latencies_s, 0.99) * 1000,
        "first_byte_p50_ms": quantile(tally.first_bytes_s, 0.5) * 1000,
        "first_byte_p99_ms": quantile(tally.first_bytes_s, 0.99) * 1000,
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


if __name__ == "__main__":
    main()

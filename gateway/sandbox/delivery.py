"""How an answer reaches the client: its timing and its faults, the same for every protocol."""

from __future__ import annotations

import asyncio

import orjson

from gateway.sandbox.exchange import Exchange, response_headers
from gateway.sandbox.gates import is_open
from gateway.sandbox.magic import Magic
from gateway.sandbox.wire import Answer, Call, Event, EventStream, Later, Reply, Route, json_reply

DRIBBLE_BYTES = 7
GATE_LOOK_S = 0.01
SSE_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
_COMMENTS = b": sandbox\n\n" * 1000
_HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


async def deliver(exchange: Exchange, route: Route, call: Call) -> None:
    """Answer `call` over `exchange`, doing what its magic inputs ask for."""
    magic = call.magic
    if not magic:
        answer = route.handler(call)
        if type(answer) is Reply:
            await exchange.respond(answer)
        else:
            await _send(exchange, route, answer, magic)
        return
    await _before_answer(exchange, magic)
    answer = _instead_of_answer(route, magic) or route.handler(call)
    await _send(exchange, route, answer, magic)


async def _before_answer(exchange: Exchange, magic: Magic) -> None:
    """The faults that come before any byte, and the wait before them."""
    exchange.watch()
    delay_s = magic.seconds("delay_ms")
    if delay_s > 0:
        await exchange.pause(delay_s)
    while "until" in magic and not is_open(magic["until"]):
        await exchange.pause(GATE_LOOK_S, "waiting")
    if "reset" in magic:
        await exchange.break_off(hard=True)
    if "hang" in magic:
        await exchange.hang()
    if "reset_after" in magic:
        exchange.break_after = magic.integer("reset_after", 0)
        exchange.break_hard = "hard" in magic


def _instead_of_answer(route: Route, magic: Magic) -> Reply | None:
    """The reply of a fault that takes the answer's place, if one is asked for."""
    if "status" in magic:
        status = magic.integer("status", 500)
        reply = json_reply(route.dialect(status, f"sandbox: {status} as asked"), status)
        if "retry_after" in magic:
            reply.headers.append((b"retry-after", magic["retry_after"].encode("latin-1", "replace")))
        return reply
    if "error_in_200" in magic:
        return json_reply(route.dialect(magic.integer("error_in_200", 500), "sandbox: error in a 200"))
    if "wrong_type" in magic:
        return Reply(_HTML, content_type=b"text/html; charset=utf-8")
    return None


async def _send(exchange: Exchange, route: Route, answer: Answer, magic: Magic) -> None:
    if isinstance(answer, Later):
        await exchange.pause(answer.wait_s)
        answer = answer.make()
    if "empty" in magic:
        answer = (
            EventStream(())
            if isinstance(answer, EventStream)
            else Reply(b"", content_type=answer.content_type)
        )
    if isinstance(answer, EventStream):
        await _send_stream(exchange, route, answer, magic)
        return
    if "first_token_ms" in magic:
        await exchange.pause(magic.seconds("first_token_ms"))
    if "malformed" in magic:
        is_json = answer.content_type.startswith(b"application/json")
        answer.body = answer.body[: len(answer.body) // 2] if is_json else b"\x00sandbox garbage\x00" * 4
        answer.text = None
    if exchange.break_after is not None and exchange.break_after >= len(answer.body):
        # The client would have it all, told by its length: there is nothing left to break.
        exchange.break_after = None
    if "dribble" not in magic and exchange.break_after is None:
        await exchange.respond(answer)
        return
    await exchange.start(answer.status, response_headers(answer, exchange.entry.id))
    exchange.entry.phase = "streaming"
    await _write(exchange, answer.body, magic)
    if answer.text is not None:
        exchange.entry.texts.append(answer.text)
    await exchange.end()


async def _send_stream(exchange: Exchange, route: Route, stream: EventStream, magic: Magic) -> None:
    """Send events one by one, each at its time, noticing between any two that the client has left."""
    exchange.watch()
    await exchange.start(200, SSE_HEADERS)
    exchange.entry.phase = "streaming"
    if "first_token_ms" in magic:
        await exchange.pause(magic.seconds("first_token_ms"), "waiting")
    for _ in range(magic.integer("comments", 0) // len(_COMMENTS)):
        await exchange.write(_COMMENTS)
    gap_s = magic.seconds("gap_ms")
    error_after = magic.integer("stream_error", 0) if "stream_error" in magic else None
    hang_after = magic.integer("hang_after", 0) if "hang_after" in magic else None
    broken = magic.integer("malformed_chunk", 2) if "malformed_chunk" in magic or "malformed" in magic else 0
    for sent, event in enumerate(stream.events):
        if sent == hang_after:
            await exchange.hang()
        if sent == error_after:
            error = orjson.dumps(route.dialect(500, "sandbox: error in the stream"))
            await exchange.write_event(Event(b"data: " + error + b"\n\n"))
            break
        if event.is_done and "no_done" in magic:
            break
        if sent and gap_s > 0:
            await exchange.pause(gap_s, "streaming")
        else:
            # Without a gap the loop would never turn, and a departure would go unnoticed to the end.
            await asyncio.sleep(0)
        if sent + 1 == broken:
            event = Event(_broken(event.data))
        if "dribble" in magic:
            await _write(exchange, event.data, magic)
            exchange.entry.keep_event(event.data, event.text)
        else:
            await exchange.write_event(event)
    if exchange.break_after is not None:
        # Asked to break at or beyond the last byte: a stream is still broken where its end is never told.
        await exchange.break_off(exchange.break_hard)
    await exchange.end()


def _broken(event: bytes) -> bytes:
    """The event with half of its JSON."""
    start = event.index(b"data: ") + 6
    return event[: (start + len(event)) // 2] + b"\n\n"


async def _write(exchange: Exchange, body: bytes, magic: Magic) -> None:
    if "dribble" not in magic:
        await exchange.write(body)
        return
    pause_s = magic.number("dribble", 1.0) / 1000.0
    for start in range(0, len(body), DRIBBLE_BYTES):
        await exchange.write(body[start : start + DRIBBLE_BYTES])
        await exchange.pause(pause_s, "streaming")

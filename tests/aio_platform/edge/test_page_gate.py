"""What stands before Django: bodies are bounded and timed, few requests run at once, slow readers hold none of it."""

import asyncio
import json
from typing import Any

import pytest

from aio_platform.edge.page_gate import PageGate
from aio_platform.edge.page_slots import PageSlots
from aio_platform.errors import ServiceUnavailable


class Page:
    """An application that reads its body and answers with its size, once it may."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.running = 0
        self.most = 0
        self.go = asyncio.Event()
        self.go.set()
        self.answer = b"fine"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            message = await receive()
            assert not message["more_body"]
            self.bodies.append(message["body"])
            await self.go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for start in range(0, len(self.answer), 65_536):
                part = self.answer[start : start + 65_536]
                more = start + 65_536 < len(self.answer)
                await send({"type": "http.response.body", "body": part, "more_body": more})
        finally:
            self.running -= 1


class Caller:
    """One request's other end."""

    def __init__(self, *parts: bytes, host: str = "10.0.0.1", length: int | None = None) -> None:
        self.parts = list(parts)
        self.sent: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        headers = [] if length is None else [(b"content-length", b"%d" % length)]
        self.scope = {"type": "http", "path": "/auth/login/", "headers": headers, "client": (host, 1)}

    async def receive(self) -> dict[str, Any]:
        if not self.parts:
            await asyncio.sleep(3600)
        body = self.parts.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.parts) or body == b"stuck"}

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


async def test_a_body_beyond_the_limit_is_413_and_no_page_runs(settings: Any) -> None:
    settings.MAX_PAGE_BODY_BYTES = 100
    page = Page()
    gate = PageGate(page)
    announced = Caller(b"x" * 101, length=101)
    await gate(announced.scope, announced.receive, announced.send)
    assert len(announced.parts) == 1  # not a byte of it was read
    chunked = Caller(b"x" * 60, b"x" * 60, b"x" * 60)
    await gate(chunked.scope, chunked.receive, chunked.send)
    assert len(chunked.parts) == 1
    assert (announced.status, chunked.status, page.bodies) == (413, 413, [])
    assert "100 bytes" in json.loads(announced.body)["error"]
    assert gate._bodies.taken == 0


async def test_a_body_that_does_not_come_is_408(settings: Any) -> None:
    settings.BODY_TIME_LIMIT_S = 0.05
    gate = PageGate(Page())
    caller = Caller(b"stuck")
    await gate(caller.scope, caller.receive, caller.send)
    assert caller.status == 408
    assert gate._bodies.taken == 0


async def test_bodies_have_a_total_and_a_part_for_each_address(settings: Any) -> None:
    settings.MAX_PAGE_BODIES_BYTES, settings.ADDRESS_SHARE_PERCENT = 200, 50
    page = Page()
    page.go.clear()
    gate = PageGate(page)
    first = Caller(b"x" * 90)
    running = asyncio.ensure_future(gate(first.scope, first.receive, first.send))
    while not page.running:
        await asyncio.sleep(0)
    same = Caller(b"x" * 90)
    await gate(same.scope, same.receive, same.send)
    assert same.status == 503
    other = Caller(b"x" * 90, host="10.0.0.2")
    page.go.set()
    await gate(other.scope, other.receive, other.send)
    await running
    assert (first.status, other.status) == (200, 200)
    assert gate._bodies.taken == 0


async def test_few_pages_run_at_once_and_an_address_has_half(settings: Any) -> None:
    settings.PAGE_CALLS_AT_ONCE = 4
    page = Page()
    page.go.clear()
    gate = PageGate(page)
    flood = [Caller(b"") for _ in range(20)]
    others = [Caller(b"", host="10.0.0.2") for _ in range(2)]
    running = [asyncio.ensure_future(gate(c.scope, c.receive, c.send)) for c in flood]
    while page.running < 2:
        await asyncio.sleep(0)
    running += [asyncio.ensure_future(gate(c.scope, c.receive, c.send)) for c in others]
    while page.running < 4:
        await asyncio.sleep(0)
    page.go.set()
    await asyncio.gather(*running)
    assert page.most == 4
    assert {caller.status for caller in (*flood, *others)} == {200}


async def test_who_waits_too_long_or_behind_too_many_is_told_to_come_again() -> None:
    slots = PageSlots(at_once=2, waiting=2, share=0.5, wait_s=0.05)
    first = await slots.take("10.0.0.1")
    with pytest.raises(ServiceUnavailable):
        await slots.take("10.0.0.1")
    waiting = asyncio.ensure_future(slots.take("10.0.0.1"))
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await slots.take("10.0.0.1")
    first()
    first()
    (await waiting)()
    assert slots._active.taken == slots._waiting.taken == 0


async def test_who_leaves_the_line_leaves_no_trace() -> None:
    slots = PageSlots(at_once=1, waiting=4, share=1.0, wait_s=60)
    give_back = await slots.take("a")
    left = asyncio.ensure_future(slots.take("a"))
    stays = asyncio.ensure_future(slots.take("b"))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.sleep(0)
    give_back()
    (await stays)()
    # One that is called and cancelled in the same turn gives its slot on.
    give_back = await slots.take("a")
    called = asyncio.ensure_future(slots.take("a"))
    await asyncio.sleep(0)
    give_back()
    called.cancel()
    with pytest.raises(asyncio.CancelledError):
        await called
    assert slots._active.taken == slots._waiting.taken == 0


async def test_a_slow_reader_holds_no_slot(settings: Any) -> None:
    settings.PAGE_CALLS_AT_ONCE = 1
    page = Page()
    page.answer = b"x" * 500_000
    gate = PageGate(page)
    slow = Caller(b"")
    slow.reads.clear()
    sending = asyncio.ensure_future(gate(slow.scope, slow.receive, slow.send))
    quick = Caller(b"")
    await gate(quick.scope, quick.receive, quick.send)
    assert quick.body == page.answer
    slow.reads.set()
    await sending
    assert slow.body == page.answer
    assert len(slow.sent) == 2  # head and body, in one write


async def test_a_large_answer_goes_out_as_it_is_taken(settings: Any) -> None:
    settings.PAGE_CALLS_AT_ONCE = 1
    page = Page()
    page.answer = bytes(range(256)) * 20_000
    gate = PageGate(page)
    caller = Caller(b"")
    await gate(caller.scope, caller.receive, caller.send)
    assert caller.body == page.answer
    assert len(caller.sent) > 10


async def test_an_application_that_fails_sends_nothing_of_its_answer() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError

    gate = PageGate(failing)
    caller = Caller(b"")
    with pytest.raises(RuntimeError):
        await gate(caller.scope, caller.receive, caller.send)
    assert caller.sent == []
    assert gate._slots._active.taken == 0

"""A real upstream on loopback, what it says, and an account whose calls are carried to it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from aio_platform.db import database
from gateway.catalog.routes import Route, Upstream
from usage.ledger.calls import Credentials
from usage.ledger.rates import Rate

CREDIT = 1_000_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalUpstream:
    """An aiohttp server that answers as the test's `handler` says, and knows who broke off."""

    def __init__(self) -> None:
        self.handler: Handler = self.fine
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.broken_off = asyncio.Event()
        self.url = ""

    async def fine(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True})

    async def hang(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        try:
            return await self.handler(request)
        except asyncio.CancelledError:
            self.broken_off.set()
            raise


async def serving(upstream: LocalUpstream) -> web.AppRunner:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", upstream.answer)
    # Handlers are cancelled when their client goes: that is how a test sees a broken connection.
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


FREE = Rate.of(0, "free", 1, ())


def route_to(base_url: str, name: str = "first", rate: Rate = FREE, **upstream: Any) -> Route:
    return Route(
        name=f"small on {name}",
        endpoint="chat",
        model="small",
        upstream=Upstream(name, base_url, **upstream),
        adapter="openai_chat",
        upstream_model="upstream/small",
        rate=rate,
        max_output_tokens=100,
    )


@dataclass
class Tenant:
    """A committed account with ten credits, its key, and the rate its calls are priced at."""

    account_id: int
    caller: Credentials
    key: str
    rate: Rate

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Read the books over a connection of our own; `%s` is the account."""
        with database.connect("aio test books") as line:
            cursor = line.execute(sql.encode(), [self.account_id])
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def outcomes(self) -> list[dict[str, Any]]:
        """The usage events of the account, oldest first."""
        return self.rows("SELECT * FROM usage_event WHERE account_id = %s ORDER BY settled_at, request_id")

    def balance(self) -> tuple[int, int]:
        [row] = self.rows(
            "SELECT available_microcredits AS a, held_microcredits AS h FROM usage_balance WHERE account_id = %s"
        )
        return row["a"], row["h"]

    async def settled_balance(self) -> int:
        """What is available once nothing is held; fails when something stays held."""
        give_up_at = time.monotonic() + 30
        while True:
            available, held = self.balance()
            if held == 0:
                assert self.rows("SELECT 1 FROM usage_hold WHERE account_id = %s") == []
                return available
            assert time.monotonic() < give_up_at, f"{held} micro-credits stay held"
            await asyncio.sleep(0.01)


def completion(content: str = "Hello there", **fields: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": "upstream/small",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
        **fields,
    }


def stream_events(*texts: str, usage: bool = True, done: bool = True) -> list[bytes]:
    """The events of a streamed completion that says these texts."""
    chunks: list[dict[str, Any]] = [
        {"model": "upstream/small", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts
    ]
    chunks.append(
        {"model": "upstream/small", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    )
    if usage:
        chunks.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}})
    events = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return [*events, b"data: [DONE]\n\n"] if done else events

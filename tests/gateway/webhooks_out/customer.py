"""A customer: an endpoint that answers as a test says, tasks that end, and a clock of deliveries to advance."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from aiohttp import web
from django.db import connection
from standardwebhooks import Webhook

from aio_platform.db import database
from gateway.webhooks_out import worker

Found = TypeVar("Found")


class Received(NamedTuple):
    """One request to the endpoint, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]

    def verified_with(self, secret: str) -> Any:
        """What the standardwebhooks package says of it: the event, or WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


class Endpoint:
    """Answers `status`, or what `answer` makes of a request."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.text = ""
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def acknowledged(self) -> list[str]:
        """The ids of the events that it said it has."""
        return [one.event_id for one in self.received if 200 <= one.status < 300]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        status = self.status
        self.received.append(Received(request.path, headers, body, status))
        if self.answer is not None:
            return await self.answer(request)
        return web.Response(status=status, text=self.text, headers=self.headers)

    async def start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        return runner

    async def has(self, number: int) -> list[Received]:
        """What it received, once that is so much."""
        await eventually(lambda: len(self.received) >= number)
        return self.received


class WebhookLab:
    """The deliveries of the database, read and moved over a connection of the test's own."""

    def sql(self, text: str, *parameters: Any) -> list[dict[str, Any]]:
        with database.connect("aio callback tests") as line:
            cursor = line.execute(text.encode(), parameters)
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def end_task(self, account_id: int, callback_url: str | None = None, state: str = "succeeded") -> str:
        """A task that has just ended, with its event, as gateway_finish_tasks_v2 writes them; its id."""
        task_id = f"n1x{uuid4().hex[:15]}_small"
        succeeded = state == "succeeded"
        self.sql(
            """
            WITH task AS (
                INSERT INTO gateway_task (account_id, id, request_uuid, endpoint, model, route, adapter, upstream,
                    rate_id, request, parameters, units, marker, callback_url, state, results, error_message,
                    consumed_microcredits, created_at, deadline_at, ended_at)
                VALUES (%s, %s, %s, 'image_task', 'small', 'r', 'lab', 'lab', 1,
                    '{"model": "small", "prompt": "고양이"}', '{}', '{}', %s, %s, %s, %s, %s, %s, now(), now(), now())
            )
            INSERT INTO gateway_task_event (account_id, task_id, type, created_at) VALUES (%s, %s, %s, now())
            """,
            account_id,
            task_id,
            uuid4(),
            uuid4().hex,
            callback_url,
            state,
            '["https://cdn.example/cat.png"]' if succeeded else None,
            None if succeeded else "The generation failed. Nothing was charged.",
            2_500_000 if succeeded else 0,
            account_id,
            task_id,
            "task.succeeded" if succeeded else "task.failed",
        )
        return task_id

    def deliveries(self, task_id: str) -> list[dict[str, Any]]:
        return self.sql(
            "SELECT * FROM gateway_callback_delivery WHERE task_id = %s ORDER BY target DESC", task_id
        )

    def delivery(self, task_id: str) -> dict[str, Any]:
        [delivery] = self.deliveries(task_id)
        return delivery

    def attempts(self, task_id: str) -> list[dict[str, Any]]:
        return self.sql(
            "SELECT a.* FROM gateway_callback_attempt a JOIN gateway_callback_delivery d"
            " ON d.account_id = a.account_id AND d.id = a.delivery_id WHERE d.task_id = %s ORDER BY number",
            task_id,
        )

    def wait_left_s(self, task_id: str) -> float:
        """Until the next attempt."""
        [row] = self.sql(
            "SELECT extract(epoch FROM due_at - now())::float8 AS s FROM gateway_callback_delivery WHERE task_id = %s",
            task_id,
        )
        return float(row["s"])

    def advance(self, seconds: float) -> None:
        """Let that much time pass for every delivery that waits."""
        self.sql("UPDATE gateway_callback_delivery SET due_at = due_at - %s * interval '1 second'", seconds)

    async def until(self, task_id: str, state: str) -> dict[str, Any]:
        """The task's one delivery, once it is in that state."""
        await eventually(lambda: self.delivery(task_id)["state"] == state)
        return self.delivery(task_id)

    async def until_attempted(self, task_id: str, number: int) -> dict[str, Any]:
        """Its attempt of that number, once it has ended."""

        def ended() -> bool:
            attempts = self.attempts(task_id)
            return len(attempts) >= number and attempts[number - 1]["duration_ms"] is not None

        await eventually(ended)
        return self.attempts(task_id)[number - 1]


class Workers:
    """Callback workers, as `manage.py work` runs them."""

    def __init__(self) -> None:
        self._running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    def start(self) -> None:
        stop = asyncio.Event()
        self._running.append((stop, asyncio.create_task(worker.run(stop))))

    async def stop(self) -> None:
        running, self._running = self._running, []
        for stop, _ in running:
            stop.set()
        await asyncio.gather(*[task for _, task in running])


async def beside(function: Callable[..., Found], *arguments: Any) -> Found:
    """Run what Django allows in no event loop, in a thread that leaves no connection behind."""

    def run() -> Found:
        try:
            return function(*arguments)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


async def eventually(look: Callable[[], Found], within_s: float = 180.0) -> Found:
    """What `look` finds once that is true."""
    give_up_at = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < give_up_at, "it did not come about"
        await asyncio.sleep(0.02)
    return found

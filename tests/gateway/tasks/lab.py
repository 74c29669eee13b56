"""A laboratory for tasks: a real upstream that does as told, an adapter that speaks with it, and a worker on both."""

import asyncio
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from aio_platform.db import database
from aio_platform.http.request_ids import new_request_uuid
from gateway.adapters.protocol import AdapterRoute, AnswerRefused, Received, UpstreamCall, UpstreamFault
from gateway.adapters.tasks.protocol import (
    ForgedWebhook,
    NotTaken,
    NotWelcome,
    Polled,
    Progress,
    Submitted,
    TaskRequest,
)
from gateway.catalog.routes import Catalog, ModelInfo, Route, Upstream
from gateway.tasks.ids import new_task_id
from gateway.tasks.records import ClaimedTask, TaskKey, TaskToOpen
from gateway.tasks.store import TaskStore
from gateway.tasks.worker import TaskWorker
from gateway.upstreams.client import Upstreams
from tests.gateway.local_upstream import LocalUpstream, Tenant, serving
from usage.ledger import rate_card
from usage.ledger.calls import ADMITTED, CallToAuthorize
from usage.ledger.rates import Price, Rate
from usage.ledger.units import Units

DAY_S = 86_400
ONE_IMAGE = Units(images=1)


class LabAdapter:
    """`POST /tasks {marker, say}` → `{id}`; `GET /tasks/ID` → what the test put there; `GET /lost?marker=`."""

    def __init__(self, *, finds: bool = False, cancels: bool = True) -> None:
        self.finds = finds
        self.cancels = cancels

    def submit(
        self, request: TaskRequest, route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, Submitted]:
        received = yield UpstreamCall("/tasks", json={"marker": request.marker, **request.parameters})
        values = received.json()
        if "refused" in values:
            raise AnswerRefused("no")
        if "faulty" in values:
            raise UpstreamFault("oh")
        if "busy" in values:
            raise NotTaken("later")
        if "unwelcome" in values:
            raise NotWelcome(values["unwelcome"])
        return Submitted({"id": values["id"]}, poll_after_s=0.05)

    def find(
        self, request: TaskRequest, route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, Submitted | None] | None:
        return self._find(request.marker) if self.finds else None

    def _find(self, marker: str) -> Generator[UpstreamCall, Received, Submitted | None]:
        received = yield UpstreamCall("/lost", method="GET", query={"marker": marker})
        found = received.json()["id"]
        return None if found is None else Submitted({"id": found}, poll_after_s=0.05)

    def poll(
        self, reference: Mapping[str, Any], route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, Polled]:
        received = yield UpstreamCall(f"/tasks/{reference['id']}", method="GET")
        values = received.json()
        units = Units(**values["units"]) if "units" in values else None
        return Polled(Progress(values["progress"]), values.get("results", []), values.get("error"), units)

    def cancel(
        self, reference: Mapping[str, Any], route: AdapterRoute
    ) -> Generator[UpstreamCall, Received, None] | None:
        return self._cancel(reference) if self.cancels else None

    def _cancel(self, reference: Mapping[str, Any]) -> Generator[UpstreamCall, Received, None]:
        yield UpstreamCall(f"/tasks/{reference['id']}/cancel", json={})

    def webhook_reference(self, headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
        raise ForgedWebhook


@dataclass
class LabUpstream:
    """What the upstream has, and what it does next. `answers` are given to polls before `then`."""

    local: LocalUpstream = field(default_factory=LocalUpstream)
    tasks: dict[str, str] = field(default_factory=dict)
    polls: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    on_submit: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    then: dict[str, Any] = field(
        default_factory=lambda: {"progress": "succeeded", "results": ["https://files.test/1.png"]}
    )
    ids_differ: bool = True

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/lost":
            found = [key for key, marker in self.tasks.items() if marker == request.query["marker"]]
            return web.json_response({"id": found[0] if found else None})
        if request.path == "/tasks":
            return await self._submitted(await request.json())
        if request.path.endswith("/cancel"):
            self.cancelled.append(request.path.split("/")[2])
            return web.json_response({})
        self.polls.append(request.path.split("/")[2])
        return await _played(self.answers.pop(0) if self.answers else self.then)

    async def _submitted(self, body: dict[str, Any]) -> web.StreamResponse:
        step = self.on_submit.pop(0) if self.on_submit else None
        if isinstance(step, tuple) and step[0] == "take, then":
            self._take(body["marker"])
            return await _played(step[1])
        if step is not None:
            return await _played(step)
        return web.json_response({"id": self._take(body["marker"])})

    def _take(self, marker: str) -> str:
        key = f"job-{len(self.tasks) if self.ids_differ else 0}"
        self.tasks[key if self.ids_differ else f"{key}/{len(self.tasks)}"] = marker
        return key


async def _played(step: Any) -> web.StreamResponse:
    """A status, a JSON body, seconds to sleep, or a connection broken off."""
    if step == "break":
        raise web.HTTPBadGateway(text="broken")
    if isinstance(step, float):
        await asyncio.sleep(step)
        return web.json_response({"id": "late"})
    if isinstance(step, int):
        return web.Response(status=step, headers={"Retry-After": "1"} if step in (429, 503) else {})
    if isinstance(step, str):
        return web.Response(text=step, content_type="application/json")
    return web.json_response(step)


class LabCatalog:
    """What a worker follows, with a route to the laboratory for every upstream named."""

    def __init__(self, upstreams: Mapping[str, str], rate: Rate) -> None:
        self.current = Catalog.of(
            1,
            [ModelInfo(f"model-{name}", 0, "lab", name, endpoints=("image_task",)) for name in upstreams],
            [lab_route(name, url, rate) for name, url in upstreams.items()],
            {},
        )


def lab_route(name: str, url: str, rate: Rate) -> Route:
    return Route(
        name=f"image_task/{name}",
        endpoint="image_task",
        model=f"model-{name}",
        upstream=Upstream(name, url),
        adapter="lab",
        upstream_model=name,
        rate=rate,
    )


def rate_of(microcredits_per_image: int) -> Rate:
    return rate_card.publish("task-lab", (Price("images", microcredits_per_image, 1),))


class OpenedTask(NamedTuple):
    id: str
    key: TaskKey


async def open_task(
    store: TaskStore,
    tenant: Tenant,
    rate: Rate,
    *,
    upstream: str = "lab",
    deadline_s: int = 60,
    parameters: Mapping[str, Any] | None = None,
    callback_url: str | None = None,
    units: Units = ONE_IMAGE,
) -> OpenedTask:
    """A task that was admitted."""
    task = task_to_open(
        tenant, rate, upstream=upstream, deadline_s=deadline_s, parameters=parameters, callback_url=callback_url,
        units=units,
    )  # fmt: skip
    opened = await store.open(task)
    assert opened.verdict.name == ADMITTED, opened
    return OpenedTask(task.id, TaskKey(tenant.account_id, task.id))


def task_to_open(
    tenant: Tenant,
    rate: Rate,
    *,
    upstream: str = "lab",
    deadline_s: int = 60,
    parameters: Mapping[str, Any] | None = None,
    callback_url: str | None = None,
    units: Units = ONE_IMAGE,
) -> TaskToOpen:
    call = CallToAuthorize(
        new_request_uuid(),
        tenant.caller,
        "image_task",
        f"model-{upstream}",
        f"image_task/{upstream}",
        rate.id,
        rate.cost_microcredits(units),
        deadline_s + DAY_S,
    )
    return TaskToOpen(
        call,
        new_task_id(f"model-{upstream}"),
        "lab",
        upstream,
        {"model": f"model-{upstream}", "prompt": 'a "cat", {braces} and \\ 고양이'},
        parameters or {"prompt": "a cat"},
        units,
        callback_url,
        deadline_s,
    )


class Lab:
    """One upstream, one worker (more can be started), one account."""

    def __init__(self, tenant: Tenant, store: TaskStore, rate: Rate, upstreams: Upstreams) -> None:
        self.tenant, self.store, self.rate = tenant, store, rate
        self.upstream = LabUpstream()
        self.second = LabUpstream()
        self.adapter = LabAdapter()
        self._upstreams = upstreams
        self._runners: list[web.AppRunner] = []
        self._workers: list[tuple[asyncio.Event, asyncio.Task[None]]] = []
        self.kept: list[list[str]] = []

    async def start(self) -> None:
        for upstream in (self.upstream, self.second):
            upstream.local.handler = upstream.answer
            self._runners.append(await serving(upstream.local))
        self.catalog = LabCatalog(
            {"lab": self.upstream.local.url, "second": self.second.local.url}, self.rate
        )

    def work(self) -> None:
        """Start a worker."""
        stop = asyncio.Event()
        worker = TaskWorker(self.catalog, self._upstreams, {"lab": self.adapter}, self._keep)  # type: ignore[arg-type]
        self._workers.append((stop, asyncio.create_task(worker.run(stop))))

    async def stop_working(self) -> None:
        workers, self._workers = self._workers, []
        for stop, _ in workers:
            stop.set()
        await asyncio.gather(*[running for _, running in workers])

    async def stop(self) -> None:
        await self.stop_working()
        for runner in self._runners:
            await runner.cleanup()

    async def open(self, **fields: Any) -> OpenedTask:
        return await open_task(self.store, self.tenant, self.rate, **fields)

    def row(self, task: OpenedTask) -> dict[str, Any]:
        [row] = [
            row
            for row in self.tenant.rows("SELECT * FROM gateway_task WHERE account_id = %s")
            if row["id"] == task.id
        ]
        return row

    async def until(self, task: OpenedTask, *states: str, limit_s: float = 30.0) -> dict[str, Any]:
        """The task's row once it is in one of these states."""
        give_up_at = time.monotonic() + limit_s
        while True:
            row = self.row(task)
            if row["state"] in states:
                return row
            assert time.monotonic() < give_up_at, f"still {row['state']}"
            await asyncio.sleep(0.02)

    def pass_deadline(self, task: OpenedTask) -> None:
        """Time passes: its deadline is over."""
        with database.connect("aio test clock") as owner:
            for table, column in (("gateway_task", "id"), ("gateway_task_due", "task_id")):
                owner.execute(
                    f"UPDATE {table} SET deadline_at = now() - interval '1 ms' WHERE {column} = %s".encode(),
                    [task.id],
                )

    def admits(self, name: str) -> bool:
        """Whether that upstream is not left to rest."""
        url = {"lab": self.upstream, "second": self.second}[name].local.url
        return self._upstreams.health.wait_s(lab_route(name, url, self.rate), self.tenant.account_id) == 0

    async def _keep(self, task: ClaimedTask, urls: list[str]) -> list[str]:
        self.kept.append(urls)
        return urls

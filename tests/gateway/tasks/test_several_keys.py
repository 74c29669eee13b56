"""A task is polled and cancelled with the key that it was submitted with, whatever becomes of the others."""

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from gateway.catalog.routes import Catalog, ModelInfo, Upstream, UpstreamKey
from gateway.tasks.providers import KEY_NAME
from gateway.tasks.states import State
from tests.gateway.tasks.lab import Lab, OpenedTask, lab_route

RUNNING = {"progress": "running"}


class Keys:
    """The laboratory's upstream behind keys: which came for what, and which are turned away."""

    def __init__(self, lab: Lab, *names: str) -> None:
        self.lab = lab
        self.came: list[tuple[str, str]] = []
        self.turned_away: dict[str, int] = {}
        lab.upstream.local.handler = self.answer
        self.are(*names)

    def are(self, *names: str) -> None:
        """Put these keys into the catalog; one alone is written as one."""
        url = self.lab.upstream.local.url
        keys = tuple(UpstreamKey(f"LAB_{name}", name) for name in names)
        route = replace(
            lab_route("lab", url, self.lab.rate), upstream=Upstream("lab", url, api_key=names[0], keys=keys)
        )
        model = ModelInfo("model-lab", 0, "lab", "lab", endpoints=("image_task",))
        self.lab.catalog.current = Catalog.of(self.lab.catalog.current.version + 1, [model], [route], {})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.came.append((key, request.path))
        status = self.turned_away.get(key)
        if status is not None:
            return web.Response(status=status, headers={"Retry-After": "30"})
        return await self.lab.upstream.answer(request)

    def of(self, path: str) -> str:
        return "".join(key for key, asked in self.came if asked == path)


def key_of(lab: Lab, task: OpenedTask) -> str:
    return lab.row(task)["upstream_reference"][KEY_NAME]


async def test_tasks_are_submitted_in_turn_and_polled_with_their_own_key(lab: Lab) -> None:
    keys = Keys(lab, "A", "B")
    lab.upstream.answers = [RUNNING] * 6
    tasks = [await lab.open() for _ in range(4)]
    lab.work()
    for task in tasks:
        await lab.until(task, "succeeded")
    assert sorted(key_of(lab, task) for task in tasks) == ["LAB_A", "LAB_A", "LAB_B", "LAB_B"]
    for task in tasks:
        id = lab.row(task)["upstream_reference"]["id"]
        assert set(keys.of(f"/tasks/{id}")) == {key_of(lab, task).removeprefix("LAB_")}


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_a_key_that_is_turned_away_costs_no_task(status: int, lab: Lab) -> None:
    keys = Keys(lab, "A", "B")
    keys.turned_away["A"] = status
    tasks = [await lab.open()]
    lab.work()
    await lab.until(tasks[0], "succeeded")
    tasks += [await lab.open() for _ in range(3)]
    for task in tasks:
        await lab.until(task, "succeeded")
    assert keys.of("/tasks").count("A") == 1
    assert {key_of(lab, task) for task in tasks} == {"LAB_B"}
    assert len(lab.upstream.tasks) == 4
    assert lab.admits("lab")


async def test_a_refused_poll_is_asked_again_with_the_same_key_and_no_other(lab: Lab) -> None:
    keys = Keys(lab, "A", "B")
    lab.upstream.answers = [RUNNING]
    task = await lab.open()
    lab.work()
    await lab.until(task, "running")
    id = lab.row(task)["upstream_reference"]["id"]
    keys.turned_away["A"] = 401
    while keys.of(f"/tasks/{id}").count("A") < 4:
        await asyncio.sleep(0.02)
    del keys.turned_away["A"]
    await lab.until(task, "succeeded")
    assert set(keys.of(f"/tasks/{id}")) == {"A"}


async def test_a_task_of_one_key_keeps_it_when_another_is_put_before_it(lab: Lab) -> None:
    keys = Keys(lab, "A")
    lab.upstream.then = RUNNING
    task = await lab.open()
    lab.work()
    await lab.until(task, "running")
    keys.are("B", "A")
    lab.upstream.then = {"progress": "succeeded", "results": ["https://files.test/1.png"]}
    await lab.until(task, "succeeded")
    assert {key for key, _ in keys.came} == {"A"}


async def test_when_every_key_is_refused_a_task_fails_as_with_one(lab: Lab) -> None:
    keys = Keys(lab, "A", "B")
    keys.turned_away = {"A": 401, "B": 401}
    task = await lab.open()
    lab.work()
    row = await lab.until(task, "failed")
    assert "not set up correctly" in row["error_message"]
    assert sorted(keys.of("/tasks")) == ["A", "B"]


async def test_a_lost_task_is_looked_for_with_each_key(lab: Lab) -> None:
    keys = Keys(lab, "A", "B")
    lab.adapter.finds = True
    lab.upstream.on_submit = [("take, then", "break")]
    asked: list[str] = []
    inner = lab.upstream.answer

    async def knows_its_own(request: web.Request) -> web.StreamResponse:
        """Each key is an account of its own there, which knows nothing of the others' tasks."""
        if request.path == "/lost":
            asked.append(request.headers["Authorization"])
            if asked[-1] == "Bearer A":
                return web.json_response({"id": None})
        return await inner(request)

    lab.upstream.answer = knows_its_own  # type: ignore[method-assign]
    task = await lab.open()
    lab.work()
    await lab.until(task, State.SUCCEEDED.value)
    assert asked == ["Bearer A", "Bearer B"]
    assert key_of(lab, task) == "LAB_B"
    assert len(keys.of("/tasks")) == 1


async def test_a_task_is_cancelled_with_its_own_key(lab: Lab) -> None:
    keys = Keys(lab, "A", "B")
    lab.upstream.then = RUNNING
    tasks = [await lab.open() for _ in range(2)]
    lab.work()
    for task in tasks:
        await lab.until(task, "running")
        lab.pass_deadline(task)
    for task in tasks:
        await lab.until(task, "timed_out")
        id = lab.row(task)["upstream_reference"]["id"]
        path = f"/tasks/{id}/cancel"
        while not keys.of(path):
            await asyncio.sleep(0.02)
        assert keys.of(path) == key_of(lab, task).removeprefix("LAB_")

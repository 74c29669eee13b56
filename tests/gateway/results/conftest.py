"""An upstream's file server on loopback, and results mirrored into a directory of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from django.db import connection
from pytest_django import Settings

from gateway.tasks.records import ClaimedTask, TaskKey
from gateway.tasks.states import State
from usage.ledger.units import Units

Found = TypeVar("Found")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


class FileServer:
    """Serves `files` by path: status, headers, body."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[str] = []
        self.url = ""

    def put(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        self.files[path] = (status, headers, body)
        return self.url + path

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.path)
        status, headers, body = self.files[request.path]
        return web.Response(status=status, headers=headers, body=body)


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    made = FileServer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def mirrored(settings: Settings, directory: Path, transactional_db: None) -> None:
    settings.AIO_RESULTS = "mirror"
    settings.STORAGES = {
        **settings.STORAGES,
        "results": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": directory},
        },
    }
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32"]
    settings.BASE_URL = "https://aio.example/"


@pytest.fixture
def task() -> ClaimedTask:
    return ClaimedTask(
        key=TaskKey(7, "n1abc_small"),
        state=State.RUNNING,
        endpoint="image_task",
        model="small",
        route="r",
        adapter="lab",
        upstream="lab",
        rate_id=1,
        parameters={},
        units=Units(images=1),
        marker="m",
        reference={},
        polls=1,
        errors=0,
        running_s=1.0,
        late_s=0.0,
    )


async def beside(function: Callable[..., Found], *arguments: Any) -> Found:
    """Run what Django allows in no event loop, in a thread that leaves no connection behind."""

    def run() -> Found:
        try:
            return function(*arguments)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def rows(sql: str = "SELECT * FROM gateway_result ORDER BY created_at") -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

"""GatewayHandler: bodies are bounded while they are read, and whoever leaves is noticed at once."""

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path

from aio_platform import errors
from aio_platform.http.cycle import Cycle
from aio_platform.http.handler import GatewayHandler, GatewayRequest

View = Callable[[GatewayRequest], Awaitable[HttpResponseBase]]
ADDRESS = "/v1/thing"


def serve(view: View, connection: Any, **scope: Any) -> Awaitable[None]:
    """The application's coroutine for one request to `view`."""
    urlconf: Any = ModuleType("urls of a test")
    urlconf.urlpatterns = [path("v1/thing", view), path("api/thing", view)]
    handler = GatewayHandler(urlconf)
    described = connection.scope(scope.pop("path", ADDRESS), **scope)
    match = handler.resolve(described["path"])
    assert match is not None
    return handler(match, described, connection.receive, connection.send)


def reading(limit_bytes: int, seen: list[bytes] | None = None) -> View:
    async def view(request: GatewayRequest) -> HttpResponse:
        body = await request.read_body(limit_bytes)
        if seen is not None:
            seen.append(body)
        return HttpResponse(body, content_type="application/octet-stream")

    return view


async def test_a_body_that_announces_too_much_is_refused_before_any_of_it_is_read(connection: Any) -> None:
    connection.arrives(b"x" * 11)
    await serve(reading(10), connection, headers={"Content-Length": "11"})
    assert connection.status == 413
    assert connection.received == 0


async def test_a_chunked_body_is_refused_at_the_chunk_that_goes_beyond_the_limit(connection: Any) -> None:
    for _ in range(5):
        connection.arrives(b"x" * 4, more=True)
    await serve(reading(10), connection)
    assert connection.status == 413
    assert connection.received == 3


async def test_an_understated_length_buys_nothing(connection: Any) -> None:
    connection.arrives(b"x" * 11)
    await serve(reading(10), connection, headers={"Content-Length": "3"})
    assert connection.status == 413


@pytest.mark.parametrize("announced", ["", "-1", "abc", "²", "1e9"])
async def test_a_length_that_is_no_number_is_as_good_as_none(announced: str, connection: Any) -> None:
    connection.arrives(b"hello")
    await serve(reading(10), connection, headers={"Content-Length": announced.encode().decode("latin-1")})
    assert (connection.status, connection.body) == (200, b"hello")


async def test_a_body_of_exactly_the_limit_is_read_whole_across_its_chunks(connection: Any) -> None:
    for part, more in ((b"01234", True), (b"", True), (b"56789", True), (b"", False)):
        connection.arrives(part, more)
    seen: list[bytes] = []
    await serve(reading(10, seen), connection, headers={"Content-Length": "10"})
    assert seen == [b"0123456789"]
    assert connection.headers["content-length"] == "10"
    assert connection.body == b"0123456789"


def came_whole(body: bytes, connection: Any, **state: Any) -> Any:
    """The connection's `receive` as one of a request whose body came with its head."""
    cycle = Cycle.__new__(Cycle)
    cycle.flow = SimpleNamespace(resume_reading=lambda: None)  # type: ignore[assignment]
    cycle.message_event = asyncio.Event()
    cycle.message_event.set()
    cycle.body, cycle.more_body = bytearray(body), False
    cycle.disconnected = cycle.response_complete = cycle.waiting_for_100_continue = False
    for name, value in state.items():
        setattr(cycle, name, value)
    return cycle


async def test_a_body_that_came_whole_is_taken_once_and_at_once(connection: Any) -> None:
    cycle = came_whole(b"all of it", connection)
    request = GatewayRequest(connection.scope(ADDRESS), cycle.receive)
    assert request.body_that_came(9) == b"all of it"
    assert (cycle.body, cycle.message_event.is_set()) == (b"", False)
    assert await request.read_body(9) == b"all of it"


async def test_a_body_that_came_whole_has_the_same_limit(connection: Any) -> None:
    request = GatewayRequest(connection.scope(ADDRESS), came_whole(b"all of it", connection).receive)
    with pytest.raises(errors.BodyTooLarge):
        request.body_that_came(8)


@pytest.mark.parametrize(
    "state",
    [
        {"more_body": True},
        {"disconnected": True},
        {"response_complete": True},
        {"waiting_for_100_continue": True},
    ],
    ids=str,
)
async def test_a_body_that_is_to_be_waited_for_is_not_taken(state: dict[str, Any], connection: Any) -> None:
    cycle = came_whole(b"a part", connection, **state)
    assert GatewayRequest(connection.scope(ADDRESS), cycle.receive).body_that_came(100) is None
    assert cycle.body == b"a part"


async def test_a_compressed_body_is_not_taken_undecoded(connection: Any) -> None:
    scope = connection.scope(ADDRESS, headers={"content-encoding": "gzip"})
    assert GatewayRequest(scope, came_whole(b"packed", connection).receive).body_that_came(100) is None


async def test_a_body_may_be_asked_for_twice(connection: Any) -> None:
    async def view(request: GatewayRequest) -> HttpResponse:
        assert await request.read_body(10) == await request.read_body(10) == b"once"
        return HttpResponse(b"")

    connection.arrives(b"once")
    await serve(view, connection)
    assert (connection.status, connection.received) == (200, 1)


async def test_a_client_that_leaves_within_its_body_gets_no_answer(connection: Any) -> None:
    connection.arrives(b"half", more=True)
    connection.leaves()
    seen: list[bytes] = []
    await serve(reading(10, seen), connection)
    assert connection.sent == []
    assert seen == []


async def test_a_client_that_leaves_while_it_is_watched_cancels_its_view(connection: Any) -> None:
    ends: list[str] = []
    waiting = asyncio.Event()

    async def view(request: GatewayRequest) -> HttpResponse:
        await request.read_body(10)
        request.watch_disconnect()
        waiting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return HttpResponse(b"")

    connection.arrives(b"")
    task = asyncio.ensure_future(serve(view, connection))
    await waiting.wait()
    connection.leaves()
    await asyncio.wait_for(task, 30)  # absorbed: the server has nothing to clean up
    assert ends == ["cancelled"]
    assert connection.sent == []


async def test_a_server_that_cancels_is_not_mistaken_for_a_client_that_left(connection: Any) -> None:
    async def view(request: GatewayRequest) -> HttpResponse:
        request.watch_disconnect()
        await asyncio.sleep(60)
        return HttpResponse(b"")

    task = asyncio.ensure_future(serve(view, connection))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_the_watch_ends_with_its_request(connection: Any) -> None:
    async def view(request: GatewayRequest) -> HttpResponse:
        request.watch_disconnect()
        await asyncio.sleep(0)
        return HttpResponse(b"fine")

    before = asyncio.all_tasks()
    await serve(view, connection)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert connection.body == b"fine"


class Departure:
    """A view that watches, and waits for the client to leave; what becomes of it is in `ends`."""

    def __init__(self, cycle: Cycle, *, stops: bool = False) -> None:
        self.cycle = cycle
        self.stops = stops
        self.ends: list[str] = []

    async def view(self, request: GatewayRequest) -> HttpResponse:
        request.body_that_came(100)
        request.watch_disconnect()
        if self.stops:
            request.stop_watching()
        self.cycle.client_left()
        try:
            await asyncio.sleep(0)
            self.ends.append("went on")
        except asyncio.CancelledError:
            self.ends.append("cancelled")
            raise
        return HttpResponse(b"answer")


@pytest.mark.parametrize(("stops", "end", "answers"), [(False, "cancelled", 0), (True, "went on", 2)])
async def test_a_cycle_tells_of_its_client_s_leaving_without_a_task(
    stops: bool, end: str, answers: int, connection: Any
) -> None:
    cycle = came_whole(b"all of it", connection)
    departure = Departure(cycle, stops=stops)
    before = asyncio.all_tasks()
    connection.receive = cycle.receive
    await serve(departure.view, connection)
    assert (departure.ends, len(connection.sent)) == ([end], answers)
    assert asyncio.all_tasks() == before
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_who_had_left_before_the_watch_is_noticed(connection: Any) -> None:
    cycle = came_whole(b"all of it", connection, disconnected=True)

    async def view(request: GatewayRequest) -> HttpResponse:
        request.watch_disconnect()
        await asyncio.sleep(60)
        return HttpResponse(b"")

    connection.receive = cycle.receive
    await serve(view, connection)
    assert connection.sent == []


async def test_a_watched_connection_is_read(connection: Any) -> None:
    """Of one that is not, nobody learns that it has ended."""
    cycle = came_whole(b"all of it", connection)
    resumed: list[bool] = []
    cycle.flow = SimpleNamespace(resume_reading=lambda: resumed.append(True))

    async def view(request: GatewayRequest) -> HttpResponse:
        request.watch_disconnect()
        return HttpResponse(b"")

    connection.receive = cycle.receive
    await serve(view, connection)
    assert resumed


async def test_a_watch_of_a_cycle_leaves_nothing_to_the_garbage_collector(connection: Any) -> None:
    cycle = came_whole(b"all of it", connection)
    held: list[weakref.ref[GatewayRequest]] = []

    async def view(request: GatewayRequest) -> HttpResponse:
        held.append(weakref.ref(request))
        request.watch_disconnect()
        return HttpResponse(b"")

    connection.receive = cycle.receive
    gc.disable()
    try:
        await serve(view, connection)
        assert [request() for request in held] == [None]
    finally:
        gc.enable()


class Source:
    """A streamed answer's content that knows whether it was closed."""

    def __init__(self) -> None:
        self.started = False
        self.closed = asyncio.Event()
        self.gate = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        self.started = True
        try:
            yield b"one"
            yield b"two"
            await self.gate.wait()
            yield b"three"
        finally:
            self.closed.set()

    async def view(self, request: GatewayRequest) -> HttpResponseBase:
        request.watch_disconnect()
        return StreamingHttpResponse(self.chunks(), content_type="text/plain")


async def test_a_streamed_answer_goes_out_chunk_by_chunk(connection: Any) -> None:
    source = Source()
    source.gate.set()
    await serve(source.view, connection)
    assert [message.get("body") for message in connection.sent] == [None, b"one", b"two", b"three", b""]
    assert [message.get("more_body", False) for message in connection.sent[1:]] == [True, True, True, False]
    assert "content-length" not in connection.headers
    assert source.closed.is_set()


async def test_a_client_that_leaves_while_the_source_is_waited_for_closes_the_source(connection: Any) -> None:
    source = Source()
    task = asyncio.ensure_future(serve(source.view, connection))
    while len(connection.sent) < 3:
        await asyncio.sleep(0)
    connection.leaves()
    await asyncio.wait_for(task, 30)
    assert source.closed.is_set()


async def test_a_client_that_leaves_while_a_chunk_is_being_sent_closes_the_source_before_the_end(
    connection: Any,
) -> None:
    source = Source()
    stuck = asyncio.Event()

    async def slow_client(message: dict[str, Any]) -> None:
        if message.get("body") == b"two":
            stuck.set()
            await asyncio.sleep(60)

    connection.before_send = slow_client
    task = asyncio.ensure_future(serve(source.view, connection))
    await stuck.wait()
    connection.leaves()
    await asyncio.wait_for(task, 30)
    assert source.closed.is_set()


async def test_a_broken_connection_closes_the_source_before_the_end(connection: Any) -> None:
    source = Source()
    connection.breaks_after = 2
    await serve(source.view, connection)
    assert source.closed.is_set()


@pytest.mark.parametrize(("address", "shape"), [("/v1/thing", dict), ("/api/thing", str)])
async def test_a_bug_answers_500_in_the_mounts_shape_without_its_trace(
    address: str, shape: type, connection: Any
) -> None:
    async def view(request: GatewayRequest) -> HttpResponse:
        raise RuntimeError("secret detail in models.py")

    await serve(view, connection, path=address)
    assert connection.status == 500
    answer = json.loads(connection.body)
    assert isinstance(answer["error"], shape)
    assert connection.headers["x-request-id"].startswith("req_")
    assert connection.headers["x-request-id"] in connection.body.decode()
    for word in ("secret", "models.py", "RuntimeError", "Traceback"):
        assert word not in connection.body.decode()


async def test_every_answer_names_its_request_once(connection: Any) -> None:
    async def view(request: GatewayRequest) -> HttpResponse:
        raise errors.NotFound("No.")

    await serve(view, connection)
    names = [name for name, _ in connection.sent[0]["headers"]]
    assert names.count(b"x-request-id") == 1


async def test_djangos_view_of_the_headers_is_there_when_asked_for(connection: Any) -> None:
    async def view(request: GatewayRequest) -> HttpResponse:
        assert request.META["HTTP_X_ACCOUNT"] == request.headers["X-Account"] == "acc_1"
        assert request.COOKIES == {"sessionid": "abc"}
        assert request.header(b"missing") == ""
        return HttpResponse(b"")

    await serve(view, connection, headers={"X-Account": "acc_1", "Cookie": "sessionid=abc"})
    assert connection.status == 200


def test_addresses_of_nobody_are_left_to_django() -> None:
    urlconf: Any = ModuleType("urls of a test")
    urlconf.urlpatterns = [path("v1/thing", reading(1))]
    handler = GatewayHandler(urlconf)
    assert handler.resolve("/v1/other") is None
    assert handler.resolve("/v1/thing/") is None

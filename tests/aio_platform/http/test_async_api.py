"""AsyncAPIView: awaited handlers, errors in the mount's shape, and a clear no to other methods."""

import asyncio
import gc
import json
import weakref
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import path
from rest_framework import exceptions as drf
from rest_framework.request import Request

from aio_platform import errors
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayHandler, GatewayRequest


class Thing(AsyncAPIView):
    raised: BaseException | None = None

    async def get(self, request: Request, number: int) -> HttpResponse:
        if self.raised is not None:
            raise self.raised
        return HttpResponse(f"{number} {request.query_params.get('q', '')}", content_type="text/plain")

    async def post(self, request: Request, number: int) -> HttpResponse:
        body = await request._request.read_body(5)  # type: ignore[attr-defined]
        return HttpResponse(body, content_type="text/plain")


async def ask(connection: Any, method: str = "GET", raised: BaseException | None = None, **scope: Any) -> Any:
    urlconf: Any = ModuleType("urls of a test")
    view = Thing.as_view(raised=raised)
    urlconf.urlpatterns = [path("v1/things/<int:number>", view), path("api/things/<int:number>", view)]
    handler = GatewayHandler(urlconf)
    described = connection.scope(scope.pop("path", "/v1/things/7"), method)
    described |= scope
    match = handler.resolve(described["path"])
    assert match is not None
    await handler(match, described, connection.receive, connection.send)
    return json.loads(connection.body) if connection.headers["content-type"] == "application/json" else None


async def test_a_handler_is_awaited_with_its_arguments(connection: Any) -> None:
    await ask(connection, query_string=b"q=x")
    assert (connection.status, connection.body) == (200, b"7 x")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "dispatch", "__init__"])
async def test_another_method_is_refused_and_the_taken_ones_are_named(method: str, connection: Any) -> None:
    answer = await ask(connection, method)
    assert connection.status == 405
    assert {name.strip() for name in connection.headers["allow"].split(",")} - {"HEAD"} == {"GET", "POST"}
    assert answer["error"]["code"] == "method_not_supported"
    assert "Use GET or POST /v1/things/7." in answer["error"]["message"]


async def test_options_names_the_methods_and_has_no_body(connection: Any) -> None:
    await ask(connection, "OPTIONS")
    assert (connection.status, connection.body) == (204, b"")
    assert {"GET", "POST"} <= {name.strip() for name in connection.headers["allow"].split(",")}


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (errors.InvalidRequest("No."), 400),
        (errors.ServiceUnavailable("Busy."), 503),
        (drf.NotFound(), 404),
        (drf.ValidationError({"name": ["Too long."]}), 400),
        (RuntimeError("secret"), 500),
    ],
)
@pytest.mark.parametrize("address", ["/v1/things/7", "/api/things/7"])
async def test_whatever_a_handler_raises_is_answered_in_the_mounts_shape(
    raised: Exception, status: int, address: str, connection: Any
) -> None:
    answer = await ask(connection, raised=raised, path=address)
    assert connection.status == status
    described = answer["error"] if address.startswith("/v1") else answer
    assert described["request_id"] == connection.headers["x-request-id"]
    assert b"secret" not in connection.body


async def test_a_body_over_the_limit_is_413(connection: Any) -> None:
    connection.arrives(b"123456")
    answer = await ask(connection, "POST")
    assert connection.status == 413
    assert "5 bytes" in answer["error"]["message"]


async def test_nobody_is_answered_when_the_client_left_within_its_body(connection: Any) -> None:
    connection.leaves()
    with pytest.raises(IndexError):
        await ask(connection, "POST")
    assert connection.sent == []


async def test_what_a_request_held_is_free_when_it_is_answered(connection: Any) -> None:
    """Cycles of references wait for the garbage collector: of some thousand calls they are half a second's pause."""
    held: list[weakref.ref[GatewayRequest]] = []

    class Watched(AsyncAPIView):
        async def get(self, request: Request) -> HttpResponse:
            call: GatewayRequest = request._request  # type: ignore[assignment]
            held.append(weakref.ref(call))
            call.watch_disconnect()
            await asyncio.sleep(0)
            return HttpResponse(b"")

    urlconf: Any = ModuleType("urls of a test")
    urlconf.urlpatterns = [path("v1/watched", Watched.as_view())]
    handler = GatewayHandler(urlconf)
    match = handler.resolve("/v1/watched")
    assert match is not None
    gc.disable()
    try:
        await handler(match, connection.scope("/v1/watched", "GET"), connection.receive, connection.send)
        await asyncio.sleep(0)  # the watcher hears that it may end
        assert [request() for request in held] == [None]
    finally:
        gc.enable()

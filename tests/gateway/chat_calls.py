"""Chat calls as the views make them, and upstreams that answer them, for tests over the relay."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from django.http import HttpResponse

from aio_platform.http.request_ids import new_request_uuid
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import BinaryAnswer, JsonAnswer
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.adapters.shared.upstream_json import write_json
from gateway.calls.call import Call
from gateway.calls.execute import execute
from gateway.calls.relay import Relay
from gateway.calls.respond import respond
from gateway.calls.settle_once import charge_of
from gateway.catalog.routes import Route
from tests.gateway.local_upstream import Tenant, completion
from usage.ledger.calls import Settlement


def chat(*, stream: bool = False, max_tokens: int = 20) -> ChatRequest:
    values = {"model": "small", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": max_tokens}
    return ChatRequest(values, len(json.dumps(values)), stream, include_usage=False)


def call_of(tenant: Tenant, request: ChatRequest, *routes: Route, time_limit_s: float = 30.0) -> Call:
    ceiling = openai_chat.ceiling(request, routes[0])
    request.limit_to(ceiling)
    return Call(
        new_request_uuid(),
        time.perf_counter(),
        tenant.caller,
        "chat",
        routes,
        ceiling,
        time_limit_s,
        streamed=request.stream,
    )


async def complete_chat(
    relay: Relay, call: Call, request: ChatRequest, to_body: Callable[[dict[str, Any], int], Any]
) -> tuple[bytes, Settlement]:
    """A call that is answered in one piece: the body that `to_body` made of values and price, and what it cost."""

    def to_response(answer: JsonAnswer | BinaryAnswer) -> HttpResponse:
        assert isinstance(answer, JsonAnswer)
        return HttpResponse(write_json(to_body(answer.values, charge_of(call, answer.units))))

    executed = await execute(relay, call, CALL_ADAPTERS, request, to_response)
    assert isinstance(executed.answer, HttpResponse)
    assert executed.settlement is not None
    return executed.answer.content, executed.settlement


async def stream_chat(relay: Relay, call: Call, request: ChatRequest) -> Any:
    """A streamed call's response; its first event has come."""

    def to_response(answer: JsonAnswer) -> HttpResponse:
        raise AssertionError("a stream has no shape")

    return await respond(relay, call, request, to_response)


def answering(status: int = 200, body: Any = None, pause_s: float = 0.0) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(pause_s)
        return web.json_response(completion() if body is None else body, status=status)

    return handler


def streaming(*events: bytes, pause_s: float = 0.0, break_off: bool = False) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
            await asyncio.sleep(pause_s)
        if break_off:
            assert request.transport is not None
            request.transport.abort()
        return response

    return handler


def as_it_came(values: dict[str, Any], charge_microcredits: int) -> dict[str, Any]:
    return values

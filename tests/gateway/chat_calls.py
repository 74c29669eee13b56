"""Chat calls as the views make them, and upstreams that answer them, for tests over the relay."""

import asyncio
import json
import time
from typing import Any

from aiohttp import web

from aio_platform.http.request_ids import new_request_uuid
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.request import ChatRequest
from gateway.calls.relay import Call
from gateway.catalog.routes import Route
from tests.gateway.local_upstream import Tenant, completion


def chat(*, stream: bool = False, max_tokens: int = 20) -> ChatRequest:
    values = {"model": "small", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": max_tokens}
    return ChatRequest(values, len(json.dumps(values)), stream, include_usage=False)


def call_of(tenant: Tenant, request: ChatRequest, *routes: Route, time_limit_s: float = 30.0) -> Call:
    return Call(
        new_request_uuid(),
        time.perf_counter(),
        tenant.caller,
        "chat",
        routes,
        openai_chat.ceiling(request, routes[0]),
        time_limit_s,
        streamed=request.stream,
    )


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

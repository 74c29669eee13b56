"""A call leaves nothing to the garbage collector, however it ends.

What waits for it stays for thousands of calls, and is then freed in a pause that all of them share.
"""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from aio_platform.errors import PlatformError
from aio_platform.problems import forget_frames
from gateway.adapters.chat.openai_stream import ChatStream
from gateway.adapters.chat.request import ChatRequest
from gateway.calls.call import Call
from gateway.calls.relay import Relay
from gateway.upstreams.connection import ConnectionAnswer
from tests.gateway.chat_calls import (
    answering,
    as_it_came,
    call_of,
    chat,
    complete_chat,
    stream_chat,
    streaming,
)
from tests.gateway.local_upstream import LocalUpstream, Tenant, route_to, stream_events

OF_A_CALL = (Call, ChatRequest, ChatStream, ConnectionAnswer)


def there() -> dict[int, Any]:
    """What there is of calls, by identity. Asked of their types: what other tests left may be proxies, which answer."""
    return {id(one): one for one in gc.get_objects() if issubclass(type(one), OF_A_CALL)}


@pytest.fixture
def earlier() -> Iterator[dict[int, Any]]:
    """What other tests have left, with no collector at work any more."""
    gc.collect()
    gc.disable()
    try:
        yield there()
    finally:
        gc.enable()


async def run(relay: Relay, tenant: Tenant, url: str, *, stream: bool, stop_after: int | None) -> None:
    request = chat(stream=stream)
    call = call_of(tenant, request, route_to(url, rate=tenant.rate))
    if not stream:
        try:
            await complete_chat(relay, call, request, as_it_came)
        except PlatformError as error:
            forget_frames(error)  # as a view does
        return
    response = await stream_chat(relay, call, request)
    pieces: Any = response._iterator
    got = []
    async for piece in pieces:
        got.append(piece)
        if len(got) == stop_after:
            break
    await pieces.aclose()


@pytest.mark.parametrize(
    ("handler", "stream", "stop_after"),
    [
        (answering(), False, None),
        (answering(status=500), False, None),
        (answering(status=400, body={"error": {"message": "no"}}), False, None),
        (streaming(*stream_events("a", "b", "c")), True, None),
        (streaming(*stream_events("a", "b", "c"), pause_s=0.01), True, 1),
        (streaming(*stream_events("a", "b", "c")[:2], break_off=True), True, None),
    ],
    ids=["whole", "failed", "rejected", "streamed", "left", "broken off"],
)
async def test_a_call_leaves_nothing_to_the_garbage_collector(
    handler: Any,
    stream: bool,
    stop_after: int | None,
    earlier: dict[int, Any],
    relay: Relay,
    tenant: Tenant,
    upstream: LocalUpstream,
) -> None:
    upstream.handler = handler
    await run(relay, tenant, upstream.url, stream=stream, stop_after=stop_after)
    await relay.ledger.finish_pending()
    async with asyncio.timeout(10):
        while there().keys() - earlier.keys():
            await asyncio.sleep(0.05)

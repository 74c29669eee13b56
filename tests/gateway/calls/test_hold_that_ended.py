"""An answer whose hold has ended under it does not go out: it would be missing from the books.

The hold ends while the upstream is answering, as an expiry would end it in a gateway that stood still for long.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from django.http import HttpResponse

from aio_platform.db import database
from aio_platform.errors import ServiceUnavailable
from aio_platform.http.stream_priming import started
from gateway.adapters.protocol import BinaryAnswer, JsonAnswer, Steps, StreamedAnswer, UpstreamCall
from gateway.calls.execute import OpenBinary, binary_stream, execute
from gateway.upstreams.client import Upstreams
from tests.gateway.calls.test_relay import deliver
from tests.gateway.calls.test_relay import execute as execute_chat
from tests.gateway.chat_calls import call_of, chat
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, completion, route_to, stream_events
from usage.ledger.units import Units

SOUND = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(100)
USED = Units(tokens_in=9, tokens_out=5)


class Answering:
    """An adapter of one step, whose answer is of the kind the test asks for."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def steps(self, request: Any, route: Any) -> Steps:
        received = yield UpstreamCall("/answer", json={}, streamed=self._kind == "stream")
        if self._kind == "json":
            return JsonAnswer({"said": "all"}, USED, False, received.body, received.content_type)
        if self._kind == "binary":
            return BinaryAnswer(received.body, "audio/wav", USED)
        return StreamedAnswer("audio/wav", USED)


def to_response(answer: JsonAnswer | BinaryAnswer) -> HttpResponse:
    """A response to any answer."""
    return HttpResponse()


def end_holds() -> None:
    """What `expire_holds` does to holds past their expiry, to all there are."""
    with database.connect("aio test books") as line:
        line.execute("UPDATE usage_hold SET expires_at = clock_timestamp()")
        assert line.execute("SELECT usage_expire_holds_v1(10)").fetchone() == (1,)


def ending_the_hold(*pieces: bytes, content_type: str) -> Any:
    """Answer with the pieces; before the last of them the hold ends."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces[:-1]:
            await response.write(piece)
        end_holds()
        await response.write(pieces[-1])
        return response

    return handler


@pytest.fixture
def nothing_was_charged(tenant: Tenant) -> Iterator[None]:
    yield
    [event] = tenant.outcomes()
    assert (event["outcome"], event["cost_microcredits"]) == ("expired", 0)
    assert tenant.balance() == (10 * CREDIT, 0)


@pytest.mark.usefixtures("nothing_was_charged")
async def test_a_whole_chat_answer_is_kept_back(relay: Any, tenant: Tenant, upstream: LocalUpstream) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        end_holds()
        return web.json_response(completion())

    upstream.handler = handler
    with pytest.raises(ServiceUnavailable, match="not charged"):
        await execute_chat(relay, tenant, upstream.url)


@pytest.mark.usefixtures("nothing_was_charged")
async def test_the_end_of_a_stream_is_kept_back(relay: Any, tenant: Tenant, upstream: LocalUpstream) -> None:
    upstream.handler = ending_the_hold(*stream_events("Hel", "lo"), content_type="text/event-stream")
    got: list[bytes] = []
    await deliver(relay, tenant, upstream.url, got)
    text = b"".join(got)
    assert b'"error":{"code":503' in got[-1]
    assert b"[DONE]" not in text
    assert b"finish_reason" not in text
    assert b"credits_consumed" not in text


@pytest.mark.usefixtures("nothing_was_charged")
@pytest.mark.parametrize("kind", ["json", "binary"])
async def test_any_other_whole_answer_is_kept_back(
    kind: str, relay: Any, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = ending_the_hold(SOUND, content_type="audio/wav")
    call = call_of(tenant, chat(), route_to(upstream.url, rate=tenant.rate))
    with pytest.raises(ServiceUnavailable, match="not charged"):
        await execute(relay, call, {"openai_chat": Answering(kind)}, None, to_response)  # type: ignore[dict-item]


@pytest.mark.usefixtures("nothing_was_charged")
async def test_the_last_bytes_of_a_sound_are_kept_back(
    relay: Any, tenant: Tenant, upstream: LocalUpstream, upstreams: Upstreams
) -> None:
    upstream.handler = ending_the_hold(SOUND, b"the end", content_type="audio/wav")
    call = call_of(tenant, chat(), route_to(upstream.url, rate=tenant.rate))
    executed = await execute(relay, call, {"openai_chat": Answering("stream")}, None, to_response)  # type: ignore[dict-item]
    assert isinstance(executed.answer, OpenBinary)
    sound: AsyncIterator[bytes] = await started(binary_stream(relay.ledger, call, executed.answer))
    got = b""
    with pytest.raises(ServiceUnavailable, match="not charged"):
        async for piece in sound:
            got += piece
    assert SOUND.startswith(got)

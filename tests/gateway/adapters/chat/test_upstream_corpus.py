"""Answers in the shapes that servers in use send: what is read, how it ends, and what it costs.

The files in `corpus/` are written by hand in shapes seen in those servers' documentation and issue threads. Each is
sent whole and in pieces over a real connection.
"""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from gateway.adapters.chat.weight import answer_text, content_text
from gateway.calls.relay import Relay
from tests.gateway.chat_calls import as_it_came, call_of, chat, complete_chat, stream_chat
from tests.gateway.local_upstream import LocalUpstream, Tenant, route_to

CORPUS = Path(__file__).parent / "corpus"


class Shape(NamedTuple):
    """A file, the text in it, and the tokens that are charged for it."""

    file: str
    text: str
    tokens_in: int
    tokens_out: int
    estimated: bool = False
    outcome: str = "succeeded"


MORNING = "Good morning."
SHAPES = [
    Shape("azure.json", MORNING, 11, 4),
    Shape("azure.sse", MORNING, 11, 4),
    Shape("deepseek.json", "좋은 아침", 64, 9),
    Shape("deepseek.sse", "좋은 아침", 64, 9),
    # Thoughts stand in the total alone.
    Shape("gemini.json", MORNING, 5, 203),
    Shape("gemini.sse", MORNING, 5, 203),
    Shape("gemini-call.sse", "", 5, 75),
    Shape("groq.json", MORNING, 38, 4),
    Shape("groq.sse", MORNING, 38, 4),
    Shape("llamacpp.json", MORNING, 12, 4),
    Shape("llamacpp.sse", MORNING, 12, 4),
    Shape("mistral.json", MORNING, 10, 9),
    Shape("mistral.sse", MORNING, 10, 9),
    Shape("moonshot.sse", MORNING, 19, 4),
    Shape("ollama.json", MORNING, 26, 4),
    Shape("ollama.sse", MORNING, 26, 4),
    Shape("openrouter.json", MORNING, 13, 9),
    Shape("openrouter.sse", MORNING, 13, 9),
    Shape("openrouter-image.json", "", 7, 1290),
    # Without usage: the prompt's five bytes, and what an image takes.
    Shape("openrouter-image.sse", "", 2, 1290, estimated=True),
    Shape("openrouter-error.sse", "Good", 2, 1, estimated=True, outcome="partial"),
    Shape("vllm.json", MORNING, 9, 8),
    Shape("vllm.sse", MORNING, 9, 8),
    # 10 tokens of text and 690 of reasoning beside them.
    Shape("xai.json", MORNING, 36, 700),
    Shape("xai.sse", MORNING, 36, 700),
]
STREAMS = [shape for shape in SHAPES if shape.file.endswith(".sse")]
ANSWERS = [shape for shape in SHAPES if shape.file.endswith(".json")]


def name_of(shape: Shape) -> str:
    return shape.file


def sending(body: bytes, content_type: str, piece_bytes: int) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for start in range(0, len(body), piece_bytes):
            await response.write(body[start : start + piece_bytes])
            await asyncio.sleep(0)
        return response

    return handler


def variants_of(stream: bytes) -> list[bytes]:
    """The same stream as other servers would send it: the official clients take all of these alike."""
    unended = stream.removesuffix(b"\n\n")
    without_mark = stream.removesuffix(b"\n\n").removesuffix(b"data: [DONE]")
    return [
        stream,
        unended,
        without_mark,
        without_mark.removesuffix(b"\n\n"),
        stream.replace(b"\n", b"\r\n"),
        stream.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + stream,
        stream.replace(b"data: ", b'event: ping\ndata: {"type": "ping"}\n\nid: 7\nevent: message\ndata:'),
        stream.replace(b"data: ", b"event: ping\ndata: pong\n\n: x\nretry: 3\ndata: "),
    ]


VARIANTS = ["as is", "no blank line", "no end mark", "neither", "CR LF", "CR", "BOM", "named events", "pings"]


async def streamed(relay: Relay, tenant: Tenant, url: str) -> list[dict[str, Any]]:
    """The events of one streamed call, read as strictly as the strictest client."""
    request = chat(stream=True, max_tokens=3000)
    route = replace(route_to(url, rate=tenant.rate), max_output_tokens=3000)
    response = await stream_chat(relay, call_of(tenant, request, route), request)
    pieces: Any = response._iterator
    forwarded = b"".join([piece async for piece in pieces])
    events = forwarded.split(b"\n\n")
    assert events.pop() == b""
    if events[-1] == b"data: [DONE]":
        events.pop()
    assert all(event.startswith(b"data: ") and b"\n" not in event and b"\r" not in event for event in events)
    values = [json.loads(event[6:], parse_constant=lambda name: pytest.fail(name)) for event in events]
    assert all("error" in value or isinstance(value["choices"], list) for value in values)
    assert b"[DONE]" in forwarded or "error" in values[-1]
    return values


def text_of(values: list[dict[str, Any]]) -> str:
    deltas = [choice.get("delta") or {} for value in values for choice in value.get("choices", ())]
    return "".join(content_text(delta.get("content")) for delta in deltas)


def check_books(tenant: Tenant, shape: Shape) -> int:
    """The newest event is what the shape says; returns its price."""
    event = tenant.outcomes()[-1]
    counted = (event["outcome"], event["estimated"], event["tokens_in"], event["tokens_out"])
    assert counted == (shape.outcome, shape.estimated, shape.tokens_in, shape.tokens_out)
    assert event["cost_microcredits"] == shape.tokens_in * 10 + shape.tokens_out * 100
    return int(event["cost_microcredits"])


@pytest.mark.parametrize("piece_bytes", [61, 1_000_000])
@pytest.mark.parametrize("shape", STREAMS, ids=name_of)
async def test_a_recorded_stream_is_read_and_charged(
    shape: Shape, piece_bytes: int, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    content = (CORPUS / shape.file).read_bytes()
    upstream.handler = sending(content, "text/event-stream", piece_bytes)
    values = await streamed(relay, tenant, upstream.url)
    assert text_of(values) == shape.text
    price = check_books(tenant, shape)
    if shape.outcome == "succeeded":
        assert values[-1]["credits_consumed"] == price / 1_000_000
        assert {value["model"] for value in values} == {"small"}


@pytest.mark.parametrize("variant", range(len(VARIANTS)), ids=VARIANTS)
async def test_a_recorded_stream_in_another_spelling_is_the_same(
    variant: int, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    for shape in STREAMS:
        if shape.outcome != "succeeded":
            continue
        content = variants_of((CORPUS / shape.file).read_bytes())[variant]
        upstream.handler = sending(content, "text/event-stream", 997)
        assert text_of(await streamed(relay, tenant, upstream.url)) == shape.text, shape.file
        check_books(tenant, shape)


@pytest.mark.parametrize("shape", ANSWERS, ids=name_of)
async def test_a_recorded_answer_is_read_and_charged(
    shape: Shape, relay: Relay, tenant: Tenant, upstream: LocalUpstream
) -> None:
    upstream.handler = sending((CORPUS / shape.file).read_bytes(), "application/json", 1000)
    request = chat(max_tokens=3000)
    route = replace(route_to(upstream.url, rate=tenant.rate), max_output_tokens=3000)
    body, settlement = await complete_chat(relay, call_of(tenant, request, route), request, as_it_came)
    values = json.loads(body, parse_constant=lambda name: pytest.fail(name))
    assert answer_text(values) == shape.text
    assert values["model"] == "small"
    assert check_books(tenant, shape) == settlement.charged

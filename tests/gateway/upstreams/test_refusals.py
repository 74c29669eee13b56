"""What an upstream's error body is understood as, and that nothing of it reaches the caller."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from aio_platform.errors import PlatformError
from gateway.adapters.protocol import UpstreamCall
from gateway.adapters.shared.error_bodies import ErrorBody, Fault, read_error_body
from gateway.errors import (
    ContentRefused,
    ContextLengthExceeded,
    UnsupportedParameter,
    UnsupportedValue,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRejected,
)
from gateway.upstreams.client import Upstreams
from gateway.upstreams.refusals import MAX_ERROR_BYTES, seconds_in
from tests.gateway.local_upstream import LocalUpstream, route_to

SENT = b'{"model": "m", "messages": [], "temperature": 3, "max_tokens": 5}'
CALL = UpstreamCall("/v1/chat/completions", body=SENT)


def openai(
    code: Any, message: str = "", param: Any = None, kind: str = "invalid_request_error"
) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
# As these servers write them.
BODIES: list[tuple[str, int, Any, type[PlatformError]]] = [
    ("openai context", 400, openai("context_length_exceeded", TOO_LONG, "messages"), ContextLengthExceeded),
    (
        "groq context",
        400,
        openai("context_length_exceeded", "Please reduce the length"),
        ContextLengthExceeded,
    ),
    (
        "vllm context",
        400,
        {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "param": None, "code": 400},
        ContextLengthExceeded,
    ),
    ("newer vllm context", 400, openai(400, TOO_LONG, kind="BadRequestError"), ContextLengthExceeded),
    (
        "llama.cpp context",
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
                "n_ctx": 8192,
            }
        },
        ContextLengthExceeded,
    ),
    (
        "mistral context",
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context"
            " length",
            "type": "invalid_request_error",
            "code": 3051,
        },
        ContextLengthExceeded,
    ),
    (
        "xai context",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        },
        ContextLengthExceeded,
    ),
    (
        "gemini context",
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (1200000) exceeds the maximum number of tokens allowed",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
        ContextLengthExceeded,
    ),
    (
        "anthropic context",
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 2 > 1"}},
        ContextLengthExceeded,
    ),
    (
        "tei context",
        413,
        {
            "error": "Input validation error: `inputs` must have less than 512 tokens. Given: 600",
            "error_type": "Validation",
        },
        ContextLengthExceeded,
    ),
    (
        "azure filter",
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management",
                "param": "prompt",
                "code": "content_filter",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        ContentRefused,
    ),
    ("openai images", 400, openai("moderation_blocked", kind="image_generation_user_error"), ContentRefused),
    ("openai older images", 400, openai("content_policy_violation"), ContentRefused),
    (
        "openrouter moderation",
        403,
        {
            "error": {
                "code": 403,
                "message": "Your chosen model requires moderation and your input was flagged",
                "metadata": {"reasons": ["violence"], "flagged_input": "the caller's own words"},
            }
        },
        ContentRefused,
    ),
    ("openai parameter", 400, openai("unsupported_parameter", param="max_tokens"), UnsupportedParameter),
    (
        "openai argument",
        400,
        openai(None, "Unrecognized request argument supplied: foo"),
        UnsupportedParameter,
    ),
    (
        "fastapi extra",
        422,
        {
            "detail": [
                {
                    "loc": ["body", "temperature"],
                    "msg": "Extra inputs are not permitted",
                    "type": "extra_forbidden",
                }
            ]
        },
        UnsupportedParameter,
    ),
    ("openai value", 400, openai("unsupported_value", param="temperature"), UnsupportedValue),
    (
        "openai invalid",
        400,
        openai("invalid_value", "max_tokens is too large", "max_tokens"),
        UpstreamRejected,
    ),
    ("no words", 400, {}, UpstreamRejected),
    ("openai model", 404, openai("model_not_found"), UpstreamMisconfigured),
    (
        "vllm model",
        404,
        {"object": "error", "message": "The model `x` does not exist."},
        UpstreamMisconfigured,
    ),
    ("groq model", 400, openai("model_not_found"), UpstreamMisconfigured),
    ("openai key", 401, openai("invalid_api_key"), UpstreamMisconfigured),
    (
        "gemini key",
        400,
        {
            "error": {
                "code": 400,
                "message": "API key not valid.",
                "status": "INVALID_ARGUMENT",
                "details": [{"reason": "API_KEY_INVALID"}],
            }
        },
        UpstreamMisconfigured,
    ),
    ("openai credit", 429, openai("insufficient_quota"), UpstreamMisconfigured),
    ("forbidden", 403, openai(None, "You are not allowed"), UpstreamMisconfigured),
    (
        "openai rate",
        429,
        openai("rate_limit_exceeded", "Rate limit reached for gpt in organization org-1"),
        UpstreamRateLimited,
    ),
]


def answering(status: int, body: bytes, **headers: str) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return handler


async def refused(upstreams: Upstreams, upstream: LocalUpstream) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await upstreams.send(route_to(upstream.url), CALL, again=True)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "error"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)
async def test_a_well_known_fault_is_said_in_our_words(
    status: int, body: Any, error: type[PlatformError], upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(status, json.dumps(body).encode())
    raised = await refused(upstreams, upstream)
    assert type(raised) is error
    shown = f"{raised.message} {raised.param} {raised.details} {raised.headers} {raised.openai_code}"
    for word in ("4096", "org-1", "Azure", "own words", "8192", "foo", "API key"):
        assert word not in shown


def test_the_dialects_own_codes_are_told() -> None:
    codes = [kind().openai_code for kind in (ContextLengthExceeded, ContentRefused, UnsupportedParameter)]
    assert codes == ["context_length_exceeded", "content_filter", "unsupported_parameter"]
    assert all(kind().status == 400 for kind in (ContextLengthExceeded, ContentRefused, UnsupportedValue))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("temperature", "temperature"),
        ("messages[3].content", "messages[3]"),
        ("messages.3.content", "messages.3"),
        ("organization_id", None),
        ("temperature of org-123", "temperature"),
        ("10.0.0.7", None),
        (7, None),
        ("x" * 10_000, None),
    ],
)
async def test_a_field_is_named_only_where_it_was_sent(
    named: Any, told: str | None, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(400, json.dumps(openai("unsupported_value", param=named)).encode())
    assert (await refused(upstreams, upstream)).param == told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"[[[[",
        b"5",
        b'{"error": []}',
        b'{"error": {"code": {}, "message": 5, "details": [4], "innererror": 3}}',
        b'{"detail": [5]}',
        b'{"detail": [{"loc": 5}]}',
        json.dumps(openai("context_length_exceeded", "x" * MAX_ERROR_BYTES)).encode(),
    ],
)
async def test_any_body_of_an_error_is_survived(
    body: bytes, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(400, body)
    assert type(await refused(upstreams, upstream)) is UpstreamRejected


async def test_an_error_whose_body_never_ends_is_an_error_all_the_same(
    upstreams: Upstreams, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstreams.refusals.ERROR_BODY_LIMIT_S", 0.1)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=400)
        await response.prepare(request)
        await response.write(b'{"error":')
        await asyncio.sleep(60)
        return response

    upstream.handler = endless
    assert type(await refused(upstreams, upstream)) is UpstreamRejected
    await asyncio.wait_for(upstream.broken_off.wait(), 30)


async def test_a_compressed_error_is_read(upstreams: Upstreams, upstream: LocalUpstream) -> None:
    body = gzip.compress(json.dumps(openai("context_length_exceeded")).encode())
    upstream.handler = answering(400, body, **{"Content-Encoding": "gzip"})
    assert type(await refused(upstreams, upstream)) is ContextLengthExceeded


@pytest.mark.parametrize("value", [None, 5, "text", [], [5], {"error": None}, {"detail": None}])
def test_what_is_no_error_says_nothing(value: object) -> None:
    assert read_error_body(value) == ErrorBody()


def test_a_lone_detail_is_read() -> None:
    assert read_error_body({"detail": "prompt is too long"}).fault is Fault.CONTEXT


@pytest.mark.parametrize("given", [None, "", "soon", "-5", "1.5", "²", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_pause_that_says_nothing_is_none(given: str | None) -> None:
    assert seconds_in(given) == 0


def test_a_pause_is_seconds_or_a_date() -> None:
    assert seconds_in(" 600 ") == 600
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    assert 590 < seconds_in(until) <= 600

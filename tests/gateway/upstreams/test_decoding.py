"""Answers that come compressed though we asked for none: read as what they were, whole or not at all, within bounds."""

import gzip
import zlib
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.protocol import UpstreamCall
from gateway.errors import UpstreamFailed
from gateway.upstreams.client import Upstreams
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.decoding import MAX_READ_BYTES, DecodedAnswer
from gateway.upstreams.responses import read_answer_body, read_chunk
from tests.gateway.local_upstream import LocalUpstream, route_to

CALL = UpstreamCall("/v1/chat/completions", body=b"{}")
TEXT = b'{"text": "' + b"hello " * 1000 + b'"}'


def bare_deflate(text: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(text) + compressor.flush()


def answering(body: bytes, coding: str) -> Any:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=body, headers={"Content-Encoding": coding, "Content-Type": "application/json"}
        )

    return handler


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        (" GZIP ", gzip.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT)),
        ("identity", TEXT),
        ("", TEXT),
    ],
    # Compressed bytes hold the moment, and each test process would call the tests differently.
    ids=["gzip", "x-gzip", "GZIP", "two members", "deflate", "bare deflate", "identity", "none"],
)
async def test_an_answer_is_what_it_was_before_it_was_compressed(
    coding: str, body: bytes, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body, coding)
    assert await read_answer_body(await upstreams.send(route_to(upstream.url), CALL, again=True)) == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "nonsense"])
async def test_a_coding_that_nobody_knows_is_a_failure(
    coding: str, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(TEXT, coding)
    with pytest.raises(UpstreamFailed):
        await upstreams.send(route_to(upstream.url), CALL, again=True)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(TEXT)[:-1], gzip.compress(TEXT)[:30], b"not gzip", TEXT],
    ids=["all but a byte", "a beginning", "not gzip", "not compressed"],
)
async def test_what_is_not_whole_or_not_compressed_is_a_failure(
    body: bytes, upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(body, "gzip")
    with pytest.raises(UpstreamFailed):
        await read_answer_body(await upstreams.send(route_to(upstream.url), CALL, again=True))


async def test_a_small_answer_that_unfolds_without_end_is_given_up(
    upstreams: Upstreams, upstream: LocalUpstream
) -> None:
    upstream.handler = answering(gzip.compress(bytes(50_000_000)), "gzip")
    answer = await upstreams.send(route_to(upstream.url), CALL, again=True)
    assert len(await read_chunk(answer)) <= MAX_READ_BYTES
    with pytest.raises(UpstreamFailed, match="too large"):
        await read_answer_body(answer, limit_bytes=1_000_000)


class InPieces:
    """An answer whose bytes come in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]

    async def read_available(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def read_all(pieces: list[bytes], *, is_gzip: bool) -> bytes:
    answer: Any = DecodedAnswer(InPieces(pieces), is_gzip=is_gzip)  # type: ignore[arg-type]
    got = b""

    async def read() -> None:
        nonlocal got
        while part := await answer.read_available():
            assert len(part) <= MAX_READ_BYTES
            got += part

    reading = read()
    with pytest.raises(StopIteration):
        reading.send(None)
    return got


@given(
    st.binary(max_size=3000),
    st.integers(1, 300),
    st.integers(1, 50),
    st.sampled_from(["gzip", "zlib", "bare"]),
)
def test_any_text_split_anywhere_is_read_whole(text: bytes, times: int, at: int, form: str) -> None:
    text *= times
    packed = {"gzip": gzip.compress, "zlib": zlib.compress, "bare": bare_deflate}[form](text)
    pieces = [packed[start : start + at * 10] for start in range(0, len(packed), at * 10)]
    assert read_all(pieces, is_gzip=form == "gzip") == text


def test_a_cut_anywhere_is_noticed() -> None:
    packed = gzip.compress(TEXT)
    for end in range(1, len(packed)):
        with pytest.raises(BrokenConnection):
            read_all([packed[:end]], is_gzip=True)

"""Compressed request bodies are read within the limits of size; a bomb costs no more memory than its limit."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform import errors
from aio_platform.http.content_coding import MAX_MEMBERS, PIECE_BYTES, BodyDecoder, decoder_of
from tests.aio_platform.http.test_handler import reading, serve

zstd: Any = pytest.importorskip("backports.zstd")
BODY = json.dumps({"messages": ["hello"] * 500}).encode()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ENCODERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstd.compress),
    ("identity", bytes),
    ("identity, gzip", gzip.compress),
    ("", bytes),
]
every_coding = pytest.mark.parametrize(
    ("coding", "encode"), ENCODERS, ids=lambda value: getattr(value, "__qualname__", value)
)
COMPRESSED = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstd.compress),
]


def decoded(coding: str, data: bytes, cut: int = 7) -> bytes:
    decoder = decoder_of(coding)
    assert decoder is not None
    got = [piece for at in range(0, len(data), cut) for piece in decoder.pieces(data[at : at + cut])]
    decoder.finish()
    assert all(0 < len(piece) <= PIECE_BYTES for piece in got)
    return b"".join(got)


@every_coding
async def test_a_compressed_body_arrives_as_it_was_written(
    coding: str, encode: Callable[[bytes], bytes], connection: Any
) -> None:
    sent = encode(BODY)
    connection.arrives(sent[:20], more=True)
    connection.arrives(sent[20:])
    await serve(reading(len(BODY)), connection, headers={"Content-Encoding": coding})
    assert (connection.status, connection.body) == (200, BODY)


@pytest.mark.parametrize(("coding", "encode"), COMPRESSED)
async def test_the_limit_holds_for_what_comes_out(
    coding: str, encode: Callable[[bytes], bytes], connection: Any
) -> None:
    connection.arrives(encode(BODY))
    await serve(reading(len(BODY) - 1), connection, headers={"Content-Encoding": coding})
    assert connection.status == 413


@pytest.mark.parametrize(("coding", "encode"), COMPRESSED)
async def test_a_bomb_costs_no_more_memory_than_its_limit(
    coding: str, encode: Callable[[bytes], bytes], connection: Any
) -> None:
    bomb = encode(bytes(100_000_000))
    connection.arrives(bomb)
    tracemalloc.start()
    await serve(reading(1_000_000), connection, headers={"Content-Encoding": coding})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert connection.status == 413
    assert peak_bytes < 4_000_000


@pytest.mark.parametrize("coding", ["br", "compress", "gzip, gzip", "zstd, gzip", "gzip;q=1", "x"])
async def test_another_coding_is_415_and_those_that_are_taken_are_named(coding: str, connection: Any) -> None:
    connection.arrives(BODY)
    await serve(reading(10_000), connection, headers={"Content-Encoding": coding})
    assert connection.status == 415
    assert connection.received == 0
    error = json.loads(connection.body)["error"]
    assert "gzip, deflate, zstd" in error["message"]
    assert error["code"] == "unsupported_content_type"
    assert connection.headers["accept-encoding"] == "gzip, deflate, zstd"


@pytest.mark.parametrize(("coding", "encode"), COMPRESSED)
@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: b"\x07" * 40, lambda data: BODY])
async def test_what_does_not_decode_is_400(
    coding: str, encode: Callable[[bytes], bytes], spoil: Callable[[bytes], bytes], connection: Any
) -> None:
    connection.arrives(spoil(encode(BODY)))
    await serve(reading(1_000_000), connection, headers={"Content-Encoding": coding})
    assert connection.status == 400
    assert json.loads(connection.body)["error"]["param"] == "Content-Encoding"


@given(st.binary(max_size=2000), st.sampled_from(COMPRESSED), st.integers(1, 50))
def test_however_it_is_cut_it_comes_out_whole(data: bytes, how: Any, cut: int) -> None:
    coding, encode = how
    assert decoded(coding, encode(data), cut) == data


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_joined_members_are_one_body_up_to_a_bound(coding: str, encode: Callable[[bytes], bytes]) -> None:
    assert decoded(coding, encode(b"a") + encode(b"b"), 1) == b"ab"
    with pytest.raises(errors.InvalidRequest):
        decoded(coding, encode(b"") * (MAX_MEMBERS + 1), 10_000)


def test_deflate_ends_once() -> None:
    with pytest.raises(errors.InvalidRequest):
        decoded("deflate", zlib.compress(b"a") + b"more")


def test_a_frame_that_wants_a_large_window_gets_none() -> None:
    parameters = {zstd.CompressionParameter.window_log: 27}
    packer = zstd.ZstdCompressor(options=parameters)
    frame = packer.compress(b"x") + packer.flush()
    with pytest.raises(errors.InvalidRequest):
        list(BodyDecoder("zstd").pieces(frame))

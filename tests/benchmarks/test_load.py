"""The load generator and its upstream, against each other and against servers that misbehave."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from benchmarks import load, upstream


@asynccontextmanager
async def serving(connection):
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)  # both ends of the closed connections see it


def job(kind, port, **more):
    return {"kind": kind, "port": port, "path": "/v1/chat/completions", "headers": {}, **more}


class Saying(asyncio.Protocol):
    """Answers each read with the next of the given bytes; the last of them stays, and None closes."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            self.transport.write(answer)
        if answer is None or self.answers[0] is None:
            self.transport.close()


@pytest.fixture
async def port():
    async with serving(upstream._Connection) as port:
        yield port


async def test_calls_are_answered_and_counted(port):
    result = await load._calls(job("calls", port, in_flight=4, seconds=0.2))
    assert result["errors"] == 0
    assert result["answered"] >= result["rate"] * 0.2 > 4
    assert 0 < result["p50_ms"] <= result["p99_ms"]


@pytest.mark.parametrize(("chunks", "gap_ms"), [(50, 1), (50, 0), (1, 0), (2, 5)])
async def test_streams_come_whole(port, chunks, gap_ms):
    result = await load._streams(job("streams", port, in_flight=5, chunks=chunks, gap_ms=gap_ms))
    assert (result["answered"], result["errors"]) == (5, 0)


async def test_held_streams_say_when_all_are_open(port, monkeypatch):
    said = []
    monkeypatch.setattr(load, "report", said.append)
    result = await load._held_streams(job("held_streams", port, in_flight=20, chunks=5, gap_ms=20))
    assert said == [{"open": 20}]
    assert (result["answered"], result["errors"]) == (20, 0)


def whole(body, status=b"200 OK"):
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


GOOD = whole(upstream.chat_answer())


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([whole(b"no", b"402 Payment Required")], "status 402"),
        ([GOOD, whole(b"{}")], "another body"),
        ([None], "connection lost"),
        ([GOOD[:-5], None], "connection lost"),
        ([b"SSH-2.0\r\n\r\n"], "not HTTP"),
        ([whole(upstream.chat_answer().replace(b"Seoul", b"Busan"))], "not the upstream's answer"),
    ],
)
async def test_a_wrong_answer_is_an_error(answers, complaint):
    async with serving(lambda: Saying(*answers)) as port:
        result = await load._calls(job("calls", port, in_flight=1, seconds=0.1))
    assert result["errors"] >= 1
    assert complaint in result["shown_errors"][0]


async def test_no_answer_is_an_error(monkeypatch):
    monkeypatch.setattr(load, "PATIENCE_S", 0.1)
    async with serving(lambda: Saying(GOOD[:-5])) as port:
        result = await load._calls(job("calls", port, in_flight=2, seconds=0.1))
    assert (result["answered"], result["errors"]) == (0, 2)
    assert "no end within" in result["shown_errors"][0]


async def test_a_stream_cut_short_is_an_error():
    cut = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\ndata: [DONE]\n\n"
    async with serving(lambda: Saying(cut)) as port:
        result = await load._streams(job("streams", port, in_flight=1, chunks=2, gap_ms=0))
    assert "not the upstream's stream" in result["shown_errors"][0]

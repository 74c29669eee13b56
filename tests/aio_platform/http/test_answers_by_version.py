"""HTTP/1.0 callers get no chunks (issue 10, item 16), and who asks before sending is answered before it sends."""

import asyncio
from typing import Any

from raw_http import raw_server


async def application(scope: Any, receive: Any, send: Any) -> None:
    """`/length` announces its length, `/chunks` does not, `/broken` ends in the middle; bodies are not asked for."""
    path = scope["path"]
    headers = [(b"content-length", b"6")] if path == "/length" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    if path == "/broken":
        await asyncio.sleep(0.05)
        raise RuntimeError("broken off")
    await send({"type": "http.response.body", "body": b"two"})


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async with raw_server(application) as server:
        for keep in (b"", b"Connection: keep-alive\r\n"):
            answer = await server.ask(b"GET /chunks HTTP/1.0\r\n%s\r\n" % keep)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert body == b"onetwo"
            assert b"transfer-encoding" not in head
            assert b"connection: close" in head


async def test_an_answer_with_a_length_is_the_same() -> None:
    async with raw_server(application) as server:
        answer = await server.ask(b"GET /length HTTP/1.0\r\nHost: a\r\n\r\n")
    assert answer.endswith(b"content-length: 6\r\nconnection: close\r\n\r\nonetwo")


async def test_a_broken_answer_is_not_mistaken_for_a_whole_one() -> None:
    """Without chunks the connection's end is the answer's: a reset says that there was more."""
    async with raw_server(application) as server:
        client = await server.connect()
        client.send(b"GET /broken HTTP/1.0\r\n\r\n")
        broken = False
        try:
            while await client.reader.read(1000):
                pass
        except ConnectionResetError:
            broken = True
        assert broken


async def test_who_waits_for_continue_and_is_answered_ends_the_connection() -> None:
    request = b"POST /length HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n"
    async with raw_server(application) as server:
        answer = await server.ask(request)
    assert b"connection: close\r\n" in answer
    assert b"100 Continue" not in answer

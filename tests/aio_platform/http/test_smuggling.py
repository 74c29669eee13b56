"""A request is read in one way or not at all: nothing after its head changes it, nothing hides a second one in it."""

import asyncio
from typing import Any

import pytest
from raw_http import raw_server

SECOND = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Echo:
    """Reads bodies to the end and answers; keeps what it saw."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        head = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def echo() -> Echo:
    return Echo()


AMBIGUOUS = {
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "another coding": POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "a coding in chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a coding like chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "line feeds alone": b"GET / HTTP/1.1\nHost: a\n\n",
    "one line feed alone": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a carriage return alone": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a zero byte": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "line feeds in chunks": CHUNKED + b"3\nabc\n0\n\n",
    "a space after a size": CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
    "a size beyond counting": CHUNKED + b"ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two keys": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "two hosts in one line": b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol": b"OPTIONS rtsp://a/ RTSP/1.0\r\nHost: a\r\n\r\n",
    "the whole server": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "no method": b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no path": b"GET foo HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes that are no ASCII": b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a broken escape": b"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "half an escape": b"GET /a% HTTP/1.1\r\nHost: a\r\n\r\n",
    "no UTF-8": b"GET /a%ff%fe HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_what_can_be_read_in_two_ways_is_400_and_the_end(name: str, echo: Echo) -> None:
    async with raw_server(echo) as server:
        answer = await server.ask(AMBIGUOUS[name] + SECOND)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"content-length: ") == 1
    assert b"connection: close\r\n" in answer
    assert "/second" not in [scope["path"] for scope in echo.scopes]
    assert echo.bodies == []


async def test_a_proxy_s_method_is_refused(echo: Echo) -> None:
    async with raw_server(echo) as server:
        answer = await server.ask(b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND)
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert echo.scopes == []


async def test_a_trailer_never_overrides_a_header(echo: Echo) -> None:
    """Issue 10, item 14: the key, or the address, of a call is what its head says."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer right\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = b"Authorization: Bearer wrong\r\nX-Forwarded-For: 10.0.0.1\r\n"
    async with raw_server(echo) as server:
        client = await server.connect()
        client.send(head + b"2\r\nhi\r\n0\r\n")
        await asyncio.sleep(0.05)
        client.send(trailers + b"\r\n")
        assert (await client.answer()).startswith(b"HTTP/1.1 200")
        client.send(head + b"2\r\nhi\r\n0\r\n" + trailers + b"\r\n")
        assert (await client.answer()).startswith(b"HTTP/1.1 200")
        client.close()
    for scope in echo.scopes:
        headers = dict(scope["headers"])
        assert headers[b"authorization"] == b"Bearer right"
        assert b"x-forwarded-for" not in headers
    assert echo.bodies == [b"hi", b"hi"]


async def test_headers_that_may_come_twice_are_joined_in_their_order(echo: Echo) -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n\r\n"
    async with raw_server(echo) as server:
        client = await server.connect()
        client.send(request)
        await client.answer()
        client.close()
    assert echo.scopes[0]["aio.headers"][b"x-forwarded-for"] == b"1.1.1.1, 2.2.2.2"


async def test_an_address_with_its_host_is_that_path(echo: Echo) -> None:
    async with raw_server(echo) as server:
        client = await server.connect()
        client.send(b"GET http://A:80/p%20q?r=%20s HTTP/1.1\r\nHost: a:80\r\n\r\n")
        assert (await client.answer()).startswith(b"HTTP/1.1 200")
        client.close()
    assert (echo.scopes[0]["path"], echo.scopes[0]["query_string"]) == ("/p q", b"r=%20s")


@pytest.mark.parametrize("host", [b"a", b"a_b:80", b"[::1]:8000", b"10.0.0.1", b"xn--oy2b.test", b"a:"])
async def test_a_host_s_name_is_taken_as_it_is(host: bytes, echo: Echo) -> None:
    async with raw_server(echo) as server:
        client = await server.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
        assert (await client.answer()).startswith(b"HTTP/1.1 200")
        client.close()


async def test_a_wish_for_another_protocol_is_not_granted_and_loses_no_byte_of_the_body(echo: Echo) -> None:
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    request = b"POST /first HTTP/1.1\r\nHost: a\r\nX-Kept: yes\r\n" + wish + b"Content-Length: 3\r\n\r\nabc"
    async with raw_server(echo) as server:
        answer = await server.ask(request + SECOND)
        assert answer.startswith(b"HTTP/1.1 200")
        assert (await server.ask(b"GET / HTTP/1.1\r\nHost: a\r\n" + wish + b"\r\n")).startswith(
            b"HTTP/1.1 200"
        )
    assert [scope["path"] for scope in echo.scopes] == ["/first", "/"]
    assert dict(echo.scopes[0]["headers"])[b"x-kept"] == b"yes"
    assert echo.bodies == [b"abc", b""]


async def test_a_faulty_request_sent_ahead_does_not_cost_the_one_before_its_answer(echo: Echo) -> None:
    async with raw_server(echo) as server:
        answer = await server.ask(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"content-length: ") == 1


async def test_nothing_after_a_last_request_is_read(echo: Echo) -> None:
    async with raw_server(echo) as server:
        await server.ask(b"GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + SECOND)
    assert [scope["path"] for scope in echo.scopes] == ["/first"]

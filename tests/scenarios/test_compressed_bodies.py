"""A compressed request is the request that it holds, on every mount, for JSON and for forms."""

import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
import media_files as made
import pytest
from scenarios.asking import API_IN_ONE, EVERY_ADDRESS, Books, body_for, told

zstd: Any = pytest.importorskip("backports.zstd")
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}
every_coding = pytest.mark.parametrize("coding", CODINGS)


def packed(coding: str, body: bytes, content_type: str = "application/json") -> dict[str, Any]:
    return compressed(coding, CODINGS[coding](body), content_type)


def compressed(coding: str, content: bytes, content_type: str) -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Type": content_type, "Content-Encoding": coding}}


@cache
def bomb(coding: str) -> bytes:
    """The head of a form and 300 MB of nothing: a second's work for some codings."""
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return CODINGS[coding](form + bytes(300_000_000))


@every_coding
@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_a_compressed_chat_is_answered_and_charged_as_any(
    path: str, coding: str, client: httpx.Client, books: Books
) -> None:
    body = json.dumps(body_for(path, "hello", stream=False)).encode()
    plain = client.post(path, content=body, headers={"Content-Type": "application/json"})
    spent = books.spent()

    answer = client.post(path, **packed(coding, body))

    assert answer.status_code == plain.status_code == 200, answer.text
    assert books.spent() == 2 * spent


@every_coding
def test_a_compressed_form_is_heard(coding: str, client: httpx.Client) -> None:
    request = client.build_request("POST", "/api/stt", files={"file": ("a.wav", made.wav(600))})

    answer = client.post("/api/stt", **packed(coding, request.read(), request.headers["Content-Type"]))

    assert answer.status_code == 200, answer.text
    assert "text" in answer.json()


@every_coding
def test_a_compressed_task_is_opened(coding: str, client: httpx.Client) -> None:
    body = json.dumps({"model": "flux-2", "prompt": "a fox"}).encode()

    answer = client.post("/api/v1/images/generations", **packed(coding, body))

    assert answer.status_code == 200, answer.text


@every_coding
@pytest.mark.parametrize("path", [API_IN_ONE, "/api/stt", "/api/v1/images/generations"])
def test_a_bomb_is_413_and_costs_nothing(path: str, coding: str, client: httpx.Client, books: Books) -> None:
    content_type = "multipart/form-data; boundary=x" if path == "/api/stt" else "application/json"

    answer = client.post(path, **compressed(coding, bomb(coding), content_type))

    assert answer.status_code == 413, answer.text
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("path", [*EVERY_ADDRESS, "/api/stt"])
def test_another_coding_is_415(path: str, client: httpx.Client, books: Books) -> None:
    kind = "multipart/form-data; boundary=x" if path == "/api/stt" else "application/json"
    answer = client.post(path, content=b"x", headers={"Content-Encoding": "br", "Content-Type": kind})

    assert answer.status_code == 415, answer.text
    assert "gzip, deflate, zstd" in told(answer)["message"]
    books.assert_nothing_held_or_spent()


def test_a_bad_key_is_told_before_the_coding(client: httpx.Client) -> None:
    headers = {"Content-Encoding": "br", "Authorization": "Bearer aio_" + "a" * 38}

    assert client.post("/api/chat", content=b"x", headers=headers).status_code == 401

"""Cross-origin calls: off unless origins are set, exact, never with credentials."""

import re
from pathlib import Path
from typing import Any

import pytest

from aio_platform.http.cors import SHOWN_HEADERS, CrossOrigin, read_origins

HERE = "https://app.example"
# Callers send these.
ASKED_WITH = {"X-Account", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"}
DOCS = Path(__file__).resolve().parents[3] / "docs"


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"req_1")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def called(connection: Any, origins: str, path: str = "/v1/models", **more: Any) -> dict[str, str]:
    await CrossOrigin(answer, read_origins(origins))(
        connection.scope(path, **more), connection.receive, connection.send
    )
    headers: dict[str, str] = connection.headers
    assert "access-control-allow-credentials" not in headers
    return headers


async def test_a_preflight_is_answered_without_the_application(connection: Any) -> None:
    asked = {
        "Origin": HERE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    }
    headers = await called(connection, HERE, method="OPTIONS", headers=asked)
    assert connection.status == 204
    assert headers["access-control-allow-origin"] == HERE
    assert headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-os"
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["vary"] == "Origin"


@pytest.mark.parametrize("asked", ["a b", "x\r\ny", "a,,b", "x" * 5000, ""])
async def test_odd_names_in_a_preflight_are_not_repeated(asked: str, connection: Any) -> None:
    headers = {
        "Origin": HERE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": asked,
    }
    got = await called(connection, HERE, method="OPTIONS", headers=headers)
    assert "Authorization" in got["access-control-allow-headers"]


async def test_an_allowed_origin_may_read_the_answer_and_its_price(connection: Any) -> None:
    headers = await called(connection, f"https://other.example, {HERE}", headers={"Origin": HERE})
    assert headers["access-control-allow-origin"] == HERE
    assert "X-Credits-Consumed" in headers["access-control-expose-headers"]
    assert headers["x-request-id"] == "req_1"


@pytest.mark.parametrize(
    "origin", ["https://app.example.evil.test", "http://app.example", "null", "https://APP.example"]
)
async def test_another_origin_is_given_nothing(origin: str, connection: Any) -> None:
    headers = await called(connection, HERE, headers={"Origin": origin})
    assert "access-control-allow-origin" not in headers
    assert headers["vary"] == "Origin"


async def test_another_origins_preflight_is_the_applications(connection: Any) -> None:
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    headers = await called(connection, HERE, method="OPTIONS", headers=asked)
    assert connection.status == 200
    assert "access-control-allow-origin" not in headers


async def test_a_star_is_every_origin(connection: Any) -> None:
    assert (await called(connection, "*", headers={"Origin": "null"}))["access-control-allow-origin"] == "*"


async def test_pages_are_left_out(connection: Any) -> None:
    headers = await called(connection, "*", path="/auth/login/", headers={"Origin": HERE})
    assert set(headers) == {"x-request-id"}


@pytest.mark.parametrize(
    "text",
    [
        "app.example",
        "https://app.example/",
        "https://app.example/x",
        "https://u@a.example",
        "https://*.a.example/",
    ],
)
def test_what_no_browser_sends_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        read_origins(text)


def test_without_origins_there_is_no_shell() -> None:
    from aio_platform import asgi

    assert read_origins("") == ()
    assert not isinstance(asgi.application, CrossOrigin)


def test_pages_may_read_every_header_that_the_docs_name() -> None:
    named = set(re.findall(r"\bX-[A-Z][A-Za-z-]+", "".join(page.read_text() for page in DOCS.glob("*.md"))))
    named -= ASKED_WITH
    assert len(named) > 4
    assert named <= set(SHOWN_HEADERS.split(", "))

"""Errors on the addresses of Anthropic's Messages are in the words that its SDKs and agents act on."""

import json

import pytest

from aio_platform.errors import InvalidRequest, NotFound, PlatformError, ServiceUnavailable
from aio_platform.problems import render

PATHS = ("/v1/messages", "/v1/messages/count_tokens")


def body(error: PlatformError, path: str = PATHS[0]) -> dict[str, object]:
    found: dict[str, object] = json.loads(render(error, path, "req_1").content)
    return found


@pytest.mark.parametrize("path", PATHS)
def test_an_error_has_anthropics_form_and_names_its_request(path: str) -> None:
    assert body(InvalidRequest("max_tokens: wrong", param="max_tokens"), path) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "max_tokens: wrong", "param": "max_tokens"},
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_each_status_has_anthropics_type(status: int, kind: str) -> None:
    error = PlatformError("no")
    error.status = status
    assert body(error)["error"] == {"type": kind, "message": "no"}


def test_a_prompt_that_is_too_long_is_called_so_for_agents_that_shorten_it() -> None:
    error = InvalidRequest("Shorten it.", openai_code="context_length_exceeded")
    assert body(error)["error"] == {
        "type": "invalid_request_error",
        "message": "prompt is too long: Shorten it.",
    }


def test_what_else_is_known_stands_beside_the_message() -> None:
    error = ServiceUnavailable("no", details={"needed": "1"})
    assert body(error)["error"] == {"type": "overloaded_error", "message": "no", "needed": "1"}


@pytest.mark.parametrize("path", ["/v1/messagesx", "/v1/message", "/api/v1/messages"])
def test_other_addresses_keep_their_own_form(path: str) -> None:
    assert "code" in body(NotFound("no"), path)["error"]  # type: ignore[operator]

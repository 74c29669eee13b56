"""Errors on the addresses of Gemini's API are in the form that Google's clients read."""

import json
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest, NotFound, PlatformError, TooManyRequests
from aio_platform.problems import render

PATHS = (
    "/v1beta/models/gemini:generateContent",
    "/v1beta/nothing",
    "/v1/models/a/b:streamGenerateContent",
    "/v1/models/a:batchEmbedContents",
)


def error_of(error: PlatformError, path: str = PATHS[0]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(error, path, "req_1").content)["error"]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_an_error_has_googles_form_and_names_field_and_request(path: str) -> None:
    assert error_of(InvalidRequest("contents: wrong", param="contents"), path) == {
        "code": 400,
        "message": "contents: wrong",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "INVALID_REQUEST",
                "domain": "aio-platform",
                "metadata": {"request_id": "req_1", "param": "contents"},
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (402, "FAILED_PRECONDITION"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (408, "DEADLINE_EXCEEDED"),
        (409, "ABORTED"),
        (413, "OUT_OF_RANGE"),
        (415, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_each_status_has_googles_name(status: int, name: str) -> None:
    error = PlatformError("no")
    error.status = status
    assert (error_of(error)["code"], error_of(error)["status"]) == (status, name)


def test_the_pause_before_a_retry_is_told_in_the_body_too() -> None:
    described = error_of(TooManyRequests("later", retry_after_s=7))
    assert described["details"][1] == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "7s",
    }


@pytest.mark.parametrize("path", ["/v1/models/acme/embed:large", "/v1/models", "/v1betax"])
def test_other_addresses_keep_their_own_form(path: str) -> None:
    found = json.loads(render(NotFound("no"), path, "req_1").content)
    assert "status" not in found["error"]

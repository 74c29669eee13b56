"""An error becomes a body in one place, in the shape of its mount, and tells nothing that is ours alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import exceptions as django_errors
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from rest_framework import exceptions as drf
from structlog.testing import capture_logs

from aio_platform import errors, problems

REQUEST_ID = "req_018f3a5b7c9d7abc8def0123456789ab"
OMAKASE = ["/api/chat", "/api/tts", "/api/v10/keys", "/elsewhere"]
OBJECTS = ["/api/v1/keys", "/v1/chat/completions", "/llm/v1/chat/completions"]
SECRET = "aio_S3cret password=hunter2 /srv/app/models.py"


def body_of(response: HttpResponse) -> Any:
    assert response["Content-Type"] == "application/json"
    return json.loads(response.content)


@pytest.mark.parametrize("path", OBJECTS)
def test_the_openai_like_mounts_answer_with_an_error_object(path: str) -> None:
    error = errors.InvalidRequest("n: too many.", param="n", details={"limit": 8})
    response = problems.render(error, path, REQUEST_ID)
    assert response.status_code == 400
    assert body_of(response) == {
        "error": {
            "code": "invalid_value" if path.startswith("/v1/") else 400,
            "message": "n: too many.",
            "type": "invalid_request_error" if path.startswith("/v1/") else "invalid_request",
            "param": "n",
            "request_id": REQUEST_ID,
            "limit": 8,
        }
    }


@pytest.mark.parametrize("path", OMAKASE)
def test_omakases_mount_answers_with_a_message(path: str) -> None:
    error = errors.InvalidRequest("n: too many.", param="n", details={"limit": 8})
    assert body_of(problems.render(error, path, REQUEST_ID)) == {
        "error": "n: too many.",
        "type": "invalid_request",
        "request_id": REQUEST_ID,
        "param": "n",
        "limit": 8,
    }


def test_without_a_field_param_is_null_in_the_object_and_absent_in_the_message() -> None:
    error = errors.NotFound("Nothing here.")
    assert body_of(problems.render(error, "/v1/x", REQUEST_ID))["error"]["param"] is None
    assert "param" not in body_of(problems.render(error, "/api/x", REQUEST_ID))


@pytest.mark.parametrize("path", [*OMAKASE, *OBJECTS])
def test_every_error_names_its_request_in_body_and_header(path: str) -> None:
    response = problems.render(errors.NotFound("Nothing here."), path, REQUEST_ID)
    assert response["X-Request-Id"] == REQUEST_ID
    assert REQUEST_ID.encode() in response.content


def test_headers_and_the_pause_before_a_retry_are_passed_on() -> None:
    error = errors.TooManyRequests("Slow down.", retry_after_s=7, headers={"x-should-retry": "false"})
    response = problems.render(error, "/v1/x", REQUEST_ID)
    assert response.status_code == 429
    assert response["Retry-After"] == "7"
    assert response["x-should-retry"] == "false"


def test_a_missing_key_says_how_to_authenticate() -> None:
    response = problems.render(errors.AuthenticationRequired("Give a key."), "/v1/x", REQUEST_ID)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_unavailability_always_says_when_to_come_back() -> None:
    assert problems.render(errors.ServiceUnavailable("Busy."), "/v1/x", REQUEST_ID)["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("raised", "status", "error_type", "param"),
    [
        (Http404(SECRET), 404, "not_found", None),
        (django_errors.RequestDataTooBig(SECRET), 413, "invalid_request", None),
        (django_errors.PermissionDenied(SECRET), 403, "permission_error", None),
        (django_errors.SuspiciousOperation(SECRET), 400, "invalid_request", None),
        (django_errors.DisallowedHost(SECRET), 400, "invalid_request", None),
        (django_errors.TooManyFieldsSent(SECRET), 400, "invalid_request", None),
        (django_errors.BadRequest(SECRET), 400, "invalid_request", None),
        (drf.ParseError(SECRET), 400, "invalid_request", None),
        (drf.UnsupportedMediaType(SECRET), 400, "invalid_request", "Content-Type"),
        (drf.NotAcceptable(SECRET), 400, "invalid_request", "Accept"),
        (drf.NotAuthenticated(SECRET), 401, "authentication_error", None),
        (drf.AuthenticationFailed(SECRET), 401, "authentication_error", None),
        (drf.MethodNotAllowed("PATCH", SECRET), 405, "invalid_request", None),
        (drf.NotFound(SECRET), 404, "not_found", None),
        (RuntimeError(SECRET), 500, "server_error", None),
        (KeyError(SECRET), 500, "server_error", None),
        (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET), 500, "server_error", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_django_and_rest_framework_raise_is_translated_and_their_words_stay_inside(
    raised: Exception, status: int, error_type: str, param: str | None
) -> None:
    error = problems.as_platform_error(raised)
    assert (error.status, error.type, error.param) == (status, error_type, param)
    for path in ("/api/x", "/v1/x"):
        content = problems.render(error, path, REQUEST_ID).content.decode()
        for word in ("aio_S3cret", "hunter2", "models.py", "Traceback", type(raised).__name__):
            assert word not in content


def test_our_own_errors_pass_as_they_are() -> None:
    error = errors.InvalidRequest("No.")
    assert problems.as_platform_error(error) is error


def test_a_refused_permission_keeps_its_reason() -> None:
    error = problems.as_platform_error(drf.PermissionDenied("Owners only."))
    assert (error.status, error.message) == (403, "Owners only.")


@pytest.mark.parametrize(
    ("detail", "param", "message"),
    [
        ({"name": ["Too long."]}, "name", "Too long."),
        (
            {"scopes": {"models": ["No such model.", "Other."]}, "name": ["Bad."]},
            "scopes.models",
            "No such model.",
        ),
        ({"items": [{}, {"amount": ["Negative."]}]}, "items", "{}"),
        ({"non_field_errors": ["Give one."]}, None, "Give one."),
        ({"limits": {"non_field_errors": ["Give one."]}}, "limits", "Give one."),
        (["Plain."], None, "Plain."),
        ("Plain.", None, "Plain."),
    ],
)
def test_the_first_field_of_a_serializers_complaint_is_named(
    detail: Any, param: str | None, message: str
) -> None:
    error = problems.as_platform_error(drf.ValidationError(detail))
    assert (error.status, error.param) == (400, param)
    assert error.message == message


def test_only_what_nobody_foresaw_is_logged_with_its_trace() -> None:
    with capture_logs() as logs:
        problems.as_platform_error(drf.ParseError())
        problems.as_platform_error(errors.NotFound("No."))
        assert logs == []
        problems.as_platform_error(RuntimeError("a bug"))
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert isinstance(logs[0]["exc_info"], RuntimeError)


@pytest.mark.parametrize("path", ["/api/v1/keys", "/api/chat"])
def test_rest_frameworks_hook_answers_in_the_shape_of_the_requests_mount(path: str) -> None:
    request: Any = RequestFactory().get(path)
    request.request_id = REQUEST_ID
    response = problems.exception_handler(drf.NotFound(), {"request": request})
    shape: dict[str, Callable[[Any], Any]] = {
        "/api/v1/keys": lambda body: body["error"]["message"],
        "/api/chat": lambda body: body["error"],
    }
    assert response.status_code == 404
    assert shape[path](body_of(response)) == "There is nothing at this address."

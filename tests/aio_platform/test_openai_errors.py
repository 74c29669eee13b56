"""On /v1 an error is written in OpenAI's vocabulary; every class of error there is has words in it."""

import re

import pytest
from error_classes import error_classes

from accounts import errors as accounts_errors
from aio_platform import errors, openai_errors, problems
from aio_platform.error_kinds import KIND_OF
from aio_platform.errors import PlatformError
from gateway.catalog.routes import UnknownModel

REQUEST_ID = "req_018f3a5b7c9d7abc8def0123456789ab"


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_class_of_error_has_openais_words(kind: type[PlatformError]) -> None:
    assert (kind.status, kind.type) in KIND_OF
    code = kind.openai_code or KIND_OF[kind.status, kind.type].openai_code
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (accounts_errors.UnknownKey(), "invalid_request_error", "invalid_api_key"),
        (UnknownModel("No."), "invalid_request_error", "model_not_found"),
        (accounts_errors.ModelNotAllowed("x"), "invalid_request_error", "model_not_found"),
        (errors.TooManyRequests("Slow."), "requests", "rate_limit_exceeded"),
        (errors.InternalError("Oh."), "server_error", "server_error"),
    ],
)
def test_the_openai_mount_answers_in_openais_own_words(error: PlatformError, kind: str, code: str) -> None:
    described = problems.body_of(error, "/v1/chat/completions", REQUEST_ID)["error"]
    assert (described["type"], described["code"]) == (kind, code)
    assert described["request_id"] == REQUEST_ID
    assert set(described) == {"code", "message", "type", "param", "request_id"}


@pytest.mark.parametrize("path", ["/api/v1/models", "/llm/v1/chat/completions"])
def test_the_documents_mounts_keep_their_own_words(path: str) -> None:
    described = problems.body_of(accounts_errors.UnknownKey(), path, REQUEST_ID)["error"]
    assert (described["type"], described["code"]) == ("authentication_error", 401)


def test_an_error_may_say_its_own_code() -> None:
    error = errors.InvalidRequest("Too long.", openai_code="context_length_exceeded")
    assert openai_errors.openai_words(error) == ("invalid_request_error", "context_length_exceeded")
    assert errors.InvalidRequest.openai_code is None

"""The only place where an error becomes an HTTP body.

Each mount has its shape: `/api/…` (Omakase) answers `{"error": "message", …}`, the others an error object; on `/v1`
its `type` and `code` are OpenAI's. The addresses of Anthropic's Messages and of Google's Gemini have their own.
"""

import re
from typing import Any

import orjson
import psycopg
import structlog
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError
from django.http import Http404, HttpResponse
from rest_framework import exceptions as drf

from aio_platform import errors
from aio_platform.anthropic_errors import anthropic_body
from aio_platform.errors import PlatformError
from aio_platform.google_errors import google_body
from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.null_characters import NullCharacter, is_refusal_of_null
from aio_platform.observability.metrics import ERRORS_ANSWERED
from aio_platform.openai_errors import openai_words
from aio_platform.process.open_files import NO_FILE_LEFT, NoFileLeft

log = structlog.get_logger(__name__)
OPENAI_MOUNT = "/v1/"
OBJECT_MOUNTS = ("/api/v1/", OPENAI_MOUNT, "/llm/v1/")
# Where Anthropic's clients look for a call's id.
ANTHROPIC_ID_HEADER = "request-id"
ANTHROPIC_ADDRESS = re.compile(r"/v1/messages(?:/|\Z)")
# Google's newer clients say `/v1` for `/v1beta`.
GOOGLE_ADDRESS = re.compile(r"/v1beta(?:/|\Z)|/v1/models/.+:(?:\w+Contents?|countTokens)\Z")


def render(error: PlatformError, path: str, request_id: str) -> HttpResponse:
    """Answer with the error in the shape of the mount that `path` belongs to."""
    ERRORS_ANSWERED.add_from_any_thread(error.code, str(error.status))
    body = orjson.dumps(body_of(error, path, request_id))
    response = HttpResponse(body, content_type="application/json", status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    if error.retry_after_s is not None:
        response["Retry-After"] = str(error.retry_after_s)
    response["X-Request-Id"] = request_id
    if ANTHROPIC_ADDRESS.match(path):
        response[ANTHROPIC_ID_HEADER] = request_id
    return response


def body_of(error: PlatformError, path: str, request_id: str) -> dict[str, Any]:
    """The error's JSON in the shape of the mount or address that `path` belongs to."""
    if ANTHROPIC_ADDRESS.match(path):
        return anthropic_body(error, request_id)
    if GOOGLE_ADDRESS.match(path):
        return google_body(error, request_id)
    if path.startswith(OBJECT_MOUNTS):
        return error_object(error, path, request_id)
    body: dict[str, Any] = {"error": error.message, "type": error.type, "request_id": request_id}
    if error.param is not None:
        body["param"] = error.param
    return body | error.details


def event_body_of(error: PlatformError, path: str, request_id: str) -> dict[str, Any]:
    """The error's JSON for an event of a stream: an object on every mount."""
    body = body_of(error, path, request_id)
    return body if isinstance(body["error"], dict) else error_object(error, path, request_id)


def error_object(error: PlatformError, path: str, request_id: str) -> dict[str, Any]:
    """The error's JSON as an object, in OpenAI's words on its mount: most streams of events carry it too."""
    code: int | str
    kind, code = openai_words(error) if path.startswith(OPENAI_MOUNT) else (error.type, error.status)
    described: dict[str, Any] = {
        "code": code,
        "message": error.message,
        "type": kind,
        "param": error.param,
        "request_id": request_id,
    }
    return {"error": described | error.details}


def as_platform_error(error: BaseException) -> PlatformError:
    """Translate what Django and REST framework raise; anything unknown becomes InternalError, logged."""
    if isinstance(error, PlatformError):
        return error
    if isinstance(error, Http404):
        return errors.UnknownAddress()
    if isinstance(error, RequestDataTooBig):
        return errors.BodyTooLarge(_("The body is larger than this address takes."))
    if isinstance(error, PermissionDenied):
        return errors.PermissionRefused(_("This is not allowed."))
    if isinstance(error, (BadRequest, SuspiciousOperation)):
        return errors.InvalidRequest(_("The request is malformed."))
    if isinstance(error, drf.ValidationError):
        field, message = _first_problem(error.detail)
        return errors.InvalidRequest(Message.verbatim(message), param=field)
    if isinstance(error, drf.ParseError):
        return errors.InvalidRequest(_("The body is not valid JSON."))
    if isinstance(error, drf.UnsupportedMediaType):
        return errors.InvalidRequest(_("Send the body as application/json."), param="Content-Type")
    if isinstance(error, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        return errors.AuthenticationRequired(
            _("Give an API key as 'Authorization: Bearer aio_…', or sign in.")
        )
    if isinstance(error, drf.PermissionDenied):
        return errors.PermissionRefused(Message.verbatim(str(error.detail)))
    if isinstance(error, drf.MethodNotAllowed):
        return errors.MethodNotAllowed()
    if isinstance(error, drf.NotAcceptable):
        return errors.InvalidRequest(_("This address answers in application/json only."), param="Accept")
    if isinstance(error, drf.NotFound):
        return errors.UnknownAddress()
    if isinstance(error, (DataError, psycopg.DataError)) and is_refusal_of_null(error):
        return NullCharacter()
    if isinstance(error, OSError) and error.errno in NO_FILE_LEFT:
        log.error("there is no open file left")
        return NoFileLeft()
    log.error("unexpected error", exc_info=error)
    return errors.InternalError(_("Something went wrong on our side. The request id helps us to find it."))


def forget_frames(error: BaseException) -> None:
    """Let go of what the frames of an answered error hold: a call's body, among others.

    A frame that holds the error which holds the frame is freed by the garbage collector alone, and that comes seldom.
    """
    each: BaseException | None = error
    while each is not None and each.__traceback__ is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """REST framework's hook: every exception of an ordinary view passes here."""
    request, view = context["request"], context.get("view")
    told = as_platform_error(error)
    if isinstance(error, drf.MethodNotAllowed) and view is not None:
        told = method_not_allowed(view.allowed_methods, request.path)
    return render(told, request.path, getattr(request, "request_id", ""))


def method_not_allowed(methods: list[str], path: str) -> PlatformError:
    """The refusal of a method, naming those that the address takes."""
    taken = ", ".join(method for method in methods if method != "OPTIONS")
    named = taken.replace(", HEAD", "").replace(", ", " or ")
    return errors.MethodNotAllowed(
        _("This address does not take that method. Use %(methods)s %(path)s."),
        headers={"Allow": taken},
        methods=named,
        path=path,
    )


def _first_problem(detail: Any, path: str = "") -> tuple[str | None, str]:
    """The first field with its message in REST framework's nested detail, the path joined by dots."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            joined = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            return _first_problem(inner, joined)
    if isinstance(detail, list):
        for inner in detail:
            return _first_problem(inner, path)
    return path or None, str(detail)

"""Ordinary requests with U+0000 are answered before their view looks anything up.

An address that has it leads nowhere (404); a query or a form that has it is malformed (400).
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse

from aio_platform import problems
from aio_platform.null_characters import NUL, NullCharacter, place_of_null

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
API_PATHS = ("/api/", "/v1/", "/llm/")


class NullRefusalsMiddleware:
    """Comes after the session's middleware, since the pages of errors say who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, arguments: Any, keywords: Any
    ) -> HttpResponse | None:
        """The answer in the shape of an API's mount, None for what is fine; raises Http404, BadRequest for pages."""
        is_api = request.path.startswith(API_PATHS)
        if NUL in request.path_info:
            if not is_api:
                raise Http404
            return _refusal(request, Http404())
        for name, values in _fields(request, is_api):
            if place_of_null([name, values]) is not None:
                if not is_api:
                    raise BadRequest
                return _refusal(request, NullCharacter(param=name if NUL not in name else None))
        return None


def _fields(request: HttpRequest, is_api: bool) -> Iterator[tuple[str, list[Any]]]:
    if "%00" in request.META.get("QUERY_STRING", ""):
        yield from request.GET.lists()
    # An API takes no forms, and says so itself; a form that cannot be parsed would be answered with a page.
    if not is_api and request.content_type in FORM_TYPES:
        yield from request.POST.lists()


def _refusal(request: HttpRequest, error: Exception) -> HttpResponse:
    return problems.render(
        problems.as_platform_error(error), request.path, getattr(request, "request_id", "")
    )

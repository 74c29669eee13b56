"""Errors of pages: the same typed errors as the API's, as a page that says what happened and what to do."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from aio_platform.errors import PlatformError
from aio_platform.null_characters import NullCharacter, is_refusal_of_null


class PageErrorsMiddleware:
    """Shows a PlatformError that a page's view raised; API views have their own bodies and never get here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The error's page, or only its notice where htmx asked; None leaves other exceptions to Django."""
        if is_refusal_of_null(exception):
            exception = NullCharacter()
        if not isinstance(exception, PlatformError):
            return None
        context = {"error": exception, "request_id": getattr(request, "request_id", "")}
        if request.headers.get("HX-Request"):
            response = render(request, "error_notice.html", context, status=exception.status)
            response["HX-Retarget"] = "#notices"
            response["HX-Reswap"] = "innerHTML"
            return response
        return render(request, "error.html", context, status=exception.status)

"""Nothing that is answered to one caller is kept for another: no cache keeps what does not say that it may."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

CACHE_CONTROL = "private, no-store"


class PrivateAnswersMiddleware:
    """Pages, redirects and errors of an account, and of staff, are not kept by a browser's or a proxy's cache.

    An answer that says itself how it may be kept, as a file of ours does, is left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", CACHE_CONTROL)
        return response

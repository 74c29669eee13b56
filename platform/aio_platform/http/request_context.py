"""What a request carries from its first moment: an id, and the caller's address."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from aio_platform import errors, problems
from aio_platform.http.request_ids import new_request_uuid, public_request_id
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.null_characters import NUL, without_null


class RequestContextMiddleware:
    """Gives every ordinary Django request its id, and names it in the answer.

    It also refuses hosts that are not ours: what answers errors asks for the host again, and would fail on it again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = public_request_id(new_request_uuid())  # type: ignore[attr-defined]
        if NUL in "".join(request.COOKIES.values()):
            request.COOKIES = without_null(request.COOKIES)
        try:
            request.get_host()
        except DisallowedHost:
            error = errors.InvalidRequest(
                _("The Host header is not one that this platform answers to."), param="Host"
            )
            return problems.render(error, request.path, request.request_id)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.setdefault("X-Request-Id", request.request_id)  # type: ignore[attr-defined]
        return response


def client_address(request: HttpRequest) -> str:
    """The caller's address: the connection's peer, or what our own proxy says where one is configured."""
    if settings.TRUST_FORWARDED_FOR:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        last = forwarded.rpartition(",")[2].strip()
        if last:
            return str(last)
    return str(request.META.get("REMOTE_ADDR", ""))

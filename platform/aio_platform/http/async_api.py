"""AsyncAPIView: REST framework's view with a dispatch that awaits, and none of its per-request negotiation.

See ADR 3.
"""

import sys
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from aio_platform import errors, problems
from aio_platform.http.handler import GatewayRequest


class _NoNegotiation:
    """Gateway views answer in the type their endpoint documents; building DRF's negotiator costs time."""


class AsyncAPIView(APIView):
    """A REST framework view served by GatewayHandler.

    Handlers are coroutines that return a Django response. Whatever they raise is answered in the shape of the
    request's mount. The key is checked by authorization in the same statement as the balance, so there is no
    authentication step here.
    """

    authentication_classes = ()
    permission_classes = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Else Django gives each view object one that refers to the object, and is freed by the garbage collector alone.
        if hasattr(cls, "get") and "head" not in cls.__dict__:
            cls.head = cls.get  # type: ignore[attr-defined]

    async def dispatch(  # type: ignore[override]
        self, request: GatewayRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        self.request = drf_request = Request(request, negotiator=_NO_NEGOTIATION)
        drf_request.parser_context.clear()  # it refers to the request, as `head` would to the view
        # Interned: Python remembers each name that is looked up on a class, and would keep a string for each call.
        method = sys.intern(request.method.lower()) if request.method else ""
        handler = getattr(self, method, None) if method in self.http_method_names else None
        try:
            if method == "options":
                return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
            if handler is None:
                raise problems.method_not_allowed(self.allowed_methods, request.path)
            return await handler(drf_request, *args, **kwargs)
        except errors.ClientGone:
            raise
        except Exception as error:
            told = problems.as_platform_error(error)
            problems.forget_frames(error)
            return problems.render(told, request.path, request.request_id)


_NO_NEGOTIATION: Any = _NoNegotiation()

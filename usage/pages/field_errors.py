"""What usage's pages share: what is said to fields that are wrong."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from aio_platform.errors import InvalidRequest

View = Callable[..., HttpResponseBase]


def explains_bad_fields(view: View) -> View:
    """Decorate a page that has filters: a field that is wrong is named on a page of its own, with a way back.

    Where htmx asked, the notice takes the place of what the filters were for.
    """

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except InvalidRequest as error:
            context = {"error": error}
            if not request.headers.get("HX-Request"):
                return render(request, "usage/bad_field.html", context, status=error.status)
            response = render(request, "usage/bad_field_notice.html", context, status=error.status)
            response["HX-Retarget"] = "#view"
            response["HX-Reselect"] = "#view"
            response["HX-Reswap"] = "outerHTML"
            return response

    return page

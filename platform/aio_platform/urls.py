"""Addresses served by Django itself; the gateway's are in the URLconf that settings name."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from aio_platform import errors, problems
from aio_platform.http import metrics_page
from aio_platform.http.nearby_addresses import bare_addresses, nearby, use
from aio_platform.http.schema_view import SCHEMA_PATH, SchemaView
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.process import health

MOUNTS = (*problems.OBJECT_MOUNTS, "/api/", "/v1beta/")


@csrf_exempt
def unknown_address(request: HttpRequest, **_: Any) -> HttpResponse:
    """404 in the shape of the mount, for every API path that no view takes; names the address that was meant."""
    request_id: str = getattr(request, "request_id", "")
    meant = nearby(request.path)
    advice = f" {use(meant)}" if meant else ""
    error = errors.UnknownAddress(gettext_noop("There is nothing at this address.%(advice)s"), advice=advice)
    # Whoever wrote a mount reads its shape; others that of the mount that was meant.
    written = f"{request.path.rstrip('/')}/"
    return problems.render(error, written if written.startswith(MOUNTS) else meant or written, request_id)


documented_patterns = [
    path("", include(urlconf)) for urlconf in (*settings.API_URLCONFS, settings.GATEWAY_URLCONF)
]
urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", metrics_page.metrics),
    path(SCHEMA_PATH, SchemaView.as_view(patterns=documented_patterns)),
    *(path("", include(urlconf)) for urlconf in settings.API_URLCONFS),
    path("staff/", admin.site.urls),
    path("auth/", include(settings.AUTH_URLCONF)),
    path("i18n/", include("django.conf.urls.i18n")),
    *(path("", include(urlconf)) for urlconf in settings.PAGE_URLCONFS),
    re_path(r"^(?:(?:api|v1|v1beta|llm)/|v1$)", unknown_address),
    # A base URL without /v1, or with something before it.
    re_path(bare_addresses(), unknown_address),
]

"""/api/schema: the OpenAPI document, made once in a process. Making it takes a tenth of a second of its core."""

import gzip
import hashlib
from functools import lru_cache
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

SCHEMA_PATH = "api/schema"
RENDERERS = {"yaml": OpenApiYamlRenderer, "json": OpenApiJsonRenderer}


class Rendered(NamedTuple):
    """The document in one format, as it is and compressed."""

    plain: bytes
    compressed: bytes
    etag: str


class SchemaView(SpectacularAPIView):
    """The document in English, whatever the visitor's language: as YAML, or as JSON where that is asked for."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = self.perform_content_negotiation(request)[0]
        rendered = _rendered(renderer.format, tuple(self.patterns or ()))
        takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
        etag = f'"{rendered.etag}{"-gzip" if takes_gzip else ""}"'
        unchanged = get_conditional_response(request._request, etag=etag)
        response = unchanged or HttpResponse(rendered.compressed if takes_gzip else rendered.plain)
        if unchanged is None:
            response["Content-Type"] = renderer.media_type
            response["Content-Disposition"] = f'inline; filename="{self._get_filename(request, None)}"'
            if takes_gzip:
                response["Content-Encoding"] = "gzip"
        response["ETag"] = etag
        response["Cache-Control"] = "no-cache"  # kept, and asked about each time
        patch_vary_headers(response, ["Accept", "Accept-Encoding"])
        return response


@lru_cache(maxsize=len(RENDERERS))
def _rendered(kind: str, patterns: tuple[Any, ...]) -> Rendered:
    with translation.override("en"):
        document = SpectacularAPIView.generator_class(patterns=list(patterns)).get_schema(public=True)
        plain = bytes(RENDERERS[kind]().render(document, renderer_context={}))  # type: ignore[arg-type]
    return Rendered(plain, gzip.compress(plain, mtime=0), hashlib.sha256(plain).hexdigest()[:32])

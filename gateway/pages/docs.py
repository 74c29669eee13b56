"""The documentation, for everybody: guides, reference, models, the OpenAPI document, search."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Plan
from aio_platform.error_kinds import ERROR_KINDS
from aio_platform.errors import NotFound
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.docs_site import pages, prices
from gateway.docs_site.answers import stream_example
from gateway.docs_site.api_changes import CHANGES
from gateway.docs_site.examples import error_example, event_example, rate_headers_example
from gateway.docs_site.facts import facts
from gateway.docs_site.openapi import METHODS, document
from gateway.docs_site.reference import Operation, operation_of, operations_of
from gateway.docs_site.samples import Sample, program, samples_of
from gateway.docs_site.search import search
from gateway.pages.workbench_endpoints import ENDPOINTS

LANGUAGE_COOKIE = "aio_code"


@require_safe
def quickstart(request: HttpRequest) -> HttpResponse:
    """GET /docs."""
    return guide(request, pages.QUICKSTART)


@require_safe
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /docs/SLUG; raises NotFound."""
    page = pages.page_of(slug, reference=False)
    if page is None:
        raise NotFound(_("There is no such page of the documentation."))
    more: dict[str, Any] = {}
    match slug:
        case pages.QUICKSTART:
            more = {
                "first_call": _tabs(request, samples_of("post", "/llm/v1/chat/completions")),
                "environment": f'export AIO_BASE_URL="{_host(request)}"\nexport AIO_API_KEY="aio_your_api_key"',
                "with_openai": _tabs(request, samples_of("post", "/v1/chat/completions")),
            }
        case "models":
            more = {"models": prices.models_with_prices()}
        case "prices":
            more = {"price_list": prices.price_list()}
        case "errors":
            more = {
                "error_kinds": ERROR_KINDS,
                "openai_error": error_example("/v1/chat/completions"),
                "object_error": error_example("/api/v1/chat/completions"),
                "text_error": error_example("/api/chat"),
            }
        case "changelog":
            more = {"changes": CHANGES}
        case "tasks":
            more = {
                "submit": _tabs(request, samples_of("post", "/api/v1/images/generations")),
                "poll": _tabs(request, program("poll_task")),
            }
        case "callbacks":
            more = {"verify": _tabs(request, program("verify_callback")), "event_example": event_example()}
        case "streaming":
            more = {"stream": _tabs(request, program("stream")), "stream_example": stream_example()}
        case "limits":
            more = {
                "plans": list(Plan.objects.order_by("calls_per_minute")),
                "rate_headers": rate_headers_example(),
            }
        case "openapi":
            more = {"operations": _every_operation()}
    return render(request, page.template, _context(request, page) | more)


@require_safe
def endpoint(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /docs/endpoints/SLUG; raises NotFound."""
    page = pages.page_of(slug, reference=True)
    if page is None:
        raise NotFound(_("There is no such page of the documentation."))
    shown = [
        {
            "operation": operation,
            "tabs": _tabs(request, operation.samples),
            "prices": prices.prices_of(operation.endpoint) if operation.endpoint else [],
            "workbench": _workbench(operation),
        }
        for address in page.addresses
        for operation in operations_of(address)
    ]
    return render(request, "gateway/docs/endpoint.html", _context(request, page) | {"shown": shown})


@require_safe
def openapi_operation(request: HttpRequest, operation_id: str) -> HttpResponse:
    """GET /docs/openapi/ID: one operation of the OpenAPI document, for the page that lists all; raises NotFound."""
    operation = operation_of(operation_id)
    page = pages.page_of("openapi", reference=False)
    if operation is None or page is None:
        raise NotFound(_("There is no such operation."))
    context = _context(request, page) | {"operation": operation}
    if request.headers.get("HX-Request"):
        return render(request, "gateway/docs/parts/openapi_operation.html", context)
    return render(request, "gateway/docs/openapi_operation.html", context)


@require_safe
def search_docs(request: HttpRequest) -> HttpResponse:
    """GET /docs/search?q=…: the pages found, as a page or as the part that the search field shows."""
    query = request.GET.get("q", "").strip()
    context = {"query": query, "found": search(query)}
    if request.headers.get("HX-Request"):
        return render(request, "gateway/docs/parts/found.html", context)
    return render(request, "gateway/docs/search.html", _context(request, None) | context)


def _context(request: HttpRequest, page: pages.Page | None) -> dict[str, Any]:
    before, after = (None, None) if page is None else pages.neighbours(page)
    return {
        "page": page,
        "before": before,
        "after": after,
        "groups": pages.GROUPS,
        "facts": facts(),
    }


def _host(request: HttpRequest) -> str:
    """The address that the visitor sees us at, which is the one their programs can call."""
    return request.build_absolute_uri("/").rstrip("/")


def _tabs(request: HttpRequest, samples: Sequence[Sample]) -> dict[str, Any]:
    """Code with its host written out, the language opened that the visitor chose last."""
    languages = [sample.language for sample in samples]
    kept = request.COOKIES.get(LANGUAGE_COOKIE, "")
    host = _host(request)
    return {
        "samples": [sample.at_host(host) for sample in samples],
        "chosen": kept if kept in languages else languages[0],
    }


def _workbench(operation: Operation) -> str:
    """Where the workbench opens on this endpoint with its first model; "" for what it cannot try."""
    if not operation.endpoint:
        return ""
    by_path = (each.slug for each in ENDPOINTS if (each.path, each.method.upper()) == _where(operation))
    chosen = {"endpoint": next(by_path, operation.endpoint)}
    found = prices.prices_of(operation.endpoint)
    if found:
        chosen["model"] = found[0].model.slug
    return f"{reverse('workbench')}?{urlencode(chosen)}"


def _where(operation: Operation) -> tuple[str, str]:
    return operation.address, operation.method


def _every_operation() -> list[dict[str, str]]:
    return [
        {"id": methods[method]["operationId"], "method": method.upper(), "address": address}
        for address, methods in document()["paths"].items()
        for method in METHODS
        if method in methods
    ]

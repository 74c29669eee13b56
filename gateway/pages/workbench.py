"""The workbench: a form for every endpoint and model, run by the browser itself with the member's session.

The page calls the API's own addresses. Of this module it asks, beside itself, only for previews: what a call would
cost at most, and the same call as a program.
"""

from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.page_context import member_page, page_member
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest, NotFound, PlatformError
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.problems import as_platform_error
from gateway.docs_site.prices import ModelPrice, catalog_in_force, prices_of
from gateway.openapi.examples import example_of
from gateway.pages.workbench_code import code_of
from gateway.pages.workbench_endpoints import BY_SLUG, ENDPOINTS, WorkbenchEndpoint
from gateway.pages.workbench_forms import form_of
from gateway.pages.workbench_prices import ceiling_microcredits, given_file

FIRST = ENDPOINTS[0]


@require_safe
@member_page()
def workbench(request: HttpRequest) -> HttpResponse:
    """The form of `endpoint` and `model` in the query string; the first endpoint, its default model without."""
    member = page_member(request)
    endpoint = BY_SLUG.get(request.GET.get("endpoint") or FIRST.slug)
    if endpoint is None:
        raise InvalidRequest(
            gettext_noop("%(param)s is one of %(choices)s."), param="endpoint", choices=", ".join(BY_SLUG)
        )
    catalog = catalog_in_force()
    models = prices_of(endpoint.endpoint)
    context: dict[str, Any] = {
        "endpoints": ENDPOINTS,
        "endpoint": endpoint,
        "models": models,
        "may_run": member.is_maker,
        "words": _words(),
    }
    if catalog is not None and models:
        asked = request.GET.get("model") or _first_model(endpoint, models)
        model = catalog.routes_for(endpoint.endpoint, asked)[0].model
        context |= {
            "model": model,
            "form": form_of(endpoint, model, _example_of(endpoint, model)),
            "price": next(price for price in models if price.model.slug == model),
        }
    return render(request, "gateway/workbench.html", context)


@require_POST
@member_page()
def preview(request: HttpRequest) -> HttpResponse:
    """What a request would hold, and what it looks like as a program: `{endpoint, values, file}` in JSON.

    `ceiling` is in credits; where the request is not one yet, `problem` says what the API would say.
    """
    try:
        endpoint, values, described = _asked_preview(request)
        file = given_file(described)
        answer: dict[str, Any] = {
            "code": [
                code._asdict()
                for code in code_of(
                    endpoint,
                    request.build_absolute_uri("/").rstrip("/"),
                    values,
                    None if file is None else file.file_name,
                )
            ]
        }
    except PlatformError as error:
        return JsonResponse({"error": error.message, "param": error.param}, status=error.status)
    try:
        catalog = catalog_in_force()
        if catalog is None:
            raise NotFound(gettext_noop("No model serves this endpoint."), param="model")
        answer["ceiling"] = format_credits(ceiling_microcredits(catalog, endpoint, values, file))
    except PlatformError as error:
        answer["problem"] = {"message": error.message, "param": error.param}
    return JsonResponse(answer)


def _asked_preview(request: HttpRequest) -> tuple[WorkbenchEndpoint, dict[str, Any], Any]:
    try:
        asked = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise InvalidRequest(gettext_noop("The body is not valid JSON.")) from None
    except RequestDataTooBig as error:
        raise as_platform_error(error) from None
    slug = asked.get("endpoint") if isinstance(asked, dict) else None
    endpoint = BY_SLUG.get(slug) if isinstance(slug, str) else None
    if endpoint is None or not isinstance(asked.get("values"), dict):
        raise InvalidRequest(
            gettext_noop("The body is an object with an endpoint and values."), param="endpoint"
        )
    return endpoint, asked["values"], asked.get("file")


def _first_model(endpoint: WorkbenchEndpoint, models: list[ModelPrice]) -> str:
    """The endpoint's default; of tasks, which need not have one, the documentation's example, else the first."""
    if models[0].is_default:
        return models[0].model.slug
    example = example_of(endpoint.method, endpoint.path)
    shown = None if example is None else (example.json or {}).get("model")
    return shown if shown in [price.model.slug for price in models] else models[0].model.slug


def _example_of(endpoint: WorkbenchEndpoint, model: str) -> dict[str, Any]:
    """What the form holds at first: the documentation's example, as far as it is of this model."""
    example = example_of(endpoint.method, endpoint.path)
    if example is None:
        return {}
    values = dict(example.json or example.fields)
    if endpoint.slug == "chat":
        return {"messages": [{"role": "user", "content": values["input"]}], "stream": True}
    if endpoint.is_task and values.get("model", model) != model:
        return {"prompt": values["prompt"]} if "prompt" in values else {}
    return values


def _words() -> dict[str, str]:
    """What the page's script says, in the visitor's language."""
    return {
        "running": _("Running…"),
        "receiving": _("Receiving…"),
        "done": _("Done"),
        "stopped": _("Stopped. What had been delivered is charged; the receipt says how much."),
        "failed": _("The platform refused this request."),
        "unreachable": _("The platform could not be reached. Nothing you wrote is lost: try again."),
        "signedOut": _("You are signed out. Sign in again in another tab, then run it once more."),
        "badJson": _("This is not a JSON object."),
        "tooLarge": _("This file is larger than the endpoint takes."),
        "noCeiling": _("said once the form is complete"),
        "atMost": _("at most {credits} credits"),
        "credits": _("{credits} credits"),
        "seeReceipt": _("see the receipt"),
        "held": _("held until the task ends"),
        "thoughts": _("Thoughts"),
        "asJson": _("Answer as JSON"),
        "numbers": _("{count} numbers"),
        "shortened": _("… shortened: download it for the rest."),
        "download": _("Download"),
        "sound": _("The answer's sound"),
        "image": _("The answer's image"),
        "picture": _("The vector's values, from the first to the last"),
        "score": _("Score"),
        "passage": _("Passage"),
        "broken": _("The answer broke off."),
    }

"""What every page says while callers can get answers that the sandbox made up; settings name it for all templates."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from gateway.calls.runtime import catalog_if_running
from gateway.catalog.routes import Catalog


def sandbox_notice(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: the sentence, worked out where a page shows it; empty where answers are real."""
    return {"sandbox_notice": lambda: _notice(catalog_if_running())}


def _notice(catalog: Catalog | None) -> str:
    if catalog is None:
        return ""
    made_up = {route.upstream.sandbox for route in catalog.all_routes() if route.takes_calls}
    if made_up == {True}:
        return _("No real model is connected yet: the sandbox makes up every answer.")
    if True in made_up:
        return _("Some of the models are the sandbox's, which makes up their answers.")
    return ""

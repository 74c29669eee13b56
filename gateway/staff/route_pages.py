"""Upstreams and routes: how they do, and the levers on them. A change is in every process within a second."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit import Target, record_by_staff
from accounts.staff.page_registry import GATEWAY, back, may, show, staff_action, staff_page
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop
from gateway.catalog import edits
from gateway.catalog.edits import Changed
from gateway.catalog.feed import load_current
from gateway.catalog.routes import Catalog, Route, Upstream
from gateway.upstreams.health import Health, KeyState, upstream_health

PERMISSION = "gateway.view_catalogversion"
DRAIN = "gateway.drain_upstream"
CHANGE_ROUTE = "gateway.change_route"


@staff_page(
    "upstreams/",
    name="upstreams",
    title=gettext_noop("Upstreams"),
    permission=PERMISSION,
    menu=(GATEWAY, "dns"),
)
def upstreams(request: HttpRequest) -> HttpResponse:
    """Every upstream with its resting routes, its calls, and whether it drains."""
    catalog = load_current()
    health = upstream_health()
    rows = [
        {
            "upstream": upstream,
            # The address without its path: enough to tell servers apart.
            "host": urlsplit(upstream.base_url).netloc,
            "routes": sum(route.upstream.name == upstream.name for route in catalog.all_routes()),
            "health": health[upstream.name],
            "keys": _keys(upstream, health[upstream.name]),
        }
        for upstream in _upstreams(catalog.all_routes())
    ]
    return show(
        request,
        "staff/upstreams.html",
        _("Upstreams"),
        {"rows": rows, "version": catalog.version, "may": may(request, [DRAIN])},
    )


@staff_action("upstreams/<str:name>/drain", name="upstream-drain", permission=DRAIN)
def drain(request: HttpRequest, name: str) -> HttpResponse:
    """Give the upstream no new calls; those it has, and its tasks, are finished."""
    _set_draining(request, name, True)
    messages.success(request, _("%(name)s drains: it gets no new calls.") % {"name": name})
    return back(request, reverse("staff:upstreams"))


@staff_action("upstreams/<str:name>/serve", name="upstream-serve", permission=DRAIN)
def serve(request: HttpRequest, name: str) -> HttpResponse:
    """Give the upstream calls again."""
    _set_draining(request, name, False)
    messages.success(request, _("%(name)s takes calls again.") % {"name": name})
    return back(request, reverse("staff:upstreams"))


@staff_page(
    "routes/", name="routes", title=gettext_noop("Routes"), permission=PERMISSION, menu=(GATEWAY, "alt_route")
)
def routes(request: HttpRequest) -> HttpResponse:
    """Every endpoint's models with their routes in the order in which they are tried."""
    catalog = load_current()
    return show(
        request,
        "staff/routes.html",
        _("Routes"),
        {"groups": _groups(catalog), "version": catalog.version, "may": may(request, [CHANGE_ROUTE])},
    )


@staff_action("routes/change", name="route-change", permission=CHANGE_ROUTE)
def change_route(request: HttpRequest) -> HttpResponse:
    """Switch a route on or off, and set its failover order and weight."""
    name = request.POST.get("route", "")
    weight = request.POST.get("weight", "").strip()
    with transaction.atomic():
        changed = edits.set_route(
            name,
            enabled=request.POST.get("enabled") == "on",
            priority=_whole_number(request.POST.get("priority", ""), "priority"),
            weight=_whole_number(weight, "weight") if weight else None,
            by=str(request.user),
        )
        _record(request, "route.change", Target("route", name), changed)
    messages.success(
        request,
        _("%(name)s is changed.") % {"name": name}
        if changed.before != changed.after
        else _("Nothing changed."),
    )
    return back(request, reverse("staff:routes"))


def _set_draining(request: HttpRequest, name: str, draining: bool) -> None:
    with transaction.atomic():
        changed = edits.set_draining(name, draining, by=str(request.user))
        _record(
            request, "upstream.drain" if draining else "upstream.serve", Target("upstream", name), changed
        )


def _record(request: HttpRequest, action: str, target: Target, changed: Changed) -> None:
    record_by_staff(
        request,
        action,
        target,
        before=changed.before,
        after={**changed.after, "catalog_version": changed.version},
    )


def _keys(upstream: Upstream, health: Health) -> list[tuple[int, str, KeyState | None]]:
    """Each key's position and name, and of several its state."""
    several = len(upstream.keys) > 1
    return [
        (position, key.name, health.keys[key.name] if several else None)
        for position, key in enumerate(upstream.keys, 1)
    ]


def _upstreams(all_routes: Iterable[Route]) -> list[Upstream]:
    by_name = {route.upstream.name: route.upstream for route in all_routes}
    return [by_name[name] for name in sorted(by_name)]


def _groups(catalog: Catalog) -> list[tuple[str, str, list[Route]]]:
    groups: dict[tuple[str, str], list[Route]] = {}
    for route in catalog.all_routes():
        groups.setdefault((route.endpoint, route.model), []).append(route)
    return [(endpoint, model, groups[endpoint, model]) for endpoint, model in sorted(groups)]


def _whole_number(text: str, param: str) -> int:
    text = text.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise InvalidRequest(gettext_noop("%(name)s: a whole number."), param=param, name=param.capitalize())
    return int(text)

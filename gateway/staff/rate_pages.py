"""Rates: what is charged, what was charged before, and publishing new prices."""

import tomllib
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit import Target, record_by_staff
from accounts.staff.page_registry import GATEWAY, back, may, show, staff_action, staff_page
from accounts.staff.tables import Cell, Table, timestamp_text
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest, NotFound
from aio_platform.i18n.translatable import gettext_noop
from gateway.catalog import edits
from gateway.catalog.feed import load_current
from usage.ledger.rates import PRICED_UNITS, Price, prices_from_json
from usage.models import PublishedRate

PERMISSION = "usage.view_publishedrate"
PUBLISH = "gateway.publish_rate"
MAX_DIGITS = 10


@staff_page(
    "rates/", name="rates", title=gettext_noop("Rates"), permission=PERMISSION, menu=(GATEWAY, "sell")
)
def rates(request: HttpRequest) -> HttpResponse:
    """Every rate in force, and the routes that charge by it."""
    in_force: dict[str, Any] = {}
    used_by: dict[str, list[str]] = {}
    for route in load_current().all_routes():
        in_force[route.rate.name] = route.rate
        used_by.setdefault(route.rate.name, []).append(route.name)
    table = Table(
        _("Rates in force"),
        [_("Rate"), _("Version"), _("Prices in credits"), _("Routes")],
        [
            [
                Cell(name, href=reverse("staff:rate", args=[name])),
                Cell(str(rate.version), is_number=True),
                prices_text(rate.prices),
                ", ".join(used_by[name]),
            ]
            for name, rate in sorted(in_force.items())
        ],
    )
    return show(request, "staff/list.html", _("Rates"), {"table": table})


@staff_page("rates/<str:name>/", name="rate", title=gettext_noop("Rate"), permission=PERMISSION)
def rate(request: HttpRequest, name: str) -> HttpResponse:
    """One rate: its published versions, and a form with the prices in force."""
    prices = _prices_in_force(name)
    versions = PublishedRate.objects.filter(name=name).order_by("-version")[:100]
    table = Table(
        _("Published versions"),
        [_("Version"), _("Prices in credits"), _("Published (UTC)")],
        [
            [
                Cell(str(one.version), is_number=True),
                prices_text(prices_from_json(one.prices)),
                timestamp_text(one.published_at),
            ]
            for one in versions
        ],
        empty=_("None was published yet."),
    )
    units = [
        {
            "name": unit,
            "credits": prices.get(unit, {}).get("credits", ""),
            "per": prices.get(unit, {}).get("per", 1),
        }
        for unit in PRICED_UNITS
    ]
    return show(
        request,
        "staff/rate.html",
        _("Rate %(name)s") % {"name": name},
        {"name": name, "table": table, "units": units, "may": may(request, [PUBLISH])},
    )


@staff_action("rates/<str:name>/publish", name="rate-publish", permission=PUBLISH)
def publish(request: HttpRequest, name: str) -> HttpResponse:
    """New prices, from the next call on; calls under way and their receipts keep theirs."""
    prices = given_prices(request)
    if any(price.get("above") for price in _prices_in_force(name).values()):
        raise InvalidRequest(
            gettext_noop("This rate has prices by the length of the prompt; change it in the catalog's file.")
        )
    with transaction.atomic():
        changed = edits.publish_rate(name, prices, by=str(request.user))
        record_by_staff(
            request,
            "rate.publish",
            Target("rate", name),
            before=changed.before["prices"],
            after={**changed.after["prices"], "catalog_version": changed.version},
        )
    messages.success(request, _("The rate %(name)s is published.") % {"name": name})
    return back(request, reverse("staff:rate", args=[name]))


def prices_text(prices: Iterable[Price]) -> str:
    """Prices in one line."""
    return "; ".join(text for one in prices for text in _price_texts(one))


def _price_texts(price: Price) -> Iterable[str]:
    yield _("%(credits)s for %(per)s %(unit)s") % {
        "credits": format_credits(price.microcredits),
        "per": f"{price.per:,}",
        "unit": price.unit,
    }
    for tier in price.tiers:
        yield _("%(credits)s for %(per)s %(unit)s above %(above)s tokens_in") % {
            "credits": format_credits(tier.microcredits),
            "per": f"{tier.per:,}",
            "unit": price.unit,
            "above": f"{tier.above:,}",
        }


def given_prices(request: HttpRequest) -> dict[str, Any]:
    """What a form of prices says, as a catalog would write it; a unit without a price is left out."""
    return {
        unit: {"credits": request.POST[unit].strip(), "per": _per(request, unit)}
        for unit in PRICED_UNITS
        if request.POST.get(unit, "").strip()
    }


def _prices_in_force(name: str) -> dict[str, Any]:
    prices = tomllib.loads(edits.export_text()).get("rates", {}).get(name)
    if prices is None:
        raise NotFound(gettext_noop("There is no such rate."))
    return dict(prices)


def _per(request: HttpRequest, unit: str) -> int:
    text = request.POST.get(f"{unit}_per", "").strip() or "1"
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        raise InvalidRequest(gettext_noop("%(param)s: per is a whole number."), param=unit)
    return int(text)

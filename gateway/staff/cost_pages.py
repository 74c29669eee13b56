"""What routes cost us at their upstreams: published from an hour on, for the margin report."""

from datetime import UTC, datetime

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import Target, record_by_staff
from accounts.staff.page_registry import GATEWAY, back, may, show, staff_action, staff_page
from accounts.staff.tables import Table, timestamp_text
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import Message, gettext_noop
from aio_platform.timestamps import parse_timestamp
from gateway.catalog.feed import load_current
from gateway.staff.rate_pages import PERMISSION, PUBLISH, given_prices, prices_text
from usage.ledger.rates import PRICED_UNITS, BadPrice, Price, parse_prices
from usage.ledger.route_costs import publish_route_cost, route_costs
from usage.snapshot import snapshot


@staff_page(
    "costs/",
    name="costs",
    title=gettext_noop("Upstream costs"),
    permission=PERMISSION,
    menu=(GATEWAY, "payments"),
)
def costs(request: HttpRequest) -> HttpResponse:
    """Every published cost, and a form for the next."""
    with snapshot() as books:
        published = route_costs(books)
    rows = [
        [cost.route, timestamp_text(cost.since), prices_text(cost.prices)]
        for route in sorted(published)
        for cost in reversed(published[route])
    ]
    table = Table(
        _("Published costs"),
        [_("Route"), _("Since (UTC)"), _("Costs in credits")],
        rows,
        empty=_("None yet."),
    )
    return show(
        request,
        "staff/costs.html",
        _("Upstream costs"),
        {
            "table": table,
            "routes": [route.name for route in load_current().all_routes()],
            "this_hour": _this_hour().strftime("%Y-%m-%dT%H:00"),
            "units": PRICED_UNITS,
            "may": may(request, [PUBLISH]),
        },
    )


@staff_action("costs/publish", name="cost-publish", permission=PUBLISH)
def publish(request: HttpRequest) -> HttpResponse:
    """Say what a route costs from an hour on. It changes nothing that anybody pays."""
    route = request.POST.get("route", "")
    if route not in {one.name for one in load_current().all_routes()}:
        raise InvalidRequest(gettext_noop("There is no such route."), param="route")
    since = parse_timestamp(request.POST.get("since", ""), "since", UTC)
    given = given_prices(request)
    try:
        prices = parse_prices(given)
    except BadPrice as error:
        raise InvalidRequest(Message.verbatim(str(error)), param=error.unit) from None
    if not prices:
        raise InvalidRequest(
            gettext_noop("A cost has at least one price; what is free says so with 0."), param="prices"
        )
    with transaction.atomic():
        if publish_route_cost(route, since, prices):
            record_by_staff(
                request,
                "cost.publish",
                Target("route", route),
                after={"since": timestamp_text(since), "costs": _recorded(prices)},
            )
    messages.success(request, _("The cost of %(route)s is published.") % {"route": route})
    return back(request, reverse("staff:costs"))


def _recorded(prices: tuple[Price, ...]) -> str:
    """For the staff record, which is in one language."""
    return "; ".join(f"{format_credits(one.microcredits)} for {one.per:,} {one.unit}" for one in prices)


def _this_hour() -> datetime:
    return timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)

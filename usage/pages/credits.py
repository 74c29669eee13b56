"""Credits: what there is, how it came to that, and every entry of the ledger with its cause."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.page_context import member_page, page_member
from aio_platform.charts import Chart, Series
from aio_platform.http.query_parameters import QueryParameters
from usage.api.table_csv import LEDGER_COLUMNS, ROWS_AT_ONCE, csv_response
from usage.pages.field_errors import explains_bad_fields
from usage.pages.periods import PRESETS, interval_starts, visitors_grouping
from usage.queries.aggregates.intervals import start_of_interval
from usage.queries.balance_history import balances_at
from usage.queries.call_details import endpoints_of
from usage.queries.credit import credit_of
from usage.queries.cursors import PARAM as AFTER
from usage.queries.cursors import entry_of
from usage.queries.ledger_pages import ledger_page
from usage.request_times import parse_call
from usage.snapshot import Snapshot, snapshot

CHART_PERIODS = {"24h": "hour", "7d": "hour", "30d": "day", "90d": "day"}
DEFAULT_PERIOD = "30d"
PAGE_ROWS = 50


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def credits(request: HttpRequest) -> HttpResponse:
    """The balance and its history, the grants, and a page of the ledger."""
    parameters = QueryParameters(request, ("period", AFTER), skip_empty=True)
    account = page_member(request).account
    period = parameters.choice("period", tuple(CHART_PERIODS), DEFAULT_PERIOD) or DEFAULT_PERIOD
    cursor = parameters.text(AFTER)
    after = None if cursor is None else entry_of(cursor)
    credit = credit_of(account)
    page = ledger_page(account.pk, limit=PAGE_ROWS, after=after)
    calls = [call for entry in page.entries if (call := parse_call(entry["request_id"] or "")) is not None]
    with snapshot() as books:
        chart = _balance_chart(books, account.pk, period)
        endpoints = endpoints_of(books, account.pk, calls)
    context = {
        "credit": credit.content,
        "chart": chart,
        "period": period,
        "periods": {name: PRESETS[name][1] for name in CHART_PERIODS},
        "entries": [entry | {"call": _call_of(entry, endpoints)} for entry in page.entries],
        "next": page.next,
        "after": cursor,
        "as_of": credit.as_of,
    }
    return render(request, "usage/credits.html", context)


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def ledger_csv(request: HttpRequest) -> HttpResponseBase:
    """Every entry of the ledger, newest first, with the figures of /api/v1/credits/ledger."""
    QueryParameters(request, (), skip_empty=True)
    return csv_response("ledger.csv", LEDGER_COLUMNS, _entries(page_member(request).account.pk))


def _entries(account_id: int) -> Iterator[dict[str, Any]]:
    after: int | None = None
    while True:
        page = ledger_page(account_id, limit=ROWS_AT_ONCE, after=after)
        yield from page.entries
        if page.next is None:
            return
        after = page.entries[-1]["entry"]


def _balance_chart(books: Snapshot, account_id: int, period: str) -> Chart:
    grouping = visitors_grouping(interval=CHART_PERIODS[period])
    since = start_of_interval(books.as_of - PRESETS[period][0], grouping.interval, grouping.zone)
    moments = [*interval_starts(since, books.as_of, grouping), books.as_of]
    balances = balances_at(books, account_id, moments)
    return Chart(
        _("Balance: available and held"), "credits", moments, [Series(_("Balance"), balances)], kind="area"
    )


def _call_of(entry: dict[str, Any], endpoints: dict[str, tuple[str, str]]) -> tuple[str, str] | None:
    """Endpoint and model of the call that the entry is of."""
    return endpoints.get((entry["request_id"] or "").removeprefix("req_"))

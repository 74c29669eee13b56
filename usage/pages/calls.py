"""The calls, newest first: live, narrowed by what the address says, page by page, and as CSV."""

from datetime import UTC, datetime
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.page_context import member_page, page_member
from aio_platform.credits import format_credits, parse_credits
from aio_platform.errors import InvalidRequest
from aio_platform.http.output_formats import csv_stream
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import gettext_noop
from usage import labels
from usage.api.csv_export import COLUMNS, csv_batches
from usage.api.query_parameters import CALL_FILTERS, read_call_filter
from usage.pages.field_errors import explains_bad_fields
from usage.pages.periods import CUSTOM, PRESETS, Period, read_period
from usage.queries.call_lists import (
    CallSearch,
    Seen,
    call_batches,
    call_page,
    calls_since,
    under_way,
)
from usage.queries.cursors import PARAM as AFTER
from usage.queries.cursors import call_of
from usage.queries.filter_options import filter_choices
from usage.queries.filters import CallFilter
from usage.queries.retention import kept_from
from usage.snapshot import snapshot

DEFAULT_PERIOD = "30d"
PAGE_ROWS = 50
FILTERS = ("key", "model", "endpoint", "outcome", "member")
MAX_SECONDS = 86_400
SEEN = "seen"
_SEARCH = (*CALL_FILTERS, "period", "cost_over", "slower_than")


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def calls(request: HttpRequest) -> HttpResponse:
    """A page of the list; its first one goes on by itself."""
    parameters = QueryParameters(request, (*_SEARCH, AFTER), skip_empty=True)
    account_id = page_member(request).account.pk
    search, period = _read_search(parameters, account_id)
    cursor = parameters.text(AFTER)
    after = None if cursor is None else call_of(cursor)
    with snapshot() as books:
        page = call_page(books, search, limit=PAGE_ROWS, after=after)
        open_calls, seen = under_way(books, account_id)
        choices = filter_choices(books, account_id)
        kept = kept_from(books)
    filters = {name: text for name in FILTERS if (text := parameters.text(name)) is not None}
    context = {
        "calls": page.calls,
        "next": page.next,
        # A list that ends in the past, or an older page of one, has nothing to wait for.
        "live": after is None and (period.until is None or period.until > books.as_of),
        "after": cursor,
        "kept_from": kept if kept is not None and period.since < kept else None,
        "seen": _write_seen(seen),
        "open_calls": open_calls,
        "view": {"filters": filters, "period": period},
        "cost_over": search.cost_over_microcredits is not None
        and format_credits(search.cost_over_microcredits),
        "slower_than": parameters.text("slower_than"),
        "choices": choices.with_chosen(filters),
        "outcomes": {name: label for name, label in labels.OUTCOMES.items() if name != "in_flight"},
        "periods": {name: label for name, (_length, label) in PRESETS.items()},
        "is_custom": period.name == CUSTOM,
    }
    return render(request, "usage/calls.html", context)


@require_GET
@never_cache
@member_page()
def new_calls(request: HttpRequest) -> HttpResponse:
    """What ended since the list was looked at, and the mark for the next look; asked every second."""
    parameters = QueryParameters(request, (*_SEARCH, SEEN), skip_empty=True)
    account_id = page_member(request).account.pk
    search, _period = _read_search(parameters, account_id)
    seen = _read_seen(parameters)
    with snapshot() as books:
        found = calls_since(books, search, seen, limit=PAGE_ROWS)
        open_calls, now_seen = under_way(books, account_id)
    context = {"calls": found, "open_calls": open_calls, "seen": _write_seen(now_seen)}
    return render(request, "usage/new_calls.html", context)


@require_GET
@never_cache
@member_page()
@explains_bad_fields
def calls_csv(request: HttpRequest) -> HttpResponseBase:
    """Every call of the list, in the columns of /api/v1/usage/export.csv."""
    parameters = QueryParameters(request, (*_SEARCH, AFTER), skip_empty=True)
    search, _period = _read_search(parameters, page_member(request).account.pk)
    batches = call_batches(search)
    # The first look happens here, where what is wrong with it can still be answered.
    first = next(batches)
    return csv_stream("calls.csv", COLUMNS, csv_batches(chain([first], batches)))


def _read_search(parameters: QueryParameters, account_id: int) -> tuple[CallSearch, Period]:
    call_filter = read_call_filter(parameters, account_id, timezone.get_current_timezone())
    period = read_period(parameters, timezone.now(), DEFAULT_PERIOD)
    which = CallFilter(
        account_id,
        key_id=call_filter.key_id,
        endpoint=call_filter.endpoint,
        model=call_filter.model,
        outcome=call_filter.outcome,
        since=period.since,
        until=period.until,
        member_id=call_filter.member_id,
    )
    return CallSearch(which, _cost_over(parameters), _slower_than_ms(parameters)), period


def _cost_over(parameters: QueryParameters) -> int | None:
    text = parameters.text("cost_over")
    if text is None:
        return None
    try:
        microcredits = parse_credits(text)
    except ValueError:
        microcredits = -1
    if microcredits < 0:
        raise InvalidRequest(gettext_noop("cost_over is a number of credits, as in 0.5."), param="cost_over")
    return microcredits


def _slower_than_ms(parameters: QueryParameters) -> int | None:
    text = parameters.text("slower_than")
    if text is None:
        return None
    refusal = InvalidRequest(
        gettext_noop("slower_than is a number of seconds from 0 to 86,400, as in 1.5."), param="slower_than"
    )
    try:
        seconds = float(text)
    except ValueError:
        raise refusal from None
    if not 0 <= seconds <= MAX_SECONDS:
        raise refusal
    return round(seconds * 1000)


def _write_seen(seen: Seen) -> str:
    return ".".join(f"{moment.timestamp() * 1e6:.0f}" for moment in seen)


def _read_seen(parameters: QueryParameters) -> Seen:
    """The inverse of `_write_seen`; InvalidRequest, naming it, for what we did not hand out."""
    refusal = InvalidRequest(
        gettext_noop("seen is the mark of the look before, as it was given."), param=SEEN
    )
    try:
        looked_at, oldest_open_at = (
            datetime.fromtimestamp(int(text) / 1e6, UTC) for text in (parameters.text(SEEN) or "").split(".")
        )
    except (ValueError, OverflowError, OSError):
        raise refusal from None
    return Seen(looked_at, oldest_open_at)

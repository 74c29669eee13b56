"""`/api/v1/credits` and `/api/v1/usage`: what an account has and what it used, each answer as of a moment."""

from itertools import chain
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import principal_of
from aio_platform.errors import NotFound
from aio_platform.http.output_formats import OneFormat, csv_stream
from aio_platform.http.query_parameters import QueryParameters, read_limit
from aio_platform.http.serializers import ErrorBody
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.timestamps import utc_text
from usage.api import response_schemas
from usage.api.csv_export import COLUMNS, csv_batches
from usage.api.query_parameters import CALL_FILTERS, GROUPING, PAGE, read_call_filter, read_grouping
from usage.ledger.outcomes import Outcome
from usage.queries import refusals
from usage.queries.aggregates import summaries
from usage.queries.credit import credit_of
from usage.queries.cursors import PARAM as AFTER
from usage.queries.cursors import call_of, entry_of
from usage.queries.events import event_batches, event_page
from usage.queries.filters import CallFilter
from usage.queries.ledger_pages import ledger_page
from usage.queries.receipts import find_receipt
from usage.request_times import parse_call
from usage.snapshot import snapshot

_DESCRIBED = {
    "limit": OpenApiParameter("limit", int, description="1 to 200 rows, 50 when not given"),
    AFTER: OpenApiParameter(AFTER, str, description="`next` of the page before"),
    "key": OpenApiParameter("key", str, description='a key\'s id, or "session" for signed-in members'),
    "member": OpenApiParameter("member", str, description="e-mail address of a member who called signed in"),
    "endpoint": OpenApiParameter("endpoint", str),
    "model": OpenApiParameter("model", str),
    "outcome": OpenApiParameter("outcome", str, enum=[outcome.value for outcome in Outcome]),
    "since": OpenApiParameter("since", OpenApiTypes.DATETIME, description="calls that started then or later"),
    "until": OpenApiParameter("until", OpenApiTypes.DATETIME, description="calls that started before"),
    "group_by": OpenApiParameter("group_by", str, description="one or more, separated by commas"),
    "interval": OpenApiParameter("interval", str, enum=list(summaries.INTERVALS), default="none"),
    "timezone": OpenApiParameter("timezone", str, description="IANA name, as in Asia/Seoul", default="UTC"),
}
_REFUSAL_FILTERS = ("key", "endpoint", "since", "until")


def _parameters(*names: str) -> list[OpenApiParameter]:
    return [_DESCRIBED[name] for name in names]


class UsageView(APIView):
    """What the views of this app share."""

    endpoint_scope = "usage"
    content_negotiation_class = OneFormat
    http_method_names = ["get", "head", "options"]

    def account_id(self, request: Request) -> int:
        return principal_of(request).account.pk

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What a tenant sees is kept by no cache, and is of the moment it says."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer


class CreditsView(UsageView):
    @extend_schema(
        operation_id="get_credits",
        tags=["usage"],
        responses={200: response_schemas.CreditBody, **response_schemas.REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """What is available and held, the grants it is left of, and the trial calls left today."""
        QueryParameters(request, ())
        credit = credit_of(principal_of(request).account)
        return Response({"as_of": utc_text(credit.as_of), **credit.content})


class LedgerView(UsageView):
    @extend_schema(
        operation_id="list_ledger_entries",
        tags=["usage"],
        parameters=_parameters(*PAGE),
        responses={200: response_schemas.LedgerPageBody, **response_schemas.REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Grants, captures, expiries and refunds, newest first."""
        parameters = QueryParameters(request, PAGE)
        cursor = parameters.text(AFTER)
        page = ledger_page(
            self.account_id(request),
            limit=read_limit(parameters),
            after=None if cursor is None else entry_of(cursor),
        )
        return Response(_list(page.as_of, page.entries, page.next))


class UsageListView(UsageView):
    @extend_schema(
        operation_id="list_usage",
        tags=["usage"],
        parameters=_parameters(*CALL_FILTERS, *PAGE),
        responses={200: response_schemas.UsagePage, **response_schemas.REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Ended calls, newest first."""
        parameters = QueryParameters(request, (*CALL_FILTERS, *PAGE))
        cursor = parameters.text(AFTER)
        page = event_page(
            read_call_filter(parameters, self.account_id(request)),
            limit=read_limit(parameters),
            after=None if cursor is None else call_of(cursor),
        )
        kept_from = page.kept_from and utc_text(page.kept_from)
        return Response(_list(page.as_of, page.events, page.next) | {"kept_from": kept_from})


class ReceiptView(UsageView):
    @extend_schema(
        operation_id="get_receipt",
        tags=["usage"],
        responses={
            200: response_schemas.ReceiptBody,
            404: ErrorBody,
            410: ErrorBody,
            **response_schemas.REFUSALS,
        },
    )
    def get(self, request: Request, request_id: str) -> Response:
        """One call: its price and how it came about, its outcome, and where the time went; 410 once it is archived."""
        QueryParameters(request, ())
        call = parse_call(request_id)
        receipt = None if call is None else find_receipt(self.account_id(request), call)
        if receipt is None:
            raise NotFound(
                _("There is no receipt for such a call. Refused calls have none."), param="request_id"
            )
        return Response({"as_of": utc_text(receipt.as_of), **receipt.content})


class SummaryView(UsageView):
    @extend_schema(
        operation_id="summarise_usage",
        tags=["usage"],
        parameters=_parameters(*CALL_FILTERS, *GROUPING),
        responses={200: response_schemas.SummaryBody, **response_schemas.REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Calls, credits, errors, tokens and latency by key, member, model, endpoint and outcome, over time."""
        parameters = QueryParameters(request, (*CALL_FILTERS, *GROUPING))
        grouping = read_grouping(parameters, summaries.DIMENSIONS, default=())
        call_filter = read_call_filter(parameters, self.account_id(request), grouping.zone)
        with snapshot() as books:
            which = summaries.within_period(call_filter, grouping, books.as_of)
            rows = summaries.summarise(books, which, grouping)
            total = summaries.total(books, which)
        return Response({**_period(books.as_of, which, grouping), "data": rows, "total": total})


class RefusalsView(UsageView):
    @extend_schema(
        operation_id="count_refusals",
        tags=["usage"],
        parameters=_parameters(*_REFUSAL_FILTERS, *GROUPING),
        responses={200: response_schemas.RefusalsBody, **response_schemas.REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """How often calls were refused, by code, endpoint and key, over time."""
        parameters = QueryParameters(request, (*_REFUSAL_FILTERS, *GROUPING))
        grouping = read_grouping(parameters, refusals.DIMENSIONS, default=("code", "endpoint"))
        call_filter = read_call_filter(parameters, self.account_id(request), grouping.zone)
        with snapshot() as books:
            which = summaries.within_period(call_filter, grouping, books.as_of)
            rows = refusals.count_refusals(books, which, grouping)
        return Response({**_period(books.as_of, which, grouping), "data": rows})


class ExportView(UsageView):
    @extend_schema(
        operation_id="export_usage",
        tags=["usage"],
        parameters=_parameters(*CALL_FILTERS),
        responses={(200, "text/csv"): OpenApiTypes.STR, **response_schemas.REFUSALS},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Ended calls as CSV, newest first. What a spreadsheet would take for a formula starts with '."""
        parameters = QueryParameters(request, CALL_FILTERS)
        batches = event_batches(read_call_filter(parameters, self.account_id(request)))
        # The first look happens here, where what is wrong with it can still be answered.
        first = next(batches)
        return csv_stream("usage.csv", COLUMNS, csv_batches(chain([first], batches)))


def _list(as_of: Any, rows: list[dict[str, Any]], next_cursor: str | None) -> dict[str, Any]:
    return {
        "object": "list",
        "as_of": utc_text(as_of),
        "data": rows,
        "has_more": next_cursor is not None,
        "next": next_cursor,
    }


def _period(as_of: Any, which: CallFilter, grouping: summaries.Grouping) -> dict[str, Any]:
    assert which.since is not None
    return {
        "as_of": utc_text(as_of),
        "since": utc_text(which.since),
        "until": which.until and utc_text(which.until),
        "interval": grouping.interval,
        "timezone": grouping.zone_name,
        "group_by": list(grouping.by),
    }

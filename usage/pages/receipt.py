"""The receipt of one call: why it cost what it cost, and where its time went."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.page_context import member_page, page_member
from usage.labels import explain_outcome
from usage.ledger.outcomes import Outcome
from usage.queries.call_details import refunds_of, refusals_around
from usage.queries.receipts import IN_FLIGHT, find_receipt
from usage.request_times import CallName, parse_call
from usage.snapshot import snapshot


@dataclass(frozen=True, slots=True)
class Price:
    """How the capture came about: the exact sum of the lines, rounded up, and cut off at the hold."""

    lines: list[dict[str, Any]]
    exact_microcredits: Decimal
    rounded_microcredits: int
    is_cut_at_hold: bool

    @property
    def is_rounded(self) -> bool:
        return self.exact_microcredits != self.rounded_microcredits


@dataclass(frozen=True, slots=True)
class Split:
    """Where a call's milliseconds went; they come to `total_ms`."""

    total_ms: int
    platform_ms: int
    failed_ms: int
    upstream_ms: int
    first_byte_ms: int | None


@require_GET
@never_cache
@member_page()
def receipt(request: HttpRequest, request_id: str) -> HttpResponse:
    """A call of the account's, ended or under way; 404 for any other, with what was refused at that time."""
    account_id = page_member(request).account.pk
    call = parse_call(request_id)
    if call is None:
        raise Http404
    found = find_receipt(account_id, call)
    if found is None:
        return _unknown_call(request, account_id, call, request_id)
    content = found.content
    in_flight = content["outcome"] == IN_FLIGHT
    refunds = []
    if content["refunded_microcredits"]:
        with snapshot() as books:
            refunds = refunds_of(books, account_id, call)
    context = {
        "call": content,
        "in_flight": in_flight,
        "sentences": explain_outcome(content),
        "price": None if in_flight else _price(content),
        "refunds": refunds,
        "returned_microcredits": None
        if in_flight
        else content["hold_microcredits"] - content["capture_microcredits"],
        "attempts": _attempts(content),
        # An expired call's time is how long it lay until it was swept.
        "split": None if content["outcome"] == Outcome.EXPIRED.value else _split(content),
        "used_units": [(unit, count) for unit, count in (content["units"] or {}).items() if count],
        "waited_ms": (found.as_of - datetime.fromisoformat(content["started_at"])).total_seconds() * 1000,
    }
    return render(request, "usage/receipt.html", context)


def _unknown_call(request: HttpRequest, account_id: int, call: CallName, request_id: str) -> HttpResponse:
    """Refused calls have no receipt, but the minute's counts say what was refused: perhaps this one."""
    with snapshot() as books:
        refusals = refusals_around(books, account_id, call)
    context = {"request_id": request_id, "refused": refusals, "started_at": call.started_at}
    return render(request, "usage/no_receipt.html", context, status=404)


def _price(content: dict[str, Any]) -> Price | None:
    rate = content["rate"]
    if rate is None or not rate["lines"]:
        return None
    exact = sum((Decimal(line["microcredits"]) for line in rate["lines"]), Decimal(0))
    rounded = int(exact.to_integral_value(rounding="ROUND_CEILING"))
    charged, held = content["capture_microcredits"], content["hold_microcredits"]
    return Price(rate["lines"], exact, rounded, is_cut_at_hold=rounded > charged == held)


def _attempts(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The upstreams that were asked, in turn: those that failed, and the one that ended the call."""
    attempts = [{**attempt, "is_last": False} for attempt in content["attempts"]]
    if content["upstream"] is not None and not _is_last_failed(content):
        attempts.append(
            {
                "upstream": content["upstream"],
                "status": content["status"],
                "latency_ms": content["timings"]["upstream_ms"],
                "is_last": True,
            }
        )
    return attempts


def _is_last_failed(content: dict[str, Any]) -> bool:
    """Whether the upstream that is named is already the last of the failed attempts."""
    if not content["attempts"]:
        return False
    last = content["attempts"][-1]
    return last["upstream"] == content["upstream"] and last["latency_ms"] == content["timings"]["upstream_ms"]


def _split(content: dict[str, Any]) -> Split | None:
    timings = content["timings"]
    if timings is None or timings["upstream_ms"] is None or not timings["latency_ms"]:
        return None
    failed_ms = sum(attempt["latency_ms"] or 0 for attempt in content["attempts"])
    if _is_last_failed(content):
        failed_ms -= timings["upstream_ms"]
    upstream_ms = min(timings["upstream_ms"], timings["latency_ms"])
    failed_ms = min(failed_ms, timings["latency_ms"] - upstream_ms)
    return Split(
        timings["latency_ms"],
        timings["latency_ms"] - upstream_ms - failed_ms,
        failed_ms,
        upstream_ms,
        timings["first_byte_ms"],
    )

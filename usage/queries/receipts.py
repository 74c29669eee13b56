"""The receipt of one call: what it was, what it cost and why, and how long it took."""

import json
import re
from datetime import datetime
from typing import Any, NamedTuple

from aio_platform.http.request_ids import public_request_id
from aio_platform.timestamps import utc_text
from usage.ledger.rates import Rate, prices_from_json
from usage.ledger.units import Units
from usage.queries.events import UNIT_COLUMNS, describe_event
from usage.queries.keys import describe_keys
from usage.queries.money import money
from usage.queries.retention import check_call_is_kept
from usage.request_times import CallName
from usage.snapshot import Snapshot, snapshot

IN_FLIGHT = "in_flight"
_EVENT_SQL = """
    SELECT e.*, l.balance_microcredits
    FROM usage_event e
    LEFT JOIN usage_ledger_entry l ON l.account_id = e.account_id AND l.entry = e.ledger_entry
    WHERE e.account_id = %(account_id)s AND e.started_at = %(started_at)s AND e.request_id = %(request_id)s
"""
_HOLD_SQL = "SELECT * FROM usage_hold WHERE account_id = %(account_id)s AND request_id = %(request_id)s"
_RATE_SQL = "SELECT id, name, version, prices FROM usage_rate WHERE id = %(rate_id)s"
# What a receipt shows of an upstream attempt; addresses and bodies stay inside.
_ATTEMPT_NUMBERS = ("status", "latency_ms")
_is_plain_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}").fullmatch


class Receipt(NamedTuple):
    as_of: datetime
    content: dict[str, Any]


def find_receipt(account_id: int, call: CallName) -> Receipt | None:
    """The receipt of the account's call, ended or in flight; None where the account has no such call.

    Raises CallArchived where it would have started in archived time.
    """
    parameters = {
        "account_id": account_id,
        "started_at": call.started_at,
        "request_id": call.request_uuid,
    }
    with snapshot() as books:
        event = books.row(_EVENT_SQL, parameters)
        if event is not None:
            return Receipt(books.as_of, _of_event(books, event))
        hold = books.row(_HOLD_SQL, parameters)
        if hold is not None:
            return Receipt(books.as_of, _of_hold(books, hold))
        check_call_is_kept(books, call)
        return None


def _of_event(books: Snapshot, event: dict[str, Any]) -> dict[str, Any]:
    units = Units(**{unit: event[unit] or 0 for unit in UNIT_COLUMNS})
    return {
        **describe_event(event, _key(event)),
        "rate": _describe_rate(books, event["rate_id"], units if event["cost_microcredits"] else None),
        **money("balance_after", event["balance_microcredits"]),
        "attempts": _describe_attempts(event["attempts"]),
    }


def _of_hold(books: Snapshot, hold: dict[str, Any]) -> dict[str, Any]:
    return {
        "request_id": public_request_id(hold["request_id"].hex),
        "started_at": utc_text(hold["started_at"]),
        "settled_at": None,
        "key": _key(hold),
        "endpoint": hold["endpoint"],
        "model": hold["model"],
        "route": hold["route"],
        "upstream": None,
        "outcome": IN_FLIGHT,
        "status": None,
        "streamed": None,
        "estimated": None,
        "trial": hold["trial_day"] is not None,
        "units": None,
        **money("cost", None),
        **money("capture", None),
        **money("refunded", None),
        **money("hold", hold["amount_microcredits"]),
        "timings": None,
        "rate": _describe_rate(books, hold["rate_id"], None),
        **money("balance_after", None),
        "attempts": [],
    }


def _key(row: dict[str, Any]) -> dict[str, Any] | None:
    return describe_keys([row["key_id"]]).get(row["key_id"])


def _describe_rate(books: Snapshot, rate_id: int, units: Units | None) -> dict[str, Any] | None:
    """The rate pinned on the call's hold; `lines` derive the price where something was charged."""
    row = books.row(_RATE_SQL, {"rate_id": rate_id})
    if row is None:
        return None
    # Django's connection hands jsonb over as text.
    rate = Rate.of(row["id"], row["name"], row["version"], prices_from_json(json.loads(row["prices"])))
    lines = [] if units is None else rate.derivation(units)
    return {"name": rate.name, "version": rate.version, "lines": lines}


def _describe_attempts(stored: str | None) -> list[dict[str, Any]]:
    described = []
    for attempt in json.loads(stored) if stored else []:
        name = attempt.get("upstream")
        numbers = {field: attempt.get(field) for field in _ATTEMPT_NUMBERS}
        described.append(
            {
                "upstream": name if isinstance(name, str) and _is_plain_name(name) else None,
                **{field: number if isinstance(number, int) else None for field, number in numbers.items()},
            }
        )
    return described

"""Examples of what we send, made by the code that sends it."""

import json
from datetime import UTC, datetime
from typing import Any

from accounts.errors import MissingKey
from aio_platform import problems
from gateway.docs_site.answers import recorded
from gateway.openapi.examples import REQUEST_ID
from usage.ledger.calls import Verdict
from usage.ledger.verdicts import rate_headers


def error_example(address: str) -> str:
    """A refusal in the shape of the address's mount."""
    return _pretty(problems.body_of(MissingKey(), address, REQUEST_ID))


def event_example() -> str:
    """What a callback's body looks like: the task as polling shows it, in the event's envelope."""
    task = recorded()["get /api/v1/tasks/{task_id}"]["data"]
    sent = datetime(2026, 2, 25, 12, 0, 9, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return _pretty({"type": "task.succeeded", "timestamp": sent, "data": task})


def rate_headers_example() -> str:
    """The headers of a key that has made three of its sixty calls, twenty seconds before the minute ends."""
    verdict = Verdict("admitted", *[None] * 8)._replace(
        minute_limit=60, minute_remaining=57, minute_reset_s=20
    )
    return "\n".join(f"{name}: {value}" for name, value in rate_headers(verdict).items())


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)

"""Runs one step of a task adapter by hand, on recorded answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import orjson

from gateway.adapters.protocol import Received, UpstreamCall
from gateway.adapters.tasks.protocol import TaskRequest
from tests.gateway.adapters.driving import WantsMore
from usage.ledger.units import Units

NOW_S = 1_780_000_000.0
HOOK = "https://aio.test/webhooks/upstreams/x?a=1"


def task(webhook_url: str | None = HOOK, **parameters: Any) -> TaskRequest:
    """A request with these canonical parameters, or with a prompt alone."""
    return TaskRequest(
        "image_task", "ours", parameters or {"prompt": "a fox"}, Units(), "mark-1", webhook_url
    )


def execute(steps: Generator[UpstreamCall, Received, Any], *answers: Any) -> tuple[Any, list[UpstreamCall]]:
    """What the steps return for these JSON answers, and what they sent; WantsMore where there are too few."""
    calls: list[UpstreamCall] = []
    left = list(answers)
    try:
        call = next(steps)
        while True:
            calls.append(call)
            if not left:
                raise WantsMore
            call = steps.send(Received("application/json", {}, orjson.dumps(left.pop(0))))
    except StopIteration as stop:
        assert not left, "not every answer was asked for"
        return stop.value, calls

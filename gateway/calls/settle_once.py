"""Ends a call's hold exactly once: the first to settle it decides, and later ones change nothing.

Whole answers, streams of events and streams of bytes all end here. What was delivered whole is captured, what broke off
is captured for the part that was delivered, and where nothing was the hold is released.
"""

import time
import traceback
from collections.abc import Awaitable, Callable

import structlog

from aio_platform.errors import PlatformError, ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.calls.call import Call, milliseconds
from gateway.calls.metrics import OVERRUNS, call_ended
from usage.ledger.calls import CallEnd, Settlement
from usage.ledger.client import Ledger
from usage.ledger.outcomes import CHARGED, Outcome
from usage.ledger.units import Units

log = structlog.get_logger(__name__)
# As nginx has it: the client closed its request.
CLIENT_LEFT_STATUS = 499
# The units of what was delivered, and whether they are estimated; None where nothing was.
DeliveredPart = Callable[[], tuple[Units, bool] | None]


def capture(ledger: Ledger, call: Call, units: Units, *, estimated: bool) -> Awaitable[Settlement]:
    """Charge the units of a whole answer at the rate pinned on the hold. Awaiting it returns once that is committed.

    Raises ServiceUnavailable where the hold had ended, or the ledger does not answer: the answer must then not
    go out.
    """
    is_first = _decides(call)
    assert is_first, "a call is captured once"
    return _capture(ledger, call, units, estimated, Outcome.SUCCEEDED, 200)


async def release(ledger: Ledger, call: Call, outcome: Outcome, status: int | None) -> None:
    """Release the hold, unless there is none or its end is decided."""
    if _decides(call):
        await _release(ledger, call, outcome, status)


def release_in_background(ledger: Ledger, call: Call, outcome: Outcome) -> None:
    """As `release`, in the background, for a call whose client is gone."""
    if _decides(call):
        ledger.run_in_background(_release(ledger, call, outcome, None))


async def settle_broken(ledger: Ledger, call: Call, part: DeliveredPart, status: int) -> None:
    """Charge a stream that broke off for what was delivered, unless its end is decided. `status` says whose fault."""
    if _decides(call):
        await _settle_part(ledger, call, part, status)


def settle_left(ledger: Ledger, call: Call, part: DeliveredPart) -> None:
    """As `settle_broken`, in the background, for a stream whose reader is gone."""
    if _decides(call):
        ledger.run_in_background(_settle_part(ledger, call, part, None))


def _decides(call: Call) -> bool:
    """True for the first caller alone, who then ends the hold."""
    if call.settled or call.verdict is None:
        return False
    call.settled = True
    return True


async def _settle_part(ledger: Ledger, call: Call, part: DeliveredPart, status: int | None) -> None:
    call.upstream_ended = time.perf_counter()
    delivered = part()
    if delivered is None:
        await _release(ledger, call, Outcome.CANCELLED if status is None else Outcome.FAILED, status)
        return
    units, estimated = delivered
    try:
        await _capture(ledger, call, units, estimated, Outcome.PARTIAL, status or CLIENT_LEFT_STATUS)
    except PlatformError as error:
        log.error("a partial answer was not captured", request_uuid=call.request_uuid, error=error.code)


async def _capture(
    ledger: Ledger, call: Call, units: Units, estimated: bool, outcome: Outcome, status: int
) -> Settlement:
    """Capture, and keep the answer for repeats under its idempotency key, even where the client is gone."""
    assert outcome in CHARGED
    call.stop_watching()
    cost = call.routes[0].rate.cost_microcredits(units)
    charge = min(cost, _held_for(call))
    if cost > charge:
        _tell_of_overrun(call, cost, charge)
    settlement = await ledger.settle(_end(call, outcome, status, charge, units, estimated))
    call_ended(call, outcome if settlement.settled else Outcome.EXPIRED)
    if not settlement.settled:
        # The hold expired under us: the answer must not go out, or it would be missing from the books.
        log.error("hold ended before its capture", request_uuid=call.request_uuid)
        raise ServiceUnavailable(_("The call took too long to be recorded, and was not charged."))
    return settlement


async def _release(ledger: Ledger, call: Call, outcome: Outcome, status: int | None) -> None:
    """Release. Where the ledger fails, that is logged where it is raised, and the hold expires."""
    try:
        settlement = await ledger.settle(_end(call, outcome, status, None, Units(), False))
        call_ended(call, outcome if settlement.settled else Outcome.EXPIRED)
    except ServiceUnavailable:
        # Logged where it was raised; the hold's expiry releases it.
        pass


def _end(
    call: Call, outcome: Outcome, status: int | None, charge: int | None, units: Units, estimated: bool
) -> CallEnd:
    assert call.verdict is not None
    assert call.verdict.account_id is not None
    now = time.perf_counter()
    started = call.upstream_started
    return CallEnd(
        account_id=call.verdict.account_id,
        request_uuid=call.request_uuid,
        outcome=outcome,
        charge_microcredits=charge,
        units=units,
        upstream=call.route.upstream.name if call.route else None,
        status=status,
        streamed=call.streamed,
        estimated=estimated,
        latency_ms=milliseconds(now - call.arrived),
        upstream_latency_ms=None if started is None else milliseconds((call.upstream_ended or now) - started),
        first_byte_ms=None if call.first_byte is None else milliseconds(call.first_byte - call.arrived),
        attempts=call.attempts or None,
    )


def metered(call: Call, read: Callable[[], tuple[Units, bool]]) -> tuple[Units, bool]:
    """The units that `read` counts and whether they are estimated; those of the hold's ceiling where it raises.

    The one fall-back of every charge: an answer that was or will be delivered costs something whatever goes wrong
    in counting it, and its hold is never left to expire.
    """
    try:
        return read()
    except Exception as error:
        log.error(
            "units could not be read; the ceiling is charged",
            request_uuid=call.request_uuid,
            error=type(error).__name__,
            where=_place_of(error),
        )
        return call.ceiling, True


def _place_of(error: BaseException) -> str:
    """The file and line where an exception was raised, for logs: its message may quote what callers wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""


def charge_of(call: Call, units: Units) -> int:
    """The price of these units in micro-credits, at the rate pinned on the hold; never more than is held."""
    return min(call.routes[0].rate.cost_microcredits(units), _held_for(call))


def _held_for(call: Call) -> int:
    held = call.held_microcredits
    return call.routes[0].rate.ceiling_microcredits(call.ceiling) if held is None else held


def _tell_of_overrun(call: Call, cost: int, held: int) -> None:
    """Log and count a call that cost more than its hold. We bear the difference; a staff report lists the call."""
    OVERRUNS[call.endpoint,].add()
    log.warning(
        "call cost more than its hold",
        request_uuid=call.request_uuid,
        endpoint=call.endpoint,
        model=call.routes[0].model,
        upstream=call.route.upstream.name if call.route else None,
        cost_microcredits=cost,
        held_microcredits=held,
    )

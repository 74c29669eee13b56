"""The one conductor: how a call is authorised, carried, settled and answered. A straight line, no branches back.

Whatever happens between the hold and the answer, the hold ends here: captured, released, or released in the
background when the client is gone.
"""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import TypeVar

import structlog
from django.conf import settings

from accounts.keys.guessing import refusal_for_failed_key
from aio_platform.credits import format_credits
from aio_platform.errors import PlatformError, ServiceUnavailable
from aio_platform.http.request_ids import public_request_id
from gateway.calls import known_keys
from gateway.calls.call import Call
from gateway.calls.metrics import OVERRUNS, call_ended
from gateway.catalog.routes import Route
from gateway.errors import (
    Blame,
    RouteResting,
    TimeLimitReached,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamSaturated,
)
from gateway.metrics import ATTEMPTS
from gateway.upstreams.client import Upstreams
from usage.ledger.calls import ADMITTED, CallEnd, CallToAuthorize, Settlement
from usage.ledger.client import Ledger
from usage.ledger.outcomes import CHARGED, Outcome
from usage.ledger.units import Units
from usage.ledger.verdicts import error_for_verdict, rate_headers

log = structlog.get_logger(__name__)
# On what the sandbox made up, so that nobody takes it for a model's answer.
SANDBOX_HEADERS = {"X-AIO-Sandbox": "true"}
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Relay:
    """What a call is carried with: the ledger and the connections to the upstreams."""

    ledger: Ledger
    upstreams: Upstreams

    async def authorize(self, call: Call) -> None:
        """Hold the call's ceiling, or raise the refusal. The rate is that of the first route."""
        route = call.routes[0]
        ceiling = route.rate.cost_microcredits(call.ceiling)
        longest_s = call.longest_stream_s()
        verdict = await self.ledger.authorize(
            CallToAuthorize(
                call.request_uuid,
                call.caller,
                call.endpoint,
                route.model,
                route.name,
                route.rate.id,
                ceiling,
                int(call.time_limit_s + longest_s + settings.HOLD_MARGIN_S),
            )
        )
        if verdict.name != ADMITTED:
            known_keys.forget(call.caller)
            error = error_for_verdict(verdict, ceiling, datetime.now(UTC))
            if verdict.account_id is None:
                error = await asyncio.to_thread(refusal_for_failed_key, call.caller.address, error)
            raise error
        known_keys.note_valid(call.caller)
        call.verdict = verdict
        call.held_microcredits = ceiling

    async def while_held(self, call: Call, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Authorise, then do the work; release on every way out of it that is not its answer.

        The deadline covers both. A client that leaves cancels the task: the release then runs in the
        background. Raises the refusal, TimeLimitReached, or what the work raises.
        """
        try:
            async with asyncio.timeout_at(call.deadline()):
                await self.authorize(call)
                return await work()
        except asyncio.CancelledError:
            if call.route is not None and call.upstream_ended is None:
                ATTEMPTS[call.route.upstream.name, "left"].add()
            if call.verdict is not None:
                self.ledger.run_in_background(self.release(call, Outcome.CANCELLED, None))
            raise
        except TimeoutError:
            error: PlatformError = TimeLimitReached(call.time_limit_s)
            if call.route is not None:
                if call.upstream_had_its_time():
                    assert call.verdict is not None
                    assert call.verdict.account_id is not None
                    self.upstreams.health.failed(call.route, call.verdict.account_id, Blame.DOUBTFUL)
                ATTEMPTS[call.route.upstream.name, "timed_out"].add()
            if call.verdict is not None:
                await self.release(call, Outcome.TIMED_OUT, error.status)
            raise error from None
        except PlatformError as error:
            if call.verdict is not None:
                await self.release(call, _outcome_of(error), error.status)
            raise
        except Exception:
            if call.verdict is not None:
                await self.release(call, Outcome.FAILED, 500)
            raise

    async def first_answer(self, call: Call, attempt: Callable[[Route], Awaitable[Answer]]) -> Answer:
        """Try the call's routes in order; failover happens only here, before any byte reached the caller.

        Raises the last upstream's error when none answers, RouteResting when all are resting.
        """
        assert call.verdict is not None
        account_id = call.verdict.account_id
        assert account_id is not None
        health = self.upstreams.health
        last: PlatformError | None = None
        waits_s: list[float] = []
        for route in call.routes:
            wait_s = health.wait_s(route, account_id)
            if wait_s > 0:
                waits_s.append(wait_s)
                continue
            call.route = route
            started = call.upstream_started = time.perf_counter()
            call.upstream_ended = None
            try:
                answer = await attempt(route)
            except UpstreamRejected:
                call.upstream_ended = time.perf_counter()
                health.gave_back(route, account_id)
                ATTEMPTS[route.upstream.name, "rejected"].add()
                raise
            except (UpstreamFailed, UpstreamSaturated, UpstreamRateLimited) as error:
                call.upstream_ended = time.perf_counter()
                health.failed(route, account_id, error.blame, error.retry_after_s or 0.0)
                result = "failed" if isinstance(error, UpstreamFailed) else "saturated"
                ATTEMPTS[route.upstream.name, result].add()
                log.info(
                    "upstream attempt failed", upstream=route.upstream.name, status=error.upstream_status
                )
                call.attempts.append(
                    {
                        "upstream": route.upstream.name,
                        "status": error.upstream_status,
                        "latency_ms": _milliseconds(call.upstream_ended - started),
                    }
                )
                if isinstance(error, UpstreamMisconfigured):
                    request_id = public_request_id(call.request_uuid)
                    self.upstreams.problems.not_welcome(route, error.upstream_status, request_id)
                last = error
            except BaseException:
                health.gave_back(route, account_id)
                raise
            else:
                call.upstream_ended = time.perf_counter()
                self.upstreams.answered(route)
                ATTEMPTS[route.upstream.name, "answered"].add()
                return answer
        raise last or RouteResting(ceil(min(waits_s)))

    async def capture(
        self,
        call: Call,
        units: Units,
        *,
        estimated: bool = False,
        outcome: Outcome = Outcome.SUCCEEDED,
        status: int = 200,
    ) -> Settlement:
        """Charge the actual units at the rate pinned on the hold; returns once committed.

        What is charged is also kept for a repeat under its idempotency key, whether or not its client is still there.
        """
        assert outcome in CHARGED
        call.stop_watching()
        cost = call.routes[0].rate.cost_microcredits(units)
        charge = min(cost, _held_for(call))
        if cost > charge:
            _tell_of_overrun(call, cost, charge)
        settlement = await self.ledger.settle(self._end(call, outcome, status, charge, units, estimated))
        call_ended(call, outcome if settlement.settled else Outcome.EXPIRED)
        if not settlement.settled:
            # The hold expired under us: the answer must not go out, or it would be missing from the books.
            log.error("hold ended before its capture", request_uuid=call.request_uuid)
            raise ServiceUnavailable("The call took too long to be recorded, and was not charged.")
        return settlement

    async def release(self, call: Call, outcome: Outcome, status: int | None) -> None:
        """End the hold without a charge; a books' failure is logged where it is raised, and the hold expires."""
        try:
            settlement = await self.ledger.settle(self._end(call, outcome, status, None, Units(), False))
            call_ended(call, outcome if settlement.settled else Outcome.EXPIRED)
        except ServiceUnavailable:
            # Logged where it was raised; the hold's expiry releases it.
            pass

    def _end(
        self,
        call: Call,
        outcome: Outcome,
        status: int | None,
        charge: int | None,
        units: Units,
        estimated: bool,
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
            latency_ms=_milliseconds(now - call.arrived),
            upstream_latency_ms=None
            if started is None
            else _milliseconds((call.upstream_ended or now) - started),
            first_byte_ms=None if call.first_byte is None else _milliseconds(call.first_byte - call.arrived),
            attempts=call.attempts or None,
        )


def metered(call: Call, read: Callable[[], tuple[Units, bool]]) -> tuple[Units, bool]:
    """The units that `read` finds, and whether they are estimated; the hold's ceiling where it raises.

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
    """The innermost file and line, for a log: messages of exceptions may quote what callers wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""


def charge_of(call: Call, units: Units) -> int:
    """What these units cost in micro-credits at the rate pinned on the hold: never more than is held."""
    return min(call.routes[0].rate.cost_microcredits(units), _held_for(call))


def _held_for(call: Call) -> int:
    held = call.held_microcredits
    return call.routes[0].rate.cost_microcredits(call.ceiling) if held is None else held


def answer_headers(call: Call) -> dict[str, str]:
    """The headers of every answer, streams too: the minute's rate, and whether the sandbox made it up."""
    assert call.verdict is not None
    headers = rate_headers(call.verdict)
    if call.route is not None and call.route.upstream.sandbox:
        headers.update(SANDBOX_HEADERS)
    return headers


def price_headers(call: Call, settlement: Settlement) -> dict[str, str]:
    """The headers of a billed answer: price, what is left, and the minute's rate."""
    headers = answer_headers(call)
    headers["X-Credits-Consumed"] = format_credits(settlement.charged or 0)
    headers["X-Credits-Remaining"] = format_credits(settlement.available or 0)
    return headers


def _tell_of_overrun(call: Call, cost: int, held: int) -> None:
    """Warn of a ceiling that was none: the difference is ours to bear, and staff see the call in a report."""
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


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 0)


def _outcome_of(error: PlatformError) -> Outcome:
    """How a call that was not answered ended, for the books."""
    if isinstance(error, UpstreamRejected):
        return Outcome.REJECTED
    return Outcome.TIMED_OUT if isinstance(error, TimeLimitReached) else Outcome.FAILED

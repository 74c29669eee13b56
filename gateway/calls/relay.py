"""Conducts a call: authorises it, and tries its routes until one answers.

Whatever happens between the hold and the answer, the hold ends: it is released here, in the background when the client
is gone; what an answer is charged, and how a stream ends, is the business of `settle_once`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import TypeVar

import structlog
from django.conf import settings

from accounts.keys.guessing import refusal_for_failed_key
from aio_platform.credits import format_credits
from aio_platform.errors import PlatformError
from aio_platform.http.request_ids import public_request_id
from gateway.calls import known_keys
from gateway.calls.call import Call, milliseconds
from gateway.calls.settle_once import release, release_in_background
from gateway.catalog.routes import Route
from gateway.errors import (
    AttemptFailed,
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
from gateway.upstreams.keys import fault_of_error
from usage.ledger.calls import ADMITTED, CallToAuthorize, Settlement
from usage.ledger.client import Ledger
from usage.ledger.outcomes import Outcome
from usage.ledger.verdicts import error_for_verdict, rate_headers

log = structlog.get_logger(__name__)
# On what the sandbox made up, so that nobody takes it for a model's answer.
SANDBOX_HEADERS = {"X-AIO-Sandbox": "true"}
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Relay:
    """Conducts calls with one process's ledger and its connections to upstreams."""

    ledger: Ledger
    upstreams: Upstreams

    async def authorize(self, call: Call) -> None:
        """Hold the call's ceiling, at the rate of its first route. Raises the refusal."""
        route = call.routes[0]
        ceiling = route.rate.ceiling_microcredits(call.ceiling)
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
        """Authorise the call, then await the work; release the hold unless the work returns its answer.

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
            release_in_background(self.ledger, call, Outcome.CANCELLED)
            raise
        except TimeoutError:
            error: PlatformError = TimeLimitReached(call.time_limit_s)
            if call.route is not None:
                if call.upstream_had_its_time():
                    assert call.verdict is not None
                    assert call.verdict.account_id is not None
                    self.upstreams.health.failed(call.route, call.verdict.account_id, Blame.DOUBTFUL)
                ATTEMPTS[call.route.upstream.name, "timed_out"].add()
            await release(self.ledger, call, Outcome.TIMED_OUT, error.status)
            raise error from None
        except PlatformError as error:
            await release(self.ledger, call, _outcome_of(error), error.status)
            raise
        except Exception:
            await release(self.ledger, call, Outcome.FAILED, 500)
            raise

    async def first_answer(self, call: Call, attempt: Callable[[Route], Awaitable[Answer]]) -> Answer:
        """The first answer of the call's routes, tried in order. All failover happens here, before any byte is sent.

        Raises the last upstream's error when none answers, and RouteResting when all of them rest.
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
            call.upstream_started = time.perf_counter()
            call.upstream_ended = None
            try:
                if len(route.upstream.keys) > 1:
                    answer = await self._answer_by_any_key(call, route, attempt)
                else:
                    answer = await attempt(route)
            except UpstreamRejected:
                call.upstream_ended = time.perf_counter()
                health.gave_back(route, account_id)
                ATTEMPTS[route.upstream.name, "rejected"].add()
                raise
            except (UpstreamFailed, UpstreamSaturated, UpstreamRateLimited) as error:
                health.failed(route, account_id, error.blame, error.retry_after_s or 0.0)
                self._note_failure(call, route, error)
                last = error
            except BaseException:
                health.gave_back(route, account_id)
                raise
            else:
                call.upstream_ended = time.perf_counter()
                self.upstreams.answered(call.route)
                ATTEMPTS[route.upstream.name, "answered"].add()
                return answer
        raise last or RouteResting(ceil(min(waits_s)))

    async def _answer_by_any_key(
        self, call: Call, route: Route, attempt: Callable[[Route], Awaitable[Answer]]
    ) -> Answer:
        """The answer of the route's upstream to the first of its keys, in turn, that it neither refuses nor limits.

        Raises what the last attempt raised, and whatever says nothing of a key at once.
        """
        assert call.verdict is not None
        assert call.verdict.account_id is not None
        keys = self.upstreams.keys
        last: AttemptFailed | None = None
        for keyed in keys.in_turn(route, call.verdict.account_id):
            if last is not None:
                self._note_failure(call, route, last)
            call.route = keyed
            call.upstream_started = time.perf_counter()
            call.upstream_ended = None
            try:
                return await attempt(keyed)
            except (UpstreamMisconfigured, UpstreamRateLimited) as error:
                fault = fault_of_error(error)
                if fault is None:
                    raise
                keys.failed(keyed, call.verdict.account_id, fault, error.retry_after_s or 0.0)
                last = error
        assert last is not None
        raise last

    def _note_failure(self, call: Call, route: Route, error: AttemptFailed) -> None:
        """Count a failed attempt, keep it for the receipt, and tell staff of what is theirs to see to."""
        assert call.upstream_started is not None
        call.upstream_ended = time.perf_counter()
        upstream = route.upstream.name
        ATTEMPTS[upstream, "failed" if isinstance(error, UpstreamFailed) else "saturated"].add()
        log.info("upstream attempt failed", upstream=upstream, status=error.upstream_status)
        call.attempts.append(
            {
                "upstream": upstream,
                "status": error.upstream_status,
                "latency_ms": milliseconds(call.upstream_ended - call.upstream_started),
            }
        )
        if isinstance(error, UpstreamMisconfigured):
            request_id = public_request_id(call.request_uuid)
            self.upstreams.problems.not_welcome(route, error.upstream_status, request_id)


def answer_headers(call: Call) -> dict[str, str]:
    """Headers of every answer, streams too: the limit per minute, and whether the sandbox made the answer up."""
    assert call.verdict is not None
    headers = rate_headers(call.verdict)
    if call.route is not None and call.route.upstream.sandbox:
        headers.update(SANDBOX_HEADERS)
    return headers


def price_headers(call: Call, settlement: Settlement) -> dict[str, str]:
    """Headers of a charged answer: its price, the credits left, and the limit per minute."""
    headers = answer_headers(call)
    headers["X-Credits-Consumed"] = format_credits(settlement.charged or 0)
    headers["X-Credits-Remaining"] = format_credits(settlement.available or 0)
    return headers


def _outcome_of(error: PlatformError) -> Outcome:
    """The outcome, for the ledger, of a call that ended in this error."""
    if isinstance(error, UpstreamRejected):
        return Outcome.REJECTED
    return Outcome.TIMED_OUT if isinstance(error, TimeLimitReached) else Outcome.FAILED

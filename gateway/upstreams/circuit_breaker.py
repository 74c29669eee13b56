"""Which routes rest after failures, and for whom: see ADR 20.

A caller chooses what it sends, so most failures may be its own doing: an empty answer, a moderated prompt, a prompt
that crashes a model or takes too long. Those never keep others from a route. What counts is who failed.
"""

import asyncio
from dataclasses import dataclass

import structlog

from gateway.catalog.routes import Route, Upstream
from gateway.errors import Blame
from gateway.metrics import RESTING

log = structlog.get_logger(__name__)

FAILURES_TO_REST = 5
# So many accounts have to fail, none having an answer in between, before a failure that one caller can bring about
# is taken for the route's own.
ACCOUNTS_TO_DOUBT = 3
REST_S = 5.0
LONGEST_REST_S = 60.0
# Of the accounts that failed since a route's last answer, so many are remembered.
MAX_ACCOUNTS = 1000


@dataclass(slots=True)
class _Streak:
    """One account's failures in a row, and when its next call may go out."""

    failures: int = 0
    not_before: float = 0.0
    probes: bool = False


class RouteHealth:
    """One route's failures since its last answer. Times are in seconds on one clock.

    It rests for an account after FAILURES_TO_REST failures of that account's calls, and for all after as many of
    ACCOUNTS_TO_DOUBT accounts or as many connections that could not be made, whoever asked. When a rest is over,
    each account may send one call at a time to see, so that none can use up the others' chance; an answer ends it.
    """

    __slots__ = ("_rest_until", "_streaks", "_unreached", "rests")

    def __init__(self) -> None:
        # Whether it takes an answer to make this an ordinary route for all again.
        self.rests = False
        self._rest_until = 0.0
        self._unreached = 0
        self._streaks: dict[int, _Streak] = {}

    @property
    def is_ordinary(self) -> bool:
        """Whether nobody's call has failed there since its last answer."""
        return not self.rests and not self._streaks

    def wait_s(self, account_id: int, now: float) -> float:
        """How many seconds this account's calls have to wait for the route; 0 where this call may go out now.

        A call that goes out after a rest is a probe: report its end by `answered`, `failed` or `gave_back`.
        """
        if self.is_ordinary:
            return 0.0
        if now < self._rest_until:
            return self._rest_until - now
        streak = self._streaks.get(account_id)
        if self.rests or (streak is not None and streak.failures >= FAILURES_TO_REST):
            streak = streak or self._streak(account_id)
            if now < streak.not_before:
                return streak.not_before - now
            streak.not_before = now + REST_S
            streak.probes = True
        return 0.0

    def answered(self) -> None:
        """Note an answer, whoever asked: the route rests for nobody any more."""
        self._streaks.clear()
        self._unreached = 0
        self._rest_until = 0.0
        self.rests = False

    def gave_back(self, account_id: int) -> None:
        """Note a call that ended without telling anything of the route; if it was a probe, another may go out."""
        streak = self._streaks.get(account_id)
        if streak is not None and streak.probes:
            streak.probes = False
            streak.not_before = 0.0

    def failed(self, account_id: int, blame: Blame, now: float, retry_after_s: float = 0.0) -> None:
        """Note a failed call of this account. `retry_after_s` is how long the upstream asked to be left alone."""
        if blame is Blame.NOTHING:
            self.gave_back(account_id)
            return
        rest_s = min(max(REST_S, retry_after_s), LONGEST_REST_S)
        streak = self._streak(account_id)
        streak.failures += 1
        streak.probes = False
        if self.rests or streak.failures >= FAILURES_TO_REST:
            streak.not_before = now + rest_s
        if blame is Blame.UNREACHED:
            self._unreached += 1
        failures = sum(each.failures for each in self._streaks.values())
        accounts = sum(each.failures > 0 for each in self._streaks.values())
        enough = 1 if self.rests else FAILURES_TO_REST
        if self._unreached >= enough or (accounts >= ACCOUNTS_TO_DOUBT and failures >= enough):
            self.rests = True
            self._rest_until = now + rest_s
            # Whoever probes after the rest begins anew. An answer is still to be heard of.
            self._streaks = {account_id: _Streak()}
            self._unreached = 0

    def _streak(self, account_id: int) -> _Streak:
        streak = self._streaks.get(account_id)
        if streak is None:
            if len(self._streaks) >= MAX_ACCOUNTS:
                del self._streaks[next(iter(self._streaks))]
            streak = self._streaks[account_id] = _Streak()
        return streak


class RoutesHealth:
    """The health of every route that this process has called, by the upstream that it leads to: another server, or
    another key there, begins anew."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str, str], tuple[Upstream, RouteHealth]] = {}

    def wait_s(self, route: Route, account_id: int) -> float:
        """How long calls of this account are kept from the route; 0 where one may go out now, and does."""
        health = self._of(route)
        if health.is_ordinary:
            return 0.0
        return health.wait_s(account_id, asyncio.get_running_loop().time())

    def answered(self, route: Route) -> None:
        """A call of anybody's had an answer there."""
        health = self._of(route)
        if health.is_ordinary:
            return
        if health.rests:
            RESTING.labels(route.upstream.name).dec()
            log.info("a route rests no longer", route=route.name, upstream=route.upstream.name)
        health.answered()

    def gave_back(self, route: Route, account_id: int) -> None:
        """A call there ended without saying anything of the route."""
        self._of(route).gave_back(account_id)

    def failed(self, route: Route, account_id: int, blame: Blame, retry_after_s: float = 0.0) -> None:
        """A call of this account's failed there."""
        health = self._of(route)
        rested = health.rests
        health.failed(account_id, blame, asyncio.get_running_loop().time(), retry_after_s)
        if health.rests and not rested:
            RESTING.labels(route.upstream.name).inc()
            log.warning("a route rests after failures", route=route.name, upstream=route.upstream.name)

    def _of(self, route: Route) -> RouteHealth:
        key = (route.endpoint, route.model, route.name)
        known = self._routes.get(key)
        if known is not None:
            upstream, health = known
            if upstream is route.upstream or upstream == route.upstream:
                return health
            if health.rests:
                RESTING.labels(upstream.name).dec()
        health = RouteHealth()
        self._routes[key] = (route.upstream, health)
        return health

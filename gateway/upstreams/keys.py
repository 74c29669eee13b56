"""Which of an upstream's several keys calls go out with: in turn, and one that is refused or limited rests alone.

A rest lets other keys go first and does nothing else: where every key rests for a caller, the call goes out with the
next in turn all the same, and ends as it would with one key. So no caller can bring about another's refusals (ADR 20).
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum

import structlog

from gateway.catalog.routes import Route, UpstreamKey
from gateway.errors import AttemptFailed, UpstreamMisconfigured, UpstreamRateLimited
from gateway.metrics import KEY_LIMITED_UNTIL, KEY_REFUSED
from gateway.upstreams.circuit_breaker import ACCOUNTS_TO_DOUBT, MAX_ACCOUNTS, REST_S
from gateway.upstreams.refusals import FORBIDDEN, LONGEST_PAUSE_S

log = structlog.get_logger(__name__)

REFUSED_REST_S = 60.0
# The upstream found no such address or model, whichever key was shown.
_NOT_OF_THE_KEY = frozenset({404, 405, 410})


class KeyFault(Enum):
    """What a failed attempt says of the key that it went out with."""

    REFUSED = "the upstream does not take it, or it has no credit there: no caller can bring that about"
    FORBIDDEN = "a 403, which is the key's or that of one request"
    LIMITED = "too many calls with it, or too large a one"


def fault_of_status(status: int | None) -> KeyFault | None:
    """What an upstream that does not take our calls says of the key, by the status it gave; None for nothing."""
    if status in _NOT_OF_THE_KEY:
        return None
    return KeyFault.FORBIDDEN if status == FORBIDDEN else KeyFault.REFUSED


def fault_of_error(error: AttemptFailed) -> KeyFault | None:
    """What a call's failed attempt says of its key; None for nothing."""
    if isinstance(error, UpstreamRateLimited):
        return KeyFault.LIMITED
    return fault_of_status(error.upstream_status) if isinstance(error, UpstreamMisconfigured) else None


class KeyHealth:
    """One key on one route. Times are in seconds on one clock.

    A refused key rests for all. What one request can bring about (a 403, a 429) rests it for the account that asked,
    and for all after ACCOUNTS_TO_DOUBT accounts with no answer in between. After a rest for all, one call at a time
    goes out to see; an answer ends it. What an account was asked to wait passes by the clock alone.
    """

    __slots__ = ("_doubted_by", "_rest_until", "_waits", "has_answered", "is_refused")

    def __init__(self) -> None:
        self.is_refused = False
        # Whether there was an answer since the last refusal that this process knows of.
        self.has_answered = False
        self._rest_until = 0.0
        self._waits: dict[int, float] = {}
        self._doubted_by: set[int] = set()

    def may_be_used(self, account_id: int, now: float) -> bool:
        """Whether a call of this account may go out with the key, and does."""
        if now < self._rest_until:
            return False
        if self._waits:
            if now < self._waits.get(account_id, 0.0):
                return False
            self._waits.pop(account_id, None)
        if self._rest_until:
            self._rest_until = now + REST_S
        return True

    def answered(self) -> None:
        """Note an answer, whoever asked."""
        self.is_refused = False
        self.has_answered = True
        self._rest_until = 0.0
        self._doubted_by.clear()

    def failed(self, account_id: int, fault: KeyFault, now: float, rest_s: float) -> None:
        """Note that the key was refused or limited."""
        if fault is not KeyFault.LIMITED:
            self.is_refused = True
            self.has_answered = False
        if fault is KeyFault.REFUSED:
            self._rest_until = now + rest_s
            return
        self._waits.pop(account_id, None)
        if len(self._waits) >= MAX_ACCOUNTS:
            del self._waits[next(iter(self._waits))]
        self._waits[account_id] = now + rest_s
        self._doubted_by.add(account_id)
        if len(self._doubted_by) >= ACCOUNTS_TO_DOUBT:
            self._rest_until = now + rest_s
            self._doubted_by.clear()


class _RouteKeys:
    """A route once for each of its upstream's keys, how each key does there, and whose turn it is."""

    __slots__ = ("by_key", "healths", "route", "turn")

    def __init__(self, route: Route, before: "_RouteKeys | None" = None) -> None:
        """`before` is the same route to the same upstream in another version of the catalog."""
        self.route = route
        self.by_key = tuple(replace(route, key=key) for key in route.upstream.keys)
        self.turn: int = 0 if before is None else before.turn
        self.healths = {key.name: KeyHealth() for key in route.upstream.keys}
        if before is not None:
            self.healths = before.healths


class RoutesKeys:
    """The keys of every route of this process whose upstream has several. Another server or other keys begin anew."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str, str], _RouteKeys] = {}

    def in_turn(self, route: Route, account_id: int) -> Iterator[Route]:
        """The route with each key that may be used, from whose turn it is; where all rest, with that one alone.

        Take the next only where the one before was refused or limited.
        """
        known = self._of(route)
        first = known.turn
        known.turn = (first + 1) % len(known.by_key)
        clock = asyncio.get_running_loop().time
        any_was_used = False
        for keyed in known.by_key[first:] + known.by_key[:first]:
            assert keyed.key is not None
            if known.healths[keyed.key.name].may_be_used(account_id, clock()):
                any_was_used = True
                yield keyed
        if not any_was_used:
            yield known.by_key[first]

    def each(self, route: Route) -> tuple[Route, ...]:
        """The route with each of its keys, or the route itself where there are not several."""
        return self._of(route).by_key if len(route.upstream.keys) > 1 else (route,)

    def with_key(self, route: Route, name: str | None) -> Route:
        """The route with the key of this name; with the upstream's first key where it has none of that name."""
        routes = self.each(route)
        return next(
            (keyed for keyed in routes if keyed.key is not None and keyed.key.name == name), routes[0]
        )

    def answered(self, route: Route, key: UpstreamKey) -> bool:
        """Note an answer. Whether each of the route's keys has had one since it was last refused."""
        healths = self._healths(route)
        health = healths.get(key.name)
        if health is None:
            return False
        if health.is_refused:
            KEY_REFUSED.labels(route.upstream.name, key.name).dec()
            log.info("a key is taken again", upstream=route.upstream.name, upstream_key=key.name)
        health.answered()
        return all(each.has_answered for each in healths.values())

    def failed(self, route: Route, account_id: int, fault: KeyFault, retry_after_s: float = 0.0) -> None:
        """A call of this account's was refused or limited with the route's key."""
        key = route.key
        assert key is not None
        rest_s = min(max(REST_S, retry_after_s), LONGEST_PAUSE_S)
        if fault is not KeyFault.LIMITED:
            rest_s = REFUSED_REST_S
        health = self._healths(route).get(key.name)
        if health is None:
            return
        was_refused = health.is_refused
        health.failed(account_id, fault, asyncio.get_running_loop().time(), rest_s)
        names = (route.upstream.name, key.name)
        if fault is KeyFault.LIMITED:
            KEY_LIMITED_UNTIL.labels(*names).set(time.time() + rest_s)
        elif not was_refused:
            KEY_REFUSED.labels(*names).inc()
        log.info("a key rests", upstream=names[0], upstream_key=names[1], route=route.name, fault=fault.name)

    def _of(self, route: Route) -> _RouteKeys:
        place = _place(route)
        known = self._routes.get(place)
        if known is None or known.route is not route:
            if known is not None and known.route.upstream != route.upstream:
                _forget(known)
                known = None
            known = self._routes[place] = _RouteKeys(route, known)
        return known

    def _healths(self, keyed: Route) -> Mapping[str, KeyHealth]:
        """By key's name; none where the catalog has replaced the upstream since the call went out."""
        known = self._routes.get(_place(keyed))
        return known.healths if known is not None and known.route.upstream == keyed.upstream else {}


def _place(route: Route) -> tuple[str, str, str]:
    return route.endpoint, route.model, route.name


def _forget(known: _RouteKeys) -> None:
    for name, health in known.healths.items():
        if health.is_refused:
            KEY_REFUSED.labels(known.route.upstream.name, name).dec()

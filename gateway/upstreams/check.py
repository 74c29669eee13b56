"""Asks each upstream once, with each of its keys, whether it works; says in plain words what is wrong and what to do.

Nothing here counts for anybody: no call is recorded, no route or key rests, and no problem is written down.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

import orjson

from aio_platform.credits import format_credits
from aio_platform.errors import PlatformError
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, UpstreamCall, UpstreamFault
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.adapters.shared.limits import BadOption
from gateway.catalog.routes import Route
from gateway.catalog.sandbox_choice import NOWHERE_URL
from gateway.errors import UnsupportedParameter, UpstreamMisconfigured, UpstreamRateLimited
from gateway.upstreams.check_calls import Listing, SmallCall, knows, listing_of, no_task, small_call
from gateway.upstreams.client import Upstreams
from gateway.upstreams.keys import RoutesKeys
from gateway.upstreams.pool import NotConnected
from gateway.upstreams.responses import read_answer_body
from gateway.upstreams.steps import StepRun

MAX_LIST_BYTES = 20_000_000
_NO_SUCH_PLACE = frozenset({404, 405, 410})
REFUSED_STATUSES = frozenset({401, 403})


class Outcome(StrEnum):
    """What came of asking."""

    WORKS = "works"
    REACHED = "reached"
    NOT_CHECKED = "not checked"
    REFUSED_KEY = "refused key"
    UNKNOWN_MODEL = "unknown model"
    UNREACHABLE = "unreachable"
    UNEXPECTED_ANSWER = "unexpected answer"


SOUND = frozenset({Outcome.WORKS, Outcome.REACHED, Outcome.NOT_CHECKED})


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one upstream with one key, by the key's name; `said` is what it means and what to do."""

    upstream: str
    key: str | None
    outcome: Outcome
    said: str


class _Found(Exception):
    """Ends the check of one upstream."""

    def __init__(self, outcome: Outcome, said: str) -> None:
        super().__init__(said)
        self.outcome = outcome
        self.said = said


def plan(routes: Sequence[Route]) -> str:
    """What is going to be asked of an upstream with these routes, and what that may cost."""
    if _is_unknown_sandbox(routes[0]):
        return "nothing"
    if any(listing_of(route) for route in routes):
        asked = "its list of models, which costs nothing"
        small = [found for route in _one_of_each_model(routes) if (found := small_call([route])) is not None]
        if not small:
            return asked
        most = format_credits(sum(call.most_microcredits for call in small))
        return (
            f"{asked}; a model that it does not list, or one where anybody gets the list, gets a small call:"
            f" {most} credits at most by its rates"
        )
    if any(no_task(route) for route in routes):
        return "about a task that does not exist, which costs nothing"
    cheapest = small_call(routes)
    if cheapest is None:
        return "whether it answers at all, which costs nothing"
    most = format_credits(cheapest.most_microcredits)
    return f"one small call of {cheapest.route.name}, {most} credits at most by its rate"


async def check(by_upstream: Iterable[Sequence[Route]], time_limit_s: float) -> list[Finding]:
    """Ask all of them at once, each with each of its keys. Each element has the routes of one upstream."""
    upstreams = Upstreams()
    keys = RoutesKeys()
    try:
        by_key = [
            keyed
            for routes in by_upstream
            for keyed in zip(*(keys.each(route) for route in routes), strict=True)
        ]
        return await asyncio.gather(*[_finding_of(upstreams, routes, time_limit_s) for routes in by_key])
    finally:
        await upstreams.close()


async def _finding_of(upstreams: Upstreams, routes: Sequence[Route], time_limit_s: float) -> Finding:
    upstream = routes[0].upstream
    key = routes[0].key or (upstream.keys[0] if upstream.keys else None)
    try:
        if _is_unknown_sandbox(routes[0]):
            raise _Found(Outcome.NOT_CHECKED, "the sandbox: its address is for `serve` to give")
        async with asyncio.timeout(time_limit_s):
            await _ask(_Asking(upstreams, routes))
    except _Found as found:
        outcome, said = found.outcome, found.said
    except TimeoutError:
        outcome = Outcome.UNREACHABLE
        said = f"no answer within {time_limit_s:g} s: is it busy or hanging? --timeout gives it more"
    return Finding(upstream.name, None if key is None else key.name, outcome, said)


async def _ask(asking: "_Asking") -> None:
    """Ask what is cheapest. Raises _Found."""
    routes = asking.routes
    listing = next((found for route in routes if (found := listing_of(route))), None)
    if listing is not None:
        listed = [route for route in routes if listing_of(route) is listing]
        names = await asking.listed(listing)
        if names is not None:
            unlisted = [route for route in listed if not knows(names, route.upstream_model)]
            await asking.unlisted(unlisted)
            small = None if unlisted else small_call(listed)
            if small is not None and await asking.lists_to_anybody(listing):
                await asking.small(small)
            raise _Found(Outcome.WORKS, f"it has {_models(listed)}")
    if any(no_task(route) for route in routes):
        await asking.about_no_task()
    small = small_call(routes)
    if small is not None:
        await asking.small(small)
        raise _Found(Outcome.WORKS, f"{small.route.name} answered a small call")
    await asking.reached()


class _Asking:
    """One upstream, with one key."""

    def __init__(self, upstreams: Upstreams, routes: Sequence[Route]) -> None:
        self.routes = routes
        self._upstreams = upstreams
        self._upstream = routes[0].upstream
        self._host = urlsplit(self._upstream.base_url).netloc

    async def listed(self, listing: Listing) -> set[str] | None:
        """The models that it lists; None where it has no list of the form that its protocol says."""
        route = next(route for route in self.routes if listing_of(route) is listing)
        try:
            body = await self._body(route, listing.call)
        except UpstreamMisconfigured as error:
            if error.upstream_status in _NO_SUCH_PLACE:
                return None
            raise self._key_refusal(error.upstream_status) from error
        except PlatformError as error:
            raise self._failed(error) from error
        try:
            return listing.names(orjson.loads(body))
        except orjson.JSONDecodeError:
            return None

    async def lists_to_anybody(self, listing: Listing) -> bool:
        """Whether the list says nothing of our key, since it is given without one too."""
        upstream = self._upstream
        if upstream.api_key is None:
            return False
        stranger = replace(upstream, name=f"{upstream.name} without a key", api_key=None, keys=())
        try:
            await self._body(replace(self.routes[0], upstream=stranger, key=None), listing.call)
        except PlatformError:
            return False
        return True

    async def unlisted(self, routes: Sequence[Route]) -> None:
        """Ask models that it does not list; some servers list less than they have."""
        one_of_each = _one_of_each_model(routes)
        large = [route for route in one_of_each if small_call([route]) is None]
        # The sandbox takes any name, and lists a few.
        if large and not self._upstream.sandbox:
            raise _Found(
                Outcome.UNKNOWN_MODEL,
                f"its list of models lacks {_names(large)}: correct `upstream_model`, or take the route out",
            )
        for route in one_of_each:
            small = small_call([route])
            if small is not None:
                await self.small(small)

    async def about_no_task(self) -> None:
        """Ask about a task that does not exist: who refuses our key says so, whatever else it says."""
        route, step = next((route, step) for route in self.routes if (step := no_task(route)) is not None)
        try:
            status = _code_in(await self._body(route, step))
        except UpstreamMisconfigured as error:
            status = error.upstream_status
        except PlatformError as error:
            status = getattr(error, "upstream_status", None)
            if status is None or status >= 500 or isinstance(error, UpstreamRateLimited):
                raise self._failed(error) from error
        if status in REFUSED_STATUSES or status == 402:
            raise self._key_refusal(status)
        raise _Found(Outcome.REACHED, f"{self._host} does not refuse the key; no task was made to see more")

    async def small(self, small: SmallCall) -> None:
        """Make a small call; returns where it is answered."""
        run = StepRun(self._upstreams, small.route, repeatable=False)
        try:
            await run.answer(CALL_ADAPTERS[small.route.adapter].steps(small.request, small.route))
        except UpstreamMisconfigured as error:
            status = error.upstream_status
            if status in REFUSED_STATUSES or status == 402:
                raise self._key_refusal(status) from error
            raise _Found(
                Outcome.UNKNOWN_MODEL,
                f"answered {status}: it does not know {_names([small.route])}, or not this address: correct"
                " `upstream_model`, or `base_url` and `path`",
            ) from error
        except UnsupportedParameter as error:
            raise _Found(
                Outcome.UNEXPECTED_ANSWER,
                f"it does not take `{error.param or 'a parameter'}` of a plain call: an option of"
                f" {small.route.name} may help (docs/catalog.md)",
            ) from error
        except PlatformError as error:
            raise self._failed(error) from error
        except (MalformedAnswer, UpstreamFault, AnswerRefused, BadOption) as error:
            raise _Found(
                Outcome.UNEXPECTED_ANSWER,
                f"what came is no answer in the protocol of `{small.route.adapter}`: are `adapter`, `base_url` and"
                " `path` right?",
            ) from error
        finally:
            if run.response is not None:
                run.response.close()

    async def reached(self) -> None:
        """See whether anybody answers there."""
        try:
            await self._body(self.routes[0], UpstreamCall("/", method="GET", accept=None))
        except UpstreamMisconfigured as error:
            if error.upstream_status in REFUSED_STATUSES:
                raise self._key_refusal(error.upstream_status) from error
        except PlatformError as error:
            status = getattr(error, "upstream_status", None)
            if status is None or status >= 500:
                raise self._failed(error) from error
        raise _Found(
            Outcome.REACHED, f"{self._host} answers; no call of its routes is small enough to see more"
        )

    async def _body(self, route: Route, step: UpstreamCall) -> bytes:
        return await read_answer_body(await self._upstreams.send(route, step, again=True), MAX_LIST_BYTES)

    def _key_refusal(self, status: int | None) -> _Found:
        key = self.routes[0].key or (self._upstream.keys[0] if self._upstream.keys else None)
        if key is None:
            return _Found(
                Outcome.REFUSED_KEY,
                f"answered {status}: it wants a key, and the catalog names none (`api_key`)",
            )
        if status == 402:
            return _Found(Outcome.REFUSED_KEY, f"answered 402: {key.name} has no credit there")
        if status in REFUSED_STATUSES:
            return _Found(
                Outcome.REFUSED_KEY,
                f"answered {status}: it does not take {key.name}; put a valid key there, or see whether `auth` names"
                " the header that it wants",
            )
        return _Found(
            Outcome.REFUSED_KEY,
            f"answered {status}: it says that {key.name} is wrong, or has no credit there",
        )

    def _failed(self, error: PlatformError) -> _Found:
        status = getattr(error, "upstream_status", None)
        if isinstance(error.__cause__, NotConnected):
            return _Found(Outcome.UNREACHABLE, self._why_unreached(error.__cause__.__cause__))
        if isinstance(error, UpstreamRateLimited):
            return _Found(
                Outcome.UNEXPECTED_ANSWER, f"answered {status}: it takes no more calls with this key for now"
            )
        if status is None:
            said = "broke off before its answer was whole: is it an HTTP server, and `base_url` http or https as it is?"
            return _Found(Outcome.UNEXPECTED_ANSWER, said)
        hint = "look at its own log or status page" if status >= 500 else "are `base_url` and `path` right?"
        return _Found(Outcome.UNEXPECTED_ANSWER, f"answered {status}: {hint}")

    def _why_unreached(self, reason: BaseException | None) -> str:
        if isinstance(reason, socket.gaierror):
            return f"the name of {self._host} is not known: is `base_url` right, and does this machine's DNS answer?"
        if isinstance(reason, ssl.SSLError):
            why = getattr(reason, "verify_message", "") or getattr(reason, "reason", "") or "no TLS there"
            return (
                f"no TLS connection to {self._host} ({why}): is its certificate valid, and `base_url` https?"
            )
        if isinstance(reason, TimeoutError):
            limit_s = self._upstream.connect_timeout_s
            return f"no connection to {self._host} within {limit_s:g} s: is it up, and does a firewall let us through?"
        if isinstance(reason, ConnectionRefusedError):
            return f"nothing listens at {self._host}: is it running, and the port of `base_url` right?"
        return f"no connection to {self._host} ({type(reason).__name__}): is it up, and `base_url` right?"


def _is_unknown_sandbox(route: Route) -> bool:
    return route.upstream.sandbox and route.upstream.base_url == NOWHERE_URL


def _code_in(body: bytes) -> int | None:
    """The status that some providers tell in the body of a 200."""
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = values.get("code") if isinstance(values, dict) else None
    return code if isinstance(code, int) else None


def _one_of_each_model(routes: Sequence[Route]) -> list[Route]:
    return list({route.upstream_model: route for route in reversed(routes)}.values())


def _names(routes: Sequence[Route]) -> str:
    return ", ".join(dict.fromkeys(route.upstream_model for route in routes))


def _models(routes: Sequence[Route]) -> str:
    count = len({route.upstream_model for route in routes})
    return _names(routes) if count <= 3 else f"the {count} models of its routes"

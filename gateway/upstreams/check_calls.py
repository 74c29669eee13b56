"""What an upstream can be asked cheaply to see whether it works: its list of models, a task that is none, a small call.

Pure: what is to be sent and how an answer reads; `upstreams/check.py` sends it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aio_platform.errors import PlatformError
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import UpstreamCall
from gateway.adapters.registry import CALL_ADAPTERS, TASK_ADAPTERS
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.small_requests import SMALL_REQUESTS
from gateway.catalog.routes import Route
from usage.ledger.units import Units

# Anthropic's protocol wants its version with every request.
ANTHROPIC_VERSION = ("anthropic-version", "2023-06-01")
NO_TASK_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Listing:
    """How a protocol lists its models; `names` reads the answer, and gives None for what is no such list."""

    call: UpstreamCall
    names: Callable[[Any], set[str] | None]


def _ids(values: Any) -> set[str] | None:
    data = values.get("data") if isinstance(values, dict) else None
    return (
        {str(model.get("id")) for model in data if isinstance(model, dict)}
        if isinstance(data, list)
        else None
    )


def _gemini_names(values: Any) -> set[str] | None:
    models = values.get("models") if isinstance(values, dict) else None
    if not isinstance(models, list):
        return None
    return {str(model.get("name")).removeprefix("models/") for model in models if isinstance(model, dict)}


_OPENAI = Listing(UpstreamCall("/v1/models", method="GET"), _ids)
_LISTINGS: Mapping[str, Listing] = {
    "anthropic_messages": Listing(
        UpstreamCall("/v1/models", method="GET", query={"limit": "1000"}, headers=(ANTHROPIC_VERSION,)), _ids
    ),
    "gemini": Listing(
        UpstreamCall("/v1beta/models", method="GET", query={"pageSize": "1000"}), _gemini_names
    ),
}


def listing_of(route: Route) -> Listing | None:
    """How the route's server lists its models; None where its protocol has no such list, or its address names one."""
    if route.upstream.path is not None and "{model}" in route.upstream.path:
        return None
    if route.adapter in _LISTINGS:
        return _LISTINGS[route.adapter]
    return _OPENAI if route.adapter.startswith(("openai_", "vllm_")) else None


def knows(names: set[str], model: str) -> bool:
    """Whether a list of models has this one. Ollama lists a name without a tag with its `:latest`."""
    return model in names or f"{model}:latest" in names


def no_task(route: Route) -> UpstreamCall | None:
    """The first thing that is asked about a task: here of one that does not exist, which costs nothing."""
    adapter = TASK_ADAPTERS.get(route.adapter)
    if adapter is None:
        return None
    reference = {"id": NO_TASK_ID, "app": "/".join(route.upstream_model.split("/")[:2])}
    try:
        return next(adapter.poll(reference, route))
    except (KeyError, BadOption, StopIteration):
        return None  # an operator's own, which refers to tasks in another way


@dataclass(frozen=True, slots=True)
class SmallCall:
    """The smallest call of a route, and the most that it is by what the route's callers pay."""

    route: Route
    request: Any
    ceiling: Units

    @property
    def most_microcredits(self) -> int:
        return self.route.rate.cost_microcredits(self.ceiling)


def small_call(routes: Sequence[Route]) -> SmallCall | None:
    """The cheapest kind of small call that one of the routes has; None where every call of theirs is a large one."""
    for endpoint, request_of in SMALL_REQUESTS.items():
        for route in routes:
            adapter = CALL_ADAPTERS.get(route.adapter)
            if route.endpoint != endpoint or adapter is None:
                continue
            request = request_of(route)
            try:
                ceiling = adapter.ceiling(request, route)
            except (BadOption, PlatformError):
                continue  # its calls fail in the same way, and say why
            if isinstance(request, ChatRequest):
                request.limit_to(ceiling)
            return SmallCall(route, request, ceiling)
    return None

"""What a model is to those who may call it: limits, modalities and prices, as OpenAI's and OpenRouter's.

OpenAI's own four fields come first; the others have OpenRouter's names where it has them. Prices are in credits, and
say so: `prompt` and `completion` for one token, `rates` for each endpoint as the rate card has them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.keys.scope import KeyScope
from aio_platform.credits import MICROCREDITS_PER_CREDIT, format_credits
from gateway.catalog.routes import Catalog, ModelInfo, ModelPaused, Route, UnknownModel
from gateway.endpoints import BY_NAME, CHAT, ENDPOINTS
from gateway.task_models.shipped import SHIPPED
from usage.ledger.rates import Price, Rate

# Parameters of task models that are images besides.
IMAGE_PARAMETERS = frozenset({"image", "input_urls"})


def listed_models(catalog: Catalog, mount: str, scope: KeyScope) -> list[dict[str, Any]]:
    """The models that a mount (`/v1/`) and a key can call now, each with those of its endpoints that both have."""
    endpoints = endpoints_of(mount)
    found = []
    for model in catalog.models():
        routes = [
            route
            for endpoint in model.endpoints
            if endpoint in endpoints and scope.allows(endpoint, model.slug)
            for route in _first_route(catalog, endpoint, model.slug)
        ]
        if routes:
            found.append(listed(model, routes))
    return found


def _first_route(catalog: Catalog, endpoint: str, slug: str) -> Iterable[Route]:
    try:
        return catalog.routes_for(endpoint, slug)[:1]
    except (ModelPaused, UnknownModel):
        return ()


def listed(model: ModelInfo, routes: list[Route]) -> dict[str, Any]:
    """One model by the routes that its endpoints would take, one each."""
    output_limits = [route.max_output_tokens for route in routes if route.max_output_tokens is not None]
    inputs = _once(name for route in routes for name in _inputs_of(route))
    outputs = _once(name for route in routes for name in BY_NAME[route.endpoint].outputs)
    return {
        "id": model.slug,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "name": model.name,
        "endpoints": [route.endpoint for route in routes],
        "aliases": list(model.aliases),
        "context_length": model.context_tokens,
        "max_output_tokens": max(output_limits, default=None),
        "architecture": {
            "modality": f"{'+'.join(inputs)}->{'+'.join(outputs)}",
            "input_modalities": inputs,
            "output_modalities": outputs,
        },
        "pricing": _pricing(routes),
    }


def as_anthropic(model: Mapping[str, Any]) -> dict[str, Any]:
    """A listed model as Anthropic's API describes one."""
    created = datetime.fromtimestamp(model["created"], UTC)
    return {
        "type": "model",
        "id": model["id"],
        "display_name": model["name"],
        "created_at": created.isoformat().replace("+00:00", "Z"),
        "max_input_tokens": model["context_length"],
        "max_tokens": model["max_output_tokens"],
    }


def _inputs_of(route: Route) -> list[str]:
    inputs = list(BY_NAME[route.endpoint].inputs)
    takes_images = route.endpoint == CHAT and route.max_image_tokens > 0
    if route.model in SHIPPED.slugs(route.endpoint):
        takes_images = not IMAGE_PARAMETERS.isdisjoint(SHIPPED.parameter_names(route.model))
    return [*inputs, "image"] if takes_images else inputs


def _pricing(routes: list[Route]) -> dict[str, Any]:
    by_token = next((route.rate for route in routes if _per_unit(route.rate, "tokens_in") is not None), None)
    return {
        "currency": "credits",
        "prompt": by_token and _per_unit(by_token, "tokens_in"),
        "completion": by_token and _per_unit(by_token, "tokens_out"),
        "rates": {
            route.endpoint: {price.unit: _price(price) for price in route.rate.prices} for route in routes
        },
    }


def _price(price: Price) -> dict[str, Any]:
    """As a catalog writes it; the tiers of longer prompts as `above`, where there are any."""
    shown: dict[str, Any] = {"credits": format_credits(price.microcredits), "per": price.per}
    if price.tiers:
        shown["above"] = [
            {"tokens_in": tier.above, "credits": format_credits(tier.microcredits), "per": tier.per}
            for tier in price.tiers
        ]
    return shown


def _per_unit(rate: Rate, unit: str) -> str | None:
    """A unit's price in credits, as a plain decimal; None where the rate does not price it."""
    for price in rate.prices:
        if price.unit == unit:
            credits = Decimal(price.microcredits) / (MICROCREDITS_PER_CREDIT * price.per)
            return format(credits.normalize(), "f")
    return None


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def endpoints_of(mount: str) -> frozenset[str]:
    """The endpoints that addresses below a mount call."""
    return frozenset(
        each.name
        for each in ENDPOINTS
        if any(address.path.startswith(mount) for address in (*each.addresses, *each.also_at))
    )

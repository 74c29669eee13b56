"""Prices as the rate card has them at this moment, beside the models they are of."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from aio_platform.credits import format_credits
from gateway.catalog.feed import NoCatalog, load_current
from gateway.catalog.routes import Catalog, ModelInfo, UnknownModel
from gateway.endpoints import BY_NAME, ENDPOINTS
from gateway.models import CatalogVersion
from usage.ledger.rates import Price, Rate, Tier
from usage.ledger.units import WHOLE_OF

UNIT_NAMES: dict[str, str | Promise] = {
    "tokens_in": _("input tokens"),
    "tokens_out": _("output tokens"),
    "images": _("images"),
    "audio_ms": _("milliseconds of audio"),
    "audio_s": _("seconds of audio"),
    "characters": _("characters"),
    "calls": _("calls"),
    "pixel_steps": _("pixels × steps"),
    "video_ms": _("milliseconds of video"),
    "video_s": _("seconds of video"),
    "cache_read_tokens": _("input tokens from a cache"),
    "cache_write_tokens": _("input tokens written to a cache"),
    "cache_write_1h_tokens": _("input tokens written to a cache for an hour"),
    "reasoning_tokens": _("output tokens of reasoning"),
    "audio_tokens_in": _("input tokens of audio"),
    "audio_tokens_out": _("output tokens of audio"),
}
ONE: dict[str, str | Promise] = {
    "tokens_in": _("input token"),
    "tokens_out": _("output token"),
    "images": _("image"),
    "audio_ms": _("millisecond of audio"),
    "audio_s": _("second of audio"),
    "characters": _("character"),
    "calls": _("call"),
    "pixel_steps": _("pixel × step"),
    "video_ms": _("millisecond of video"),
    "video_s": _("second of video"),
    "cache_read_tokens": _("input token from a cache"),
    "cache_write_tokens": _("input token written to a cache"),
    "cache_write_1h_tokens": _("input token written to a cache for an hour"),
    "reasoning_tokens": _("output token of reasoning"),
    "audio_tokens_in": _("input token of audio"),
    "audio_tokens_out": _("output token of audio"),
}
# What is counted in milliseconds, and is told in seconds where that comes out even.
IN_SECONDS = {"audio_ms": "audio_s", "video_ms": "video_s"}


@dataclass(frozen=True, slots=True)
class PriceLine:
    """So many credits for so many of a unit: "0.5" for "1,000" "input tokens"; `per` is empty for one.

    `above` is empty, or the number of input tokens above which that is the price.
    """

    credits: str
    per: str
    unit: str | Promise
    above: str = ""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What one model costs on one endpoint. `is_default`: it answers where no model is named."""

    model: ModelInfo
    endpoint: str
    endpoint_name: str | Promise
    is_default: bool
    is_free: bool
    lines: tuple[PriceLine, ...]


def catalog_in_force() -> Catalog | None:
    """The catalog of this moment, read once for each version; None before one is loaded."""
    newest = CatalogVersion.objects.order_by("-version").values_list("version", flat=True).first()
    return None if newest is None else _read(newest)


@lru_cache(maxsize=1)
def _read(version: int) -> Catalog | None:
    try:
        return load_current()
    except NoCatalog:
        return None


def prices_of(endpoint: str) -> list[ModelPrice]:
    """The models that serve an endpoint, its default first."""
    catalog = catalog_in_force()
    if catalog is None:
        return []
    found = [_price(catalog, model, endpoint) for model in catalog.models() if endpoint in model.endpoints]
    return sorted(found, key=lambda price: not price.is_default)


def price_list() -> list[tuple[str | Promise, list[ModelPrice]]]:
    """Every endpoint's name with its models."""
    return [(each.label, found) for each in ENDPOINTS if (found := prices_of(each.name))]


def models_with_prices() -> list[tuple[ModelInfo, list[ModelPrice]]]:
    """Every model with what it costs on each of its endpoints."""
    catalog = catalog_in_force()
    if catalog is None:
        return []
    return [
        (model, [_price(catalog, model, endpoint) for endpoint in model.endpoints])
        for model in catalog.models()
    ]


def _price(catalog: Catalog, model: ModelInfo, endpoint: str) -> ModelPrice:
    rate = catalog.routes_for(endpoint, model.slug)[0].rate
    lines = tuple(_lines(rate))
    is_default = model.slug == _default_of(catalog, endpoint)
    return ModelPrice(model, endpoint, BY_NAME[endpoint].label, is_default, not lines, lines)


def _default_of(catalog: Catalog, endpoint: str) -> str | None:
    try:
        return catalog.default_model(endpoint)
    except UnknownModel:
        return None


def _lines(rate: Rate) -> Iterable[PriceLine]:
    if not any(each.microcredits for price in rate.prices for each in price.with_tiers):
        return
    for price in rate.prices:
        # A part that is free says so: without a line it would cost what the rest of its whole costs.
        if price.microcredits or price.unit in WHOLE_OF or price.tiers:
            yield _line(price.unit, price)
        for tier in price.tiers:
            yield _line(price.unit, tier, f"{tier.above:,}")


def _line(unit: str, price: Price | Tier, above: str = "") -> PriceLine:
    per = price.per
    if unit in IN_SECONDS and per % 1000 == 0:
        unit, per = IN_SECONDS[unit], per // 1000
    name = ONE[unit] if per == 1 else UNIT_NAMES[unit]
    return PriceLine(format_credits(price.microcredits), "" if per == 1 else f"{per:,}", name, above)

"""The catalog: which models exist, where each call may go, and at what rate.

A snapshot: made whole by `catalog/parser.py`, replaced whole by `catalog/feed.py`, never changed, never waited for.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from typing import Any

from aio_platform.errors import NotFound, ServiceUnavailable
from aio_platform.i18n.translatable import gettext_noop
from gateway.adapters.registry import SERVES
from usage.ledger.rates import Rate

DEFAULT_MAX_CONNECTIONS = 1000
DEFAULT_CONNECT_TIMEOUT_S = 5.0
DEFAULT_MAX_IMAGE_TOKENS = 2000
# `Upstream.auth` of a key that goes as `Authorization: Bearer KEY`.
BEARER = "bearer"
SHOWN_MODEL_LENGTH = 100
PAUSED_RETRY_AFTER_S = 60

# The protocols this version of the platform speaks; `gateway.adapters` has a room for each.
ADAPTERS = frozenset(SERVES)


class UnknownModel(NotFound):
    """No such model, or none that serves the endpoint that was called."""

    code = "unknown_model"
    openai_code = "model_not_found"


class ModelPaused(ServiceUnavailable):
    """The model exists, and every route to it is switched off or drains."""

    code = "model_paused"


@dataclass(frozen=True, slots=True)
class UpstreamKey:
    """One of our keys at an upstream. Its name is that of the environment variable it comes from, and no secret."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server we forward to. Its keys and headers may be secrets, so neither is ever shown.

    One that drains is given no new calls; what it has it finishes. `path` stands in place of the `/v1` that OpenAI's
    paths begin with, and `{model}` in it for the route's model; `query` goes with every request. A key goes as a
    bearer token, or alone in the header that `auth` names. `api_key` is the first of `keys`.
    """

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    # Compared and not hashed: `api_key` tells them apart well enough, and upstreams are looked up for each call.
    keys: tuple[UpstreamKey, ...] = field(default=(), repr=False, hash=False)
    auth: str = BEARER
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    path: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S
    # Not part of what it is: draining a server must not open new connections to it.
    draining: bool = field(default=False, compare=False)
    # Its answers are made up, and say so.
    sandbox: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    """One way to carry one model's calls to one endpoint. Lower priorities are tried first.

    Of routes of equal priority, weights say how often each is the first choice; without any, the order of the
    catalog does. `key` is the one that a call on it goes out with; None is the upstream's first.
    """

    name: str
    endpoint: str
    model: str
    upstream: Upstream
    adapter: str
    upstream_model: str
    rate: Rate
    priority: int = 0
    max_output_tokens: int | None = None
    max_image_tokens: int = DEFAULT_MAX_IMAGE_TOKENS
    time_limit_s: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    enabled: bool = True
    weight: int | None = None
    key: UpstreamKey | None = field(default=None, hash=False)

    @property
    def takes_calls(self) -> bool:
        """Whether new calls may go there."""
        return self.enabled and not self.upstream.draining


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as listings show it. `created` is in seconds since 1970; `context_tokens` None where nobody said."""

    slug: str
    created: int
    owned_by: str
    name: str
    aliases: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    context_tokens: int | None = None


RoutesOf = Mapping[tuple[str, str | None], tuple[Route, ...]]


@dataclass(frozen=True, slots=True)
class Catalog:
    """One version of the catalog. Make it with `Catalog.of`."""

    version: int
    _models: tuple[ModelInfo, ...]
    _defaults: Mapping[str, str]
    _all_routes: tuple[Route, ...] = field(repr=False)
    # Slugs, aliases and None for the default are all keys, so that a call costs one look-up.
    _routes: RoutesOf = field(repr=False)
    # Those of them whose order is drawn for each call.
    _weighted: frozenset[tuple[str, str | None]] = field(repr=False)
    # The names of the upstreams whose answers are made up.
    sandboxes: frozenset[str]

    @classmethod
    def of(
        cls, version: int, models: Iterable[ModelInfo], routes: Iterable[Route], defaults: Mapping[str, str]
    ) -> "Catalog":
        """Index a description that has been validated; `defaults` is endpoint → slug."""
        models = tuple(models)
        # Sorting is stable: routes of equal priority keep the order of the file.
        all_routes = tuple(sorted(routes, key=lambda route: route.priority))
        by_slug: dict[tuple[str, str | None], list[Route]] = {}
        for route in all_routes:
            found = by_slug.setdefault((route.endpoint, route.model), [])
            if route.takes_calls:
                found.append(route)
        index = {key: tuple(found) for key, found in by_slug.items()}
        for model in models:
            for alias in model.aliases:
                for endpoint in model.endpoints:
                    index[endpoint, alias] = index[endpoint, model.slug]
        for endpoint, slug in defaults.items():
            index[endpoint, None] = index[endpoint, slug]
        weighted = frozenset(
            key for key, found in index.items() if any(route.weight is not None for route in found)
        )
        return cls(
            version,
            models,
            MappingProxyType(dict(defaults)),
            all_routes,
            MappingProxyType(index),
            weighted,
            frozenset(route.upstream.name for route in all_routes if route.upstream.sandbox),
        )

    def routes_for(self, endpoint: str, model: str | None) -> tuple[Route, ...]:
        """The routes of a slug, an alias, or (None) the endpoint's default model; first choice first.

        Never empty: raises UnknownModel for a model that does not exist or does not serve the endpoint, and
        ModelPaused where it does and none of its routes takes calls. With weights every look draws anew.
        """
        key = (endpoint, model)
        routes = self._routes.get(key)
        if not routes:
            raise self._unknown(endpoint, model) if routes is None else self._paused(endpoint, model)
        return drawn_order(routes) if key in self._weighted else routes

    def serves(self, endpoint: str, model: str) -> bool:
        """Whether a slug or an alias is a model's that serves the endpoint, be it switched off for the moment."""
        return (endpoint, model) in self._routes

    def all_routes(self) -> tuple[Route, ...]:
        """Every route, those that take no new calls too, by priority."""
        return self._all_routes

    def models(self) -> list[ModelInfo]:
        """Every model, in the order of the file."""
        return list(self._models)

    def default_model(self, endpoint: str) -> str:
        """The slug that serves the endpoint when the caller names none; raises UnknownModel without one."""
        slug = self._defaults.get(endpoint)
        if slug is None:
            raise self._unknown(endpoint, None)
        return slug

    def _paused(self, endpoint: str, model: str | None) -> ModelPaused:
        slug = model or self._defaults[endpoint]
        return ModelPaused(
            gettext_noop("The model '%(model)s' is switched off for the moment."),
            param="model",
            retry_after_s=PAUSED_RETRY_AFTER_S,
            model=slug,
        )

    def _unknown(self, endpoint: str, model: str | None) -> UnknownModel:
        if model is None:
            return UnknownModel(gettext_noop("No model serves this endpoint."), param="model")
        known = any(model == info.slug or model in info.aliases for info in self._models)
        if known:
            return UnknownModel(
                gettext_noop("The model '%(model)s' does not serve this endpoint."),
                param="model",
                model=_shown(model),
            )
        return unknown_model(model)


def unknown_model(model: str) -> UnknownModel:
    """The error that says that there is no such model."""
    return UnknownModel(
        gettext_noop("The model '%(model)s' does not exist."), param="model", model=_shown(model)
    )


def _shown(model: str) -> str:
    return model if len(model) <= SHOWN_MODEL_LENGTH else model[:SHOWN_MODEL_LENGTH] + "…"


def drawn_order(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Routes by priority; those of equal priority in an order drawn by their weights (none counts as 1).

    Each of them comes first as often as its weight's share, and likewise among those that are left.
    """
    drawn: list[Route] = []
    for _, equal in groupby(routes, key=lambda route: route.priority):
        drawn += sorted(equal, key=_lot, reverse=True)
    return tuple(drawn)


def _lot(route: Route) -> float:
    # Efraimidis and Spirakis: the largest u^(1/w) is that of w with probability w / sum of all.
    weight = 1 if route.weight is None else route.weight
    return random.random() ** (1 / weight)  # noqa: S311 - spreads load, keeps no secret

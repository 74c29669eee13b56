"""The catalog: which models exist, where each call may go, and at what rate.

A snapshot: made whole by `catalog_file`, replaced whole by `catalog_feed`, never changed, never waited for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from aio_platform.errors import NotFound
from gateway.adapter_table import ENDPOINTS_OF
from gateway.task_adapter_table import TASK_ENDPOINTS_OF
from usage.rates import Rate

DEFAULT_MAX_CONNECTIONS = 1000
DEFAULT_CONNECT_TIMEOUT_S = 5.0
DEFAULT_MAX_IMAGE_TOKENS = 2000
SHOWN_MODEL_LENGTH = 100

CALL_ENDPOINTS = (
    "chat",
    "embeddings",
    "rerank",
    "speech",
    "voices",
    "voice_clone",
    "transcription",
    "vision",
    "images",
    "music",
)
TASK_ENDPOINTS = (
    "image_task",
    "video_task",
    "music_task",
    "speech_task",
    "remove_bg",
    "face_swap",
    "video_bg_remover",
)
ENDPOINTS = CALL_ENDPOINTS + TASK_ENDPOINTS
# The protocols this version of the platform speaks; `gateway.adapters` has a room for each.
ADAPTERS = frozenset(ENDPOINTS_OF) | frozenset(TASK_ENDPOINTS_OF)


class UnknownModel(NotFound):
    """No such model, or none that serves the endpoint that was called."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server we forward to. Its key and headers may be secrets, so neither is ever shown."""

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Route:
    """One way to carry one model's calls to one endpoint. Lower priorities are tried first."""

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


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as listings show it. `created` is in seconds since 1970."""

    slug: str
    created: int
    owned_by: str
    name: str
    aliases: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """One version of the catalog. Make it with `Catalog.of`."""

    version: int
    _models: tuple[ModelInfo, ...]
    _defaults: Mapping[str, str]
    # Slugs, aliases and None for the default are all keys, so that a call costs one look-up.
    _routes: Mapping[tuple[str, str | None], tuple[Route, ...]] = field(repr=False)

    @classmethod
    def of(
        cls, version: int, models: Iterable[ModelInfo], routes: Iterable[Route], defaults: Mapping[str, str]
    ) -> "Catalog":
        """Index a description that has been validated; `defaults` is endpoint → slug."""
        models = tuple(models)
        by_slug: dict[tuple[str, str | None], list[Route]] = {}
        # Sorting is stable: routes of equal priority keep the order of the file.
        for route in sorted(routes, key=lambda route: route.priority):
            by_slug.setdefault((route.endpoint, route.model), []).append(route)
        index = {key: tuple(found) for key, found in by_slug.items()}
        for model in models:
            for alias in model.aliases:
                for endpoint in model.endpoints:
                    index[endpoint, alias] = index[endpoint, model.slug]
        for endpoint, slug in defaults.items():
            index[endpoint, None] = index[endpoint, slug]
        return cls(version, models, MappingProxyType(dict(defaults)), MappingProxyType(index))

    def routes_for(self, endpoint: str, model: str | None) -> tuple[Route, ...]:
        """The routes of a slug, an alias, or (None) the endpoint's default model; first choice first.

        Never empty: raises UnknownModel for a model that does not exist or does not serve the endpoint.
        """
        routes = self._routes.get((endpoint, model))
        if routes is None:
            raise self._unknown(endpoint, model)
        return routes

    def models(self) -> list[ModelInfo]:
        """Every model, in the order of the file."""
        return list(self._models)

    def default_model(self, endpoint: str) -> str:
        """The slug that serves the endpoint when the caller names none; raises UnknownModel without one."""
        slug = self._defaults.get(endpoint)
        if slug is None:
            raise self._unknown(endpoint, None)
        return slug

    def _unknown(self, endpoint: str, model: str | None) -> UnknownModel:
        if model is None:
            return UnknownModel("No model serves this endpoint.", param="model")
        shown = model if len(model) <= SHOWN_MODEL_LENGTH else model[:SHOWN_MODEL_LENGTH] + "…"
        known = any(model == info.slug or model in info.aliases for info in self._models)
        if known:
            return UnknownModel(f"The model '{shown}' does not serve this endpoint.", param="model")
        return UnknownModel(f"The model '{shown}' does not exist.", param="model")

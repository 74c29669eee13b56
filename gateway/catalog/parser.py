"""A catalog as people write it: TOML in, a checked description out, or every mistake with its line.

Rates are only named here and have no ids yet: `load_catalog` publishes them, and `CatalogDescription.catalog`
joins both into the snapshot that calls use.
"""

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aio_platform.credits import MAX_MICROCREDITS
from gateway.adapters.registry import SERVES
from gateway.catalog.fields import CatalogErrors, Fields, Problem, Problems
from gateway.catalog.line_numbers import LineMap, TomlPath, syntax_error_line
from gateway.catalog.routes import Catalog, ModelInfo, Route, Upstream
from gateway.catalog.sandbox_choice import paused_beside
from gateway.catalog.tables import Known, RouteDraft, read_model, read_rate, read_route, read_upstream
from gateway.endpoints import CHAT, TASK_ENDPOINT_NAMES
from gateway.task_models.shipped import SHIPPED
from usage.ledger.rates import Price, Rate
from usage.ledger.units import Units

__all__ = ["CatalogDescription", "CatalogErrors", "parse_catalog", "read_catalog"]


@dataclass(frozen=True, slots=True)
class CatalogDescription:
    """A catalog that has been checked. Its routes hold unpublished rates: id and version are 0."""

    upstreams: Mapping[str, Upstream]
    rates: Mapping[str, tuple[Price, ...]]
    models: tuple[ModelInfo, ...]
    routes: tuple[Route, ...]
    defaults: Mapping[str, str]

    def catalog(self, version: int, published: Mapping[str, Rate]) -> Catalog:
        """The snapshot of this description with its rates as they were published, by name."""
        routes = [replace(route, rate=published[route.rate.name]) for route in self.routes]
        return Catalog.of(version, self.models, routes, self.defaults)


def read_catalog(file: str) -> str:
    """The text of a catalog file; raises CatalogErrors when it cannot be read or is not UTF-8."""
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise CatalogErrors([Problem(file, 1, "", f"cannot be read: {error.strerror}")]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CatalogErrors([Problem(file, line, "", "not UTF-8")]) from None


def parse_catalog(
    text: str, *, file: str, adapters: Collection[str], environ: Mapping[str, str] = os.environ
) -> CatalogDescription:
    """Read and check a catalog.

    `file` is what errors call it, `adapters` the adapter names this process has, `environ` where `env:NAME`
    is looked up. Raises CatalogErrors with every problem found; a syntax error is found alone, since nothing
    after it can be read.
    """
    try:
        parsed = tomllib.loads(text)
        lines = LineMap(text)
    except RecursionError:
        raise CatalogErrors([Problem(file, 1, "", "nested too deeply")]) from None
    except ValueError as error:
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise CatalogErrors([Problem(file, syntax_error_line(text, error), "", message)]) from None
    return _Reading(Problems(file, lines, environ), adapters).description(parsed)


class _Reading:
    """One pass over a parsed catalog. What is broken is noted where it stands, and not again by its users."""

    def __init__(self, problems: Problems, adapters: Collection[str]) -> None:
        self._problems = problems
        self._adapters = adapters
        self._upstreams: dict[str, Upstream] = {}
        self._rates: dict[str, tuple[Price, ...]] = {}
        self._models: dict[str, ModelInfo] = {}
        self._model_paths: dict[str, TomlPath] = {}
        self._drafts: list[RouteDraft] = []
        self._defaults: dict[str, str] = {}

    def description(self, parsed: Mapping[str, Any]) -> CatalogDescription:
        self._read(Fields(self._problems, (), parsed))
        self._check_routes()
        self._check_models()
        if self._problems.noted:
            raise CatalogErrors(self._problems.noted)
        return CatalogDescription(
            MappingProxyType(self._upstreams),
            MappingProxyType(self._rates),
            tuple(self._with_endpoints(model) for model in self._models.values()),
            tuple(self._route(draft) for draft in self._drafts),
            MappingProxyType(self._defaults),
        )

    def _read(self, top: Fields) -> None:
        upstreams, rates = top.tables("upstreams"), top.tables("rates")
        for name, fields in upstreams.items():
            upstream = read_upstream(name, fields)
            if upstream is not None:
                self._upstreams[name] = upstream
        for name, fields in rates.items():
            prices = read_rate(name, fields)
            if prices is not None:
                self._rates[name] = prices
        taken: dict[str, int] = {}
        for fields in top.array_of_tables("models"):
            model = read_model(fields)
            if model is not None:
                self._take_names(model, fields, taken)
        known = Known(self._models, upstreams, rates, self._adapters)
        self._drafts = [read_route(fields, known) for fields in top.array_of_tables("routes")]
        top.refuse_the_rest()
        self._pause_unasked_sandboxes()

    def _pause_unasked_sandboxes(self) -> None:
        used = [
            self._upstreams[draft.upstream] for draft in self._drafts if draft.upstream in self._upstreams
        ]
        real = (upstream.name for upstream in used if not upstream.sandbox)
        if paused_beside(real, self._problems.environ):
            for upstream in used:
                if upstream.sandbox:
                    self._upstreams[upstream.name] = replace(upstream, draining=True)

    def _take_names(self, model: ModelInfo, fields: Fields, taken: dict[str, int]) -> None:
        """Slugs and aliases share one space of names: a caller's `model` must mean one thing."""
        self._models.setdefault(model.slug, model)
        self._model_paths.setdefault(model.slug, fields.path)
        places: list[TomlPath] = [("slug",), *(("aliases", place) for place in range(len(model.aliases)))]
        for name, place in zip((model.slug, *model.aliases), places, strict=True):
            path = (*fields.path, *place)
            if name in taken:
                self._problems.note(path, f"the name {name} is taken on line {taken[name]}")
            taken.setdefault(name, self._problems.line_of(path))

    def _check_routes(self) -> None:
        lines_of_names: dict[str, int] = {}
        for draft in self._drafts:
            self._check_ceiling(draft)
            self._check_parameters(draft)
            served = SERVES.get(draft.adapter or "")
            if served is not None and draft.endpoint is not None and draft.endpoint not in served:
                draft.fields.note("adapter", f"{draft.adapter} serves {', '.join(sorted(served))}")
            if draft.endpoint is None or draft.model is None or draft.upstream is None:
                continue
            line = self._problems.line_of(draft.fields.path)
            first = lines_of_names.setdefault(draft.name, line)
            if first != line:
                draft.fields.note(
                    "name", f"the route {draft.name} is also on line {first}; give one of them a name"
                )
            if draft.is_default:
                default = self._defaults.setdefault(draft.endpoint, draft.model)
                if default != draft.model:
                    draft.fields.note(
                        "default", f"the default model of {draft.endpoint} is already {default}"
                    )
        self._check_defaults()

    def _check_defaults(self) -> None:
        with_default = {draft.endpoint for draft in self._drafts if draft.is_default}
        first_drafts = {draft.endpoint: draft for draft in reversed(self._drafts)}
        for endpoint, draft in first_drafts.items():
            if endpoint is not None and endpoint not in with_default:
                draft.fields.note("endpoint", f"no route of {endpoint} has default = true")

    def _check_ceiling(self, draft: RouteDraft) -> None:
        """Output is held before it is seen, so where it costs, it must be bounded."""
        prices = self._rates.get(draft.rate or "", ())
        output = draft.max_output_tokens
        priced = any(price.unit == "tokens_out" and price.microcredits > 0 for price in prices)
        if not draft.fields.has("max_output_tokens") and (draft.endpoint == CHAT or priced):
            draft.fields.note("max_output_tokens", "missing: without it a call has no ceiling price")
        elif output is not None and priced:
            cost = Rate.of(0, "", 0, prices).cost_microcredits(Units(tokens_out=output))
            if cost > MAX_MICROCREDITS:
                draft.fields.note("max_output_tokens", "one answer would cost more than a balance can hold")

    def _check_parameters(self, draft: RouteDraft) -> None:
        """What a task's model takes is declared elsewhere, and without it every task would be refused."""
        if draft.endpoint not in TASK_ENDPOINT_NAMES or draft.model is None:
            return
        declared = SHIPPED.slugs(draft.endpoint)
        if draft.model not in declared:
            draft.fields.note(
                "model",
                f"no parameters are declared for {draft.model} as {draft.endpoint}; there is {', '.join(declared)}",
            )

    def _check_models(self) -> None:
        routed = {draft.model for draft in self._drafts}
        for slug, path in self._model_paths.items():
            if slug not in routed:
                self._problems.note(path, f"no route carries {slug}")

    def _with_endpoints(self, model: ModelInfo) -> ModelInfo:
        endpoints = dict.fromkeys(draft.endpoint for draft in self._drafts if draft.model == model.slug)
        return replace(model, endpoints=tuple(endpoint for endpoint in endpoints if endpoint is not None))

    def _route(self, draft: RouteDraft) -> Route:
        """Called only when nothing was noted, so everything that was named is there."""
        assert draft.endpoint is not None
        assert draft.model is not None
        assert draft.upstream is not None
        assert draft.adapter is not None
        assert draft.rate is not None
        return Route(
            name=draft.name,
            endpoint=draft.endpoint,
            model=draft.model,
            upstream=self._upstreams[draft.upstream],
            adapter=draft.adapter,
            rate=Rate.of(0, draft.rate, 0, self._rates[draft.rate]),
            max_output_tokens=draft.max_output_tokens,
            **{**draft.settings, "upstream_model": draft.settings["upstream_model"] or draft.model},
        )

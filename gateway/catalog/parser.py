"""A catalog as people write it: TOML in, a checked description out, or every mistake with its line.

Rates are only named here and have no ids yet: `load_catalog` publishes them, and `CatalogDescription.catalog`
joins both into the snapshot that calls use.
"""

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aio_platform.credits import MAX_MICROCREDITS
from gateway.adapters.registry import SERVES
from gateway.catalog.fields import CatalogErrors, Problem, Problems, Surroundings
from gateway.catalog.line_numbers import LineMap, TomlPath, syntax_error_line
from gateway.catalog.routes import Catalog, ModelInfo, Route, Upstream
from gateway.catalog.sandbox_choice import is_sandbox, paused_beside
from gateway.catalog.tables import NAME, CatalogFile, ModelTable, RouteTable, UpstreamTable, read_rate
from gateway.endpoints import CHAT, ENDPOINT_NAMES, TASK_ENDPOINT_NAMES
from gateway.task_models.shipped import SHIPPED
from usage.ledger.rates import Price, Rate
from usage.ledger.units import WHOLE_OF, Units

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
    names = {"endpoint": ENDPOINT_NAMES, "adapter": adapters}
    return _Reading(Problems(file, lines), Surroundings(environ, names)).description(parsed)


class _Reading:
    """One pass over a parsed catalog. What is broken is noted where it stands, and not again by its users."""

    def __init__(self, problems: Problems, surroundings: Surroundings) -> None:
        self._problems = problems
        self._surroundings = surroundings
        self._upstreams: dict[str, UpstreamTable] = {}
        self._rates: dict[str, tuple[Price, ...]] = {}
        self._models: dict[str, ModelTable] = {}
        self._model_paths: dict[str, TomlPath] = {}
        self._routes: dict[TomlPath, RouteTable] = {}
        self._defaults: dict[str, str] = {}

    def description(self, parsed: Mapping[str, Any]) -> CatalogDescription:
        self._read(parsed)
        self._check_routes()
        self._check_models()
        if self._problems.noted:
            raise CatalogErrors(self._problems.noted)
        # Nothing was noted, so everything that is named is there.
        upstreams = self._described_upstreams(parsed["upstreams"])
        return CatalogDescription(
            MappingProxyType(upstreams),
            MappingProxyType(self._rates),
            tuple(self._described_model(slug, model) for slug, model in self._models.items()),
            tuple(self._described_route(route, upstreams) for route in self._routes.values()),
            MappingProxyType(self._defaults),
        )

    def _read(self, parsed: Mapping[str, Any]) -> None:
        read, around = self._problems.read, self._surroundings
        file = read(CatalogFile, (), parsed, around)
        for name, given in (file.upstreams or {}).items():
            self._check_name("upstreams", name)
            self._upstreams[name] = read(UpstreamTable, ("upstreams", name), given, around)
        for name, given in (file.rates or {}).items():
            self._check_name("rates", name)
            self._rates[name] = read_rate(self._problems, ("rates", name), given)
        taken: dict[str, int] = {}
        for place, given in enumerate(file.models or ()):
            self._take_names(read(ModelTable, ("models", place), given, around), ("models", place), taken)
        names = {**around.names, "model": self._models, "upstream": self._upstreams, "rate": self._rates}
        around = around._replace(names=names)
        for place, given in enumerate(file.routes or ()):
            self._routes["routes", place] = read(RouteTable, ("routes", place), given, around)

    def _check_name(self, kind: str, name: str) -> None:
        """It has to be told apart in a log line and in a route's name."""
        if not NAME.fullmatch(name):
            self._problems.note((kind, name), f"the name must match {NAME.pattern}")

    def _take_names(self, model: ModelTable, path: TomlPath, taken: dict[str, int]) -> None:
        """Slugs and aliases share one space of names: a caller's `model` must mean one thing."""
        if model.slug is None:
            return
        self._models.setdefault(model.slug, model)
        self._model_paths.setdefault(model.slug, path)
        names: dict[TomlPath, str] = {("slug",): model.slug}
        names |= {("aliases", place): alias for place, alias in enumerate(model.aliases or ())}
        for place, name in names.items():
            if name in taken:
                self._problems.note((*path, *place), f"the name {name} is taken on line {taken[name]}")
            taken.setdefault(name, self._problems.line_of((*path, *place)))

    def _check_routes(self) -> None:
        lines_of_names: dict[str, int] = {}
        for path, route in self._routes.items():
            self._check_ceiling(path, route)
            self._check_parameters(path, route)
            served = SERVES.get(route.adapter or "")
            if served is not None and route.endpoint is not None and route.endpoint not in served:
                self._problems.note((*path, "adapter"), f"{route.adapter} serves {', '.join(sorted(served))}")
            if route.endpoint is None or route.model is None or route.upstream is None:
                continue
            line = self._problems.line_of(path)
            first = lines_of_names.setdefault(route.full_name, line)
            if first != line:
                self._problems.note(
                    (*path, "name"),
                    f"the route {route.full_name} is also on line {first}; give one of them a name",
                )
            if route.default:
                default = self._defaults.setdefault(route.endpoint, route.model)
                if default != route.model:
                    self._problems.note(
                        (*path, "default"), f"the default model of {route.endpoint} is already {default}"
                    )
        self._check_defaults()

    def _check_defaults(self) -> None:
        with_default = {route.endpoint for route in self._routes.values() if route.default}
        first_paths = {route.endpoint: path for path, route in reversed(self._routes.items())}
        for endpoint, path in first_paths.items():
            if endpoint is not None and endpoint not in with_default:
                self._problems.note((*path, "endpoint"), f"no route of {endpoint} has default = true")

    def _check_ceiling(self, path: TomlPath, route: RouteTable) -> None:
        """Output is held before it is seen, so where it costs, it must be bounded."""
        prices = self._rates.get(route.rate or "", ())
        output = route.max_output_tokens
        rate = Rate.of(0, "", 0, prices)
        lengths = [0, *(tier.above + 1 for price in prices for tier in price.tiers)]
        priced = any(
            WHOLE_OF.get(price.unit, price.unit) == "tokens_out" and each.microcredits > 0
            for price in prices
            for each in price.with_tiers
        )
        field = (*path, "max_output_tokens")
        if "max_output_tokens" not in route.model_fields_set and (route.endpoint == CHAT or priced):
            self._problems.note(field, "missing: without it a call has no ceiling price")
        elif output is not None and priced:
            cost = max(rate.ceiling_microcredits(Units(length, output)) for length in lengths)
            if cost > MAX_MICROCREDITS:
                self._problems.note(field, "one answer would cost more than a balance can hold")

    def _check_parameters(self, path: TomlPath, route: RouteTable) -> None:
        """What a task's model takes is declared elsewhere, and without it every task would be refused."""
        if route.endpoint not in TASK_ENDPOINT_NAMES or route.model is None:
            return
        declared = SHIPPED.slugs(route.endpoint)
        if route.model not in declared:
            self._problems.note(
                (*path, "model"),
                f"no parameters are declared for {route.model} as {route.endpoint}; there is {', '.join(declared)}",
            )

    def _check_models(self) -> None:
        routed = {route.model for route in self._routes.values()}
        for slug, path in self._model_paths.items():
            if slug not in routed:
                self._problems.note(path, f"no route carries {slug}")

    def _described_upstreams(self, parsed: Mapping[str, Any]) -> dict[str, Upstream]:
        upstreams = {}
        for name, table in self._upstreams.items():
            known = dict(table) | {
                "name": name,
                "api_key": table.api_key[0].secret if table.api_key else None,
                "keys": table.api_key,
                "headers": MappingProxyType(table.headers),
                "query": MappingProxyType(table.query),
                "sandbox": is_sandbox(parsed[name]),
            }
            upstreams[name] = Upstream(**known)
        used = [upstreams[route.upstream] for route in self._routes.values() if route.upstream is not None]
        real = (upstream.name for upstream in used if not upstream.sandbox)
        if paused_beside(real, self._surroundings.environ):
            for upstream in used:
                if upstream.sandbox:
                    upstreams[upstream.name] = replace(upstream, draining=True)
        return upstreams

    def _described_model(self, slug: str, model: ModelTable) -> ModelInfo:
        routes = [route for route in self._routes.values() if route.model == slug]
        return ModelInfo(
            slug,
            created=int(datetime.combine(model.created, time(), UTC).timestamp()),
            owned_by=model.owned_by,
            name=model.name or slug,
            aliases=tuple(model.aliases or ()),
            endpoints=tuple(dict.fromkeys(route.endpoint for route in routes if route.endpoint is not None)),
            context_tokens=model.context_tokens,
        )

    def _described_route(self, route: RouteTable, upstreams: Mapping[str, Upstream]) -> Route:
        given = dict(route)
        del given["default"]
        given |= {
            "name": route.full_name,
            "upstream": upstreams[given["upstream"]],
            "upstream_model": route.upstream_model or route.model,
            "rate": Rate.of(0, given["rate"], 0, self._rates[given["rate"]]),
            "options": MappingProxyType(route.options),
        }
        return Route(**given)

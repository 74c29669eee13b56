"""The four kinds of tables in a catalog file, each checked by itself: upstreams, rates, models and routes."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.catalog.fields import ENV_PREFIX, Fields
from gateway.catalog.routes import (
    DEFAULT_CONNECT_TIMEOUT_S,
    DEFAULT_MAX_CONNECTIONS,
    DEFAULT_MAX_IMAGE_TOKENS,
    ModelInfo,
    Upstream,
)
from gateway.catalog.sandbox_choice import REFERENCE
from gateway.endpoints import ENDPOINT_NAMES
from usage.ledger.rates import BadPrice, Price, parse_prices

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
ROUTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What carries a credential may only come from the environment: a catalog is stored, shown and committed.
SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|key|password", re.IGNORECASE)
HEADERS_OF_THE_CONNECTION = frozenset({"connection", "content-length", "host", "transfer-encoding"})
LITERAL_SECRET = "a secret may not stand in a catalog: write env:NAME"  # noqa: S105 - a message
MAX_OUTPUT_TOKENS = 10_000_000
MAX_CONTEXT_TOKENS = 100_000_000
MAX_TIME_LIMIT_S = 86_400.0
MAX_PRIORITY = 1_000_000
MAX_WEIGHT = 1000


class Known(NamedTuple):
    """The names a route may refer to."""

    models: Collection[str]
    upstreams: Collection[str]
    rates: Collection[str]
    adapters: Collection[str]


class RouteDraft(NamedTuple):
    """A route as it is written; None where a reference is missing or wrong."""

    fields: Fields
    endpoint: str | None
    model: str | None
    upstream: str | None
    adapter: str | None
    rate: str | None
    given_name: str | None
    is_default: bool
    max_output_tokens: int | None
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.given_name or default_route_name(self.endpoint, self.model, self.upstream)


def default_route_name(endpoint: str | None, model: str | None, upstream: str | None) -> str:
    """What a route is called that is given no name."""
    return f"{endpoint}/{model}@{upstream}"


def read_upstream(name: str, fields: Fields) -> Upstream | None:
    """Read one `[upstreams.NAME]`; None where it has no usable address."""
    note_bad_name(name, fields)
    base_url = _read_base_url(fields)
    api_key = fields.text("api_key")
    if api_key is not None and not api_key.startswith(ENV_PREFIX):
        fields.note("api_key", LITERAL_SECRET)
    elif api_key is not None:
        api_key = fields.environment("api_key", api_key)
    headers = _read_headers(fields)
    max_connections = fields.integer("max_connections", DEFAULT_MAX_CONNECTIONS, 1, 100_000)
    connect_timeout_s = fields.seconds("connect_timeout_s", DEFAULT_CONNECT_TIMEOUT_S, 60.0)
    draining = fields.flag("draining")
    sandbox = fields.flag("sandbox") or fields.raw("base_url") == REFERENCE
    fields.refuse_the_rest()
    if base_url is None:
        return None
    return Upstream(name, base_url, api_key, headers, max_connections, connect_timeout_s, draining, sandbox)


def read_rate(name: str, fields: Fields) -> tuple[Price, ...] | None:
    """Read one `[rates.NAME]`, unit by unit; None where a price is not usable."""
    note_bad_name(name, fields)
    table = dict(fields.items())
    if not table:
        fields.note(None, 'no prices; what is free says so: calls = { credits = "0" }')
        return None
    prices: list[Price] = []
    for unit, given in sorted(table.items()):
        try:
            prices += parse_prices({unit: given})
        except BadPrice as error:
            fields.note(unit, str(error).removeprefix(f"{unit}: "))
    return tuple(prices) if len(prices) == len(table) else None


def read_model(fields: Fields) -> ModelInfo | None:
    """Read one `[[models]]`; None without a usable slug. Its endpoints come from the routes."""
    slug = fields.text("slug", required=True, form=SLUG)
    owned_by = fields.text("owned_by", required=True)
    created_on = fields.day("created")
    aliases = fields.texts("aliases", SLUG)
    name = fields.text("name")
    context_tokens = fields.integer("context_tokens", None, 1, MAX_CONTEXT_TOKENS)
    fields.refuse_the_rest()
    if slug is None:
        return None
    created = int(datetime.combine(created_on, time(), UTC).timestamp()) if created_on else 0
    return ModelInfo(
        slug, created, owned_by or "", name or slug, tuple(aliases), context_tokens=context_tokens
    )


def read_route(fields: Fields, known: Known) -> RouteDraft:
    """Read one `[[routes]]`, noting every reference to what does not exist."""
    draft = RouteDraft(
        fields,
        endpoint=fields.reference("endpoint", ENDPOINT_NAMES, "endpoint"),
        model=fields.reference("model", known.models, "model"),
        upstream=fields.reference("upstream", known.upstreams, "upstream"),
        adapter=fields.reference("adapter", known.adapters, "adapter"),
        rate=fields.reference("rate", known.rates, "rate"),
        given_name=fields.text("name", form=ROUTE_NAME),
        is_default=fields.flag("default"),
        max_output_tokens=fields.integer("max_output_tokens", None, 1, MAX_OUTPUT_TOKENS),
        settings={
            "upstream_model": fields.text("upstream_model"),
            "priority": fields.integer("priority", 0, 0, MAX_PRIORITY),
            "weight": fields.integer("weight", None, 1, MAX_WEIGHT),
            "enabled": fields.flag("enabled", True),
            "max_image_tokens": fields.integer("max_image_tokens", DEFAULT_MAX_IMAGE_TOKENS, 0, 1_000_000),
            "time_limit_s": fields.seconds("time_limit_s", None, MAX_TIME_LIMIT_S),
            "options": MappingProxyType(fields.json_table("options")),
        },
    )
    fields.refuse_the_rest()
    return draft


def note_bad_name(name: str, fields: Fields) -> None:
    """Note a table's name that could not be told apart in a log line or a route's name."""
    if not NAME.fullmatch(name):
        fields.note(None, f"the name must match {NAME.pattern}")


def _read_base_url(fields: Fields) -> str | None:
    given = fields.text("base_url", required=True)
    if given is not None and given.startswith(ENV_PREFIX):
        given = fields.environment("base_url", given)
    if given is None:
        return None
    complaint = _complaint_about_url(given)
    if complaint is not None:
        fields.note("base_url", complaint)
        return None
    return given.rstrip("/")


def _complaint_about_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not a URL"
    if parts.scheme not in ("http", "https"):
        return "must start with http:// or https://"
    if not parts.hostname or port == 0 or re.search(r"\s", url):
        return "not a URL"
    if "@" in parts.netloc:
        return "must not carry a user or a password; use api_key or headers"
    if "?" in url or "#" in url:
        return "must not have a query or a fragment"
    return None


def _read_headers(fields: Fields) -> Mapping[str, str]:
    table = fields.table("headers")
    inside = fields.inside("headers", table)
    headers: dict[str, str] = {}
    for name in table:
        value = inside.text(name)
        if not HEADER_NAME.fullmatch(name) or name.lower() in HEADERS_OF_THE_CONNECTION:
            inside.note(name, "not a header that a catalog can set")
        elif value is not None and value.startswith(ENV_PREFIX):
            value = inside.environment(name, value)
        elif value is not None and SECRET_HEADER.search(name):
            inside.note(name, LITERAL_SECRET)
        if value is not None:
            headers[name] = value
    return MappingProxyType(headers)

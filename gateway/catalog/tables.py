"""The kinds of tables in a catalog file, each checked by itself: upstreams, rates, models and routes."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from gateway.catalog.fields import (
    ENV_PREFIX,
    Problems,
    Resolved,
    Surroundings,
    Table,
    Text,
    from_to,
    matches,
    names_a,
    readable,
    resolved,
    seconds_up_to,
    type_name,
    unfit_for_json,
)
from gateway.catalog.line_numbers import TomlPath
from gateway.catalog.routes import (
    BEARER,
    DEFAULT_CONNECT_TIMEOUT_S,
    DEFAULT_MAX_CONNECTIONS,
    DEFAULT_MAX_IMAGE_TOKENS,
    UpstreamKey,
)
from usage.ledger.rates import BadPrice, Price, parse_prices

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
ROUTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What carries a credential may only come from the environment: a catalog is stored, shown and committed.
SECRET_NAME = re.compile(r"authorization|cookie|token|secret|key|password", re.IGNORECASE)
HEADERS_OF_THE_CONNECTION = frozenset({"connection", "content-length", "host", "transfer-encoding"})
# Segments of letters, digits and what else a path has unquoted, or with the mark for the route's model in them.
UPSTREAM_PATH = re.compile(r"(/([A-Za-z0-9._~:@-]|\{model\})+)*/?")
LITERAL_SECRET = "a secret may not stand in a catalog: write env:NAME"  # noqa: S105 - a message
MAX_OUTPUT_TOKENS = 10_000_000
MAX_CONTEXT_TOKENS = 100_000_000
MAX_TIME_LIMIT_S = 86_400.0
MAX_PRIORITY = 1_000_000
MAX_WEIGHT = 1000
MAX_KEYS = 100


def default_route_name(endpoint: str | None, model: str | None, upstream: str | None) -> str:
    """What a route is called that is given no name."""
    return f"{endpoint}/{model}@{upstream}"


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must start with http:// or https://")
    if not parts.hostname or port == 0 or re.search(r"\s", url):
        raise ValueError("not a URL")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user or a password; use api_key or headers")
    if "?" in url or "#" in url:
        raise ValueError("must not have a query or a fragment")
    return url.rstrip("/")


def _can_set_header(name: str) -> bool:
    return HEADER_NAME.fullmatch(name) is not None and name.lower() not in HEADERS_OF_THE_CONNECTION


def _auth(name: str) -> str:
    if name.lower() == BEARER:
        return BEARER
    if not _can_set_header(name):
        raise ValueError("expected bearer, or the name of a header")
    return name


def _beginning_of_paths(path: str) -> str:
    if not UPSTREAM_PATH.fullmatch(path):
        raise ValueError("expected a path as in /openai/deployments/{model}, or / for none")
    return path.removesuffix("/")


def _array_of_tables(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, list):
        raise ValueError(f"expected tables, as in [[{info.field_name}]]")
    return value


def _keys(value: object, info: ValidationInfo[Surroundings]) -> tuple[UpstreamKey, ...]:
    """The keys of one secret's reference, or of a list of them; what is wrong with each of a list is said at once."""
    if isinstance(value, str):
        return (_key(value, info),)
    if not isinstance(value, list):
        raise ValueError(f"expected a string or a list of strings, not {type_name(value)}")
    if not 1 <= len(value) <= MAX_KEYS:
        raise ValueError(f"expected from 1 to {MAX_KEYS} keys")
    found: list[UpstreamKey] = []
    problems: list[str] = []
    for place, reference in enumerate(value, 1):
        try:
            if not isinstance(reference, str):
                raise ValueError(f"expected a string, not {type_name(reference)}")
            key = _key(reference, info)
            if key.name in {other.name for other in found}:
                raise ValueError(f"{key.name} is there already")
            found.append(key)
        except ValueError as error:
            problems.append(f"key {place}: {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(found)


def _key(reference: str, info: ValidationInfo[Surroundings]) -> UpstreamKey:
    readable(reference)
    if not reference.startswith(ENV_PREFIX):
        raise ValueError(LITERAL_SECRET)
    return UpstreamKey(reference.removeprefix(ENV_PREFIX), resolved(reference, info))


Slug = Annotated[Text, matches(SLUG)]
ArrayOfTables = Annotated[list[Any], BeforeValidator(_array_of_tables)]


class CatalogFile(Table):
    """What a file consists of; each of the tables in there is read by itself."""

    upstreams: dict[str, Any] | None
    rates: dict[str, Any] | None
    models: ArrayOfTables | None
    routes: ArrayOfTables | None


class UpstreamTable(Table):
    """One `[upstreams.NAME]`."""

    base_url: Annotated[Resolved, AfterValidator(_address)]
    # One key's reference, or a list of them.
    api_key: Annotated[Any, AfterValidator(_keys)] = ()
    auth: Annotated[Text, AfterValidator(_auth)] = BEARER
    headers: dict[str, Resolved] = {}
    path: Annotated[Text, AfterValidator(_beginning_of_paths)] | None = None
    query: dict[str, Resolved] = {}
    max_connections: Annotated[int, from_to(1, 100_000)] = DEFAULT_MAX_CONNECTIONS
    connect_timeout_s: Annotated[float, seconds_up_to(60)] = DEFAULT_CONNECT_TIMEOUT_S
    draining: bool = False
    sandbox: bool = False

    @classmethod
    def further_problems(cls, given: Mapping[str, Any]) -> Iterator[tuple[TomlPath, str]]:
        if "auth" in given and "api_key" not in given:
            yield ("auth",), "there is no api_key to send"
        for field in ("headers", "query"):
            values = given.get(field)
            for name, value in values.items() if isinstance(values, dict) else ():
                if field == "headers" and not _can_set_header(name):
                    yield (field, name), "not a header that a catalog can set"
                elif isinstance(value, str) and SECRET_NAME.search(name) and not value.startswith(ENV_PREFIX):
                    yield (field, name), LITERAL_SECRET


class ModelTable(Table):
    """One `[[models]]`. The endpoints of a model come from the routes."""

    slug: Slug | None
    owned_by: Text
    created: date
    aliases: list[Slug] | None = []
    name: Text | None = None
    context_tokens: Annotated[int, from_to(1, MAX_CONTEXT_TOKENS)] | None = None


class RouteTable(Table):
    """One `[[routes]]`."""

    endpoint: Annotated[Text, names_a("endpoint")] | None
    model: Annotated[Text, names_a("model")] | None
    upstream: Annotated[Text, names_a("upstream")] | None
    adapter: Annotated[Text, names_a("adapter")] | None
    rate: Annotated[Text, names_a("rate")] | None
    name: Annotated[Text, matches(ROUTE_NAME)] | None = None
    upstream_model: Text | None = None
    default: bool = False
    enabled: bool = True
    priority: Annotated[int, from_to(0, MAX_PRIORITY)] = 0
    weight: Annotated[int, from_to(1, MAX_WEIGHT)] | None = None
    max_output_tokens: Annotated[int, from_to(1, MAX_OUTPUT_TOKENS)] | None = None
    max_image_tokens: Annotated[int, from_to(0, 1_000_000)] = DEFAULT_MAX_IMAGE_TOKENS
    time_limit_s: Annotated[float, seconds_up_to(MAX_TIME_LIMIT_S)] | None = None
    options: dict[str, Any] = {}

    @classmethod
    def further_problems(cls, given: Mapping[str, Any]) -> Iterator[tuple[TomlPath, str]]:
        options = given.get("options")
        return unfit_for_json(("options",), options if isinstance(options, dict) else {})

    @property
    def full_name(self) -> str:
        """What it is called, or would be called where a reference is missing."""
        return self.name or default_route_name(self.endpoint, self.model, self.upstream)


def read_rate(problems: Problems, path: TomlPath, given: object) -> tuple[Price, ...]:
    """Read one `[rates.NAME]`, unit by unit; prices that cannot be charged are noted and left out."""
    if not isinstance(given, dict):
        problems.note(path, f"expected a table, not {type_name(given)}")
        return ()
    if not given:
        problems.note(path, 'no prices; what is free says so: calls = { credits = "0" }')
    prices: list[Price] = []
    for unit, price in sorted(given.items()):
        try:
            prices += parse_prices({unit: price})
        except BadPrice as error:
            problems.note((*path, unit), str(error).removeprefix(f"{unit}: "))
    return tuple(prices)

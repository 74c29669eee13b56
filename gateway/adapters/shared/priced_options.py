"""Options whose value changes what a call costs: a route says which there are, and what each is worth.

    [routes.options.priced.tokens_out]
    by = ["quality", "size"]
    defaults = { quality = "medium" }
    values = { "low 1024x1024" = 272, "medium 1024x1024" = 1056, "high 1024x1024" = 4160 }

counts so many `tokens_out` for each result, which the route's rate prices. What is not in the table is refused, and
what the caller leaves open goes upstream as the default, so that nothing is made that was not priced.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute
from gateway.adapters.shared.limits import BadOption
from usage.ledger.units import WHOLE_OF, Units

# What clients send who leave the choice to the upstream.
UNNAMED = frozenset({None, "auto"})


class Choice(NamedTuple):
    """What a route makes of a caller's options: how they go upstream, and what they count for each result, by unit."""

    options: Mapping[str, str]
    units: Mapping[str, int]


def choose(given: Mapping[str, str | None], route: AdapterRoute) -> Choice:
    """The options that the route prices, as they were given or by default. `given` has None for what is left open.

    Raises InvalidRequest naming the option whose value has no price, and BadOption for a table that leaves one open.
    """
    options: dict[str, str] = {}
    units: dict[str, int] = {}
    for unit, table in _table(route.options.get("priced", {}), route).items():
        if unit not in Units._fields or unit in WHOLE_OF or unit == "calls":
            raise BadOption(f"{unit}, which {route.model} prices options by, is not a unit")
        table = _table(table, route)
        names, values, defaults = (
            table.get("by"),
            _table(table.get("values"), route),
            table.get("defaults", {}),
        )
        if not isinstance(names, list) or not names:
            raise BadOption(f"what {route.model} prices as {unit} says not by which options")
        for name in names:
            options[name] = _option(given.get(name), _table(defaults, route).get(name), route)
        key = " ".join(options[name] for name in names)
        if key not in values:
            wrong = next((name for name in names if given.get(name) not in UNNAMED), names[0])
            offered = ", ".join(values)
            raise InvalidRequest(
                _("%(param)s: of %(names)s, this model has %(offered)s."),
                param=wrong,
                names=" and ".join(names),
                offered=offered,
            )
        units[unit] = _count(values[key], route)
    return Choice(options, units)


def _option(given: str | None, default: object, route: AdapterRoute) -> str:
    if given is not None and given not in UNNAMED:
        return given
    if not isinstance(default, str):
        raise BadOption(f"an option that {route.model} prices has no default")
    return default


def _count(value: object, route: AdapterRoute) -> int:
    if type(value) is not int or value < 0:
        raise BadOption(f"an option that {route.model} prices does not count a whole number")
    return value


def _table(value: object, route: AdapterRoute) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadOption(f"the priced options of {route.model} have another form")
    return value

"""Declarations of models: TOML in, checked declarations out, or the first mistake in words.

A file may hold any number of models, one table each:

    [SLUG]
    endpoint = "image_task"        one of gateway.catalog.routes's task endpoints
    name = "…"
    doc = "…"
    [SLUG.parameters.NAME]         see Parameter; in the order in which they are described
    [SLUG.units]                   see Factor: unit = [factor, …], whose product is what is billed
    [[SLUG.rules]]                 see Rule
    [SLUG.presets.ALIAS]           defaults that come with another name of the model
    refused = ["NAME", …]          fields that are never ignored: what they ask for is not offered

A declaration that could leave a price open is refused here, when the process starts, and not at a call.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from usage.ledger.units import WHOLE_OF, Units

TYPES = ("text", "choice", "number", "flag", "url", "urls", "dialogue")


class BadDeclaration(ValueError):
    """A mistake in a model's declaration; the message names the model and what is wrong."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of one model.

    text      min_length, max_length (in characters), pattern; max_length_by = { parameter, lengths }
    choice    choices
    number    minimum, maximum, or allowed; whole; from_text for one that may come as text; snaps, the only values
              that the model knows, to the nearest of which others are moved
    flag      true or false
    url       http or https
    urls      a list of them: max_items
    dialogue  a list of { text, voice }: max_length over all texts, max_items, voices, voice_aliases, default_voice

    `default_with` = { parameter, value } is the default where that other parameter is given. `means` names what
    models call by different names, so that a wrong name that would change the price can be told.
    """

    name: str
    type: str
    doc: str
    required: bool = False
    default: Any = None
    default_with: Mapping[str, Any] | None = None
    choices: tuple[str, ...] = ()
    allowed: tuple[float, ...] = ()
    snaps: tuple[float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    from_text: bool = False
    min_length: int = 0
    max_length: int | None = None
    max_length_by: Mapping[str, Any] | None = None
    max_items: int | None = None
    pattern: str | None = None
    voices: tuple[str, ...] = ()
    voice_aliases: Mapping[str, str] = field(default_factory=dict)
    default_voice: str | None = None
    means: str | None = None

    @property
    def always_there(self) -> bool:
        """Whether every call has a value for it, given or not."""
        return self.required or self.default is not None


@dataclass(frozen=True, slots=True)
class Factor:
    """What a unit is multiplied by: a constant, a number parameter, a table, or the length of a text.

    Written as `1000`, `"duration"`, `{ by = "resolution", values = { 1K = 1, 2K = 4 } }` and
    `{ characters = "dialogue" }`.
    """

    constant: int = 1
    parameter: str | None = None
    values: Mapping[str, int] | None = None
    characters: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds (parameters equal) and `given` are all there: `needs` one of these, `forbids` all of those,
    and allows `only` these values."""

    message: str
    when: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """One model's whole declaration."""

    slug: str
    endpoint: str
    name: str
    doc: str
    parameters: Mapping[str, Parameter]
    units: Mapping[str, tuple[Factor, ...]]
    rules: tuple[Rule, ...]
    presets: Mapping[str, Mapping[str, Any]]
    refused: tuple[str, ...] = ()

    @property
    def priced_by(self) -> frozenset[str]:
        """The parameters whose value changes what is billed."""
        named = (factor.parameter for factors in self.units.values() for factor in factors)
        return frozenset(name for name in named if name is not None)


def read_declarations(text: str) -> list[Model]:
    """The models of a file, in its order; raises BadDeclaration."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadDeclaration(str(error)) from None
    return [_model(slug, table) for slug, table in tables.items()]


def _model(slug: str, table: Any) -> Model:
    if not isinstance(table, dict):
        raise BadDeclaration(f"{slug}: expected a table")
    _refuse_the_rest(slug, table, {known.name for known in fields(Model)} - {"slug"})
    parameters = {
        name: _parameter(f"{slug}.{name}", name, given) for name, given in table.get("parameters", {}).items()
    }
    units = {
        unit: tuple(_factor(f"{slug}.units.{unit}", factor, parameters) for factor in factors)
        for unit, factors in table.get("units", {}).items()
    }
    model = Model(
        slug,
        endpoint=table.get("endpoint", ""),
        name=table.get("name", slug),
        doc=table.get("doc", ""),
        parameters=MappingProxyType(parameters),
        units=MappingProxyType(units),
        rules=tuple(_rule(slug, given, parameters) for given in table.get("rules", [])),
        presets=MappingProxyType(table.get("presets", {})),
        refused=tuple(table.get("refused", ())),
    )
    if not model.endpoint or not units:
        raise BadDeclaration(f"{slug}: needs an endpoint and units")
    for unit in units:
        if unit not in Units._fields or unit in WHOLE_OF:
            raise BadDeclaration(f"{slug}: {unit} is not a unit")
    for preset in model.presets.values():
        for name, value in preset.items():
            if name not in parameters or value not in parameters[name].choices:
                raise BadDeclaration(f"{slug}.presets: {name} is not one of its choices")
    return model


def _parameter(place: str, name: str, given: Mapping[str, Any]) -> Parameter:
    _refuse_the_rest(place, given, {known.name for known in fields(Parameter)} - {"name"})
    frozen: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in given.items()
    }
    if frozen.get("type") not in TYPES or not frozen.get("doc"):
        raise BadDeclaration(f"{place}: needs a type of {', '.join(TYPES)}, and a doc")
    parameter = Parameter(name, **frozen)
    if parameter.type == "choice" and not parameter.choices:
        raise BadDeclaration(f"{place}: a choice needs choices")
    if parameter.type == "choice" and parameter.default not in (None, *parameter.choices):
        raise BadDeclaration(f"{place}: the default is none of the choices")
    bounded = parameter.allowed or (parameter.minimum is not None and parameter.maximum is not None)
    if parameter.type == "number" and not bounded:
        raise BadDeclaration(f"{place}: a number needs allowed, or minimum and maximum")
    if parameter.type in ("text", "dialogue") and not (parameter.max_length or parameter.pattern):
        raise BadDeclaration(f"{place}: needs a max_length")
    if parameter.type == "dialogue" and parameter.default_voice not in parameter.voices:
        raise BadDeclaration(f"{place}: needs a default_voice that is one of its voices")
    if parameter.pattern is not None:
        re.compile(parameter.pattern)
    return parameter


def _factor(place: str, given: Any, parameters: Mapping[str, Parameter]) -> Factor:
    """Raises BadDeclaration for a factor that some call would leave without a whole number."""
    if type(given) is int and given >= 0:
        return Factor(constant=given)
    if isinstance(given, str):
        number = _priced(place, given, parameters, "number")
        if (number.minimum if number.minimum is not None else min(number.allowed)) < 0:
            raise BadDeclaration(f"{place}: {given} may be negative")
        return Factor(parameter=given)
    if isinstance(given, dict) and set(given) == {"characters"}:
        _priced(place, given["characters"], parameters, "text", "dialogue")
        return Factor(parameter=given["characters"], characters=True)
    if isinstance(given, dict) and set(given) == {"by", "values"}:
        by = _priced(place, given["by"], parameters, "choice", "flag")
        values = given["values"]
        wanted = set(by.choices) if by.type == "choice" else {"true", "false"}
        if set(values) != wanted or any(type(value) is not int or value < 0 for value in values.values()):
            raise BadDeclaration(
                f"{place}: {by.name} needs a whole number for each of {', '.join(sorted(wanted))}"
            )
        return Factor(parameter=by.name, values=MappingProxyType(values))
    raise BadDeclaration(f"{place}: not a factor")


def _priced(place: str, name: str, parameters: Mapping[str, Parameter], *types: str) -> Parameter:
    parameter = parameters.get(name)
    if parameter is None or parameter.type not in types or not parameter.always_there:
        raise BadDeclaration(
            f"{place}: {name} must be a {' or '.join(types)} that is required or has a default"
        )
    return parameter


def _rule(slug: str, given: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> Rule:
    _refuse_the_rest(f"{slug}.rules", given, {known.name for known in fields(Rule)})
    if not given.get("message"):
        raise BadDeclaration(f"{slug}.rules: needs a message")
    rule = Rule(
        given["message"],
        when=given.get("when", {}),
        given=tuple(given.get("given", ())),
        needs=tuple(given.get("needs", ())),
        forbids=tuple(given.get("forbids", ())),
        only={name: tuple(values) for name, values in given.get("only", {}).items()},
    )
    for name in (*rule.when, *rule.given, *rule.needs, *rule.forbids, *rule.only):
        if name not in parameters:
            raise BadDeclaration(f"{slug}.rules: {name} is not one of its parameters")
    return rule


def _refuse_the_rest(place: str, given: Mapping[str, Any], known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise BadDeclaration(f"{place}: unknown key {key}")

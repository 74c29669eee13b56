"""From a request's body to a model's canonical parameters and their exact units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aio_platform.errors import InvalidRequest, wrong_field
from aio_platform.i18n.translatable import Template
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.task_models.billing import billed_units
from gateway.task_models.declarations import BadDeclaration, Model, Parameter, Rule
from gateway.task_models.description import described
from gateway.task_models.values import canonical, check_max_length, is_absent, shown
from usage.ledger.units import Units

# Fields of the body that are the platform's, not a model's.
PLATFORM_FIELDS = frozenset({"model", "callback_url"})
# What other APIs call the number of results. We make one a task, so any other number would be another price.
COUNT_FIELDS = frozenset({"n", "num_images", "num_outputs", "number_of_images", "max_images", "batch_size"})
MAX_WARNINGS = 20
# What a form sends for an option that is not used.
NOTHING: tuple[Any, ...] = (False, "", [], {})


@dataclass(frozen=True, slots=True)
class TaskParameters:
    """A body that has been read. `units` are both what is held and what a success costs, exactly.

    `parameters` has every default filled in; `urls` are the caller's input URLs with the fields they stood in, to be
    checked before they are passed on. `warnings` say what was ignored or moved.
    """

    model: str
    parameters: Mapping[str, Any]
    units: Units
    warnings: list[str]
    urls: tuple[tuple[str, str], ...] = ()


class TaskModels:
    """A set of declared models. Slugs are unique over all endpoints."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models: dict[str, Model] = {}
        self._priced: set[str] = set()
        self._means: dict[str, str] = {}
        for model in models:
            if model.slug in self._models:
                raise BadDeclaration(f"{model.slug} is declared twice")
            self._models[model.slug] = model
            self._priced |= model.priced_by
            for name, parameter in model.parameters.items():
                if parameter.means is not None:
                    self._means[name] = parameter.means

    def slugs(self, endpoint: str | None = None) -> list[str]:
        """The models of an endpoint, or all of them, as they are declared."""
        return [slug for slug, model in self._models.items() if endpoint in (None, model.endpoint)]

    def parameter_names(self, slug: str) -> frozenset[str]:
        """What a model takes, by name; raises KeyError where none of that name is declared."""
        return frozenset(self._models[slug].parameters)

    def describe(self, slug: str) -> dict[str, Any]:
        """A model for people and OpenAPI; raises KeyError where none of that name is declared."""
        return described(self._models[slug])

    def read(self, endpoint: str, slug: str | None, body: Mapping[str, Any]) -> TaskParameters:
        """Check the body against the model's declaration.

        None stands for the endpoint's only model, as the tools have. Raises InvalidRequest naming the first field
        that is missing, wrong, in conflict, or another model's and of consequence to the price.
        """
        model = self._model(endpoint, slug)
        warnings: list[str] = []
        given = {
            name: value for name, value in body.items() if value is not None and name not in PLATFORM_FIELDS
        }
        parameters = _canonical(model, given, str(body.get("model")), warnings)
        _check_lengths(model, parameters)
        for rule in model.rules:
            _check_rule(rule, parameters)
        for name, value in given.items():
            if name not in model.parameters:
                warnings.append(self._ignored(model, name, value, parameters))
        if len(warnings) > MAX_WARNINGS:
            warnings[MAX_WARNINGS:] = [f"{len(warnings) - MAX_WARNINGS:,} more fields were ignored."]
        return TaskParameters(
            model.slug, parameters, billed_units(model, parameters), warnings, tuple(_urls(model, parameters))
        )

    def _model(self, endpoint: str, slug: str | None) -> Model:
        if slug is None:
            slugs = self.slugs(endpoint)
            if len(slugs) != 1:
                raise wrong_field("model", _("this field is required"))
            return self._models[slugs[0]]
        model = self._models.get(slug)
        if model is None or model.endpoint != endpoint:
            raise InvalidRequest(
                _("No parameters are declared for this model on this endpoint."), param="model"
            )
        return model

    def _ignored(self, model: Model, name: str, value: Any, parameters: Mapping[str, Any]) -> str:
        """The warning about a field that the model does not have.

        Raises InvalidRequest where ignoring it could give the caller something else than was asked and paid for.
        """
        if name in model.refused and value not in NOTHING:
            raise wrong_field(
                name, _("%(model)s is not offered with this option. Leave it out"), model=model.name
            )
        means = self._means.get(name)
        if means is not None:
            own = next((own for own in model.parameters.values() if own.means == means), None)
            effective = parameters[own.name] if own is not None else False
            if type(value) is not type(effective) or value != effective:
                instead = f"; this model calls it {own.name}" if own is not None else ""
                raise wrong_field(
                    name,
                    _("%(model)s has no such option, and it would change the price%(instead)s"),
                    model=model.name,
                    instead=instead,
                )
        elif name in self._priced or (name in COUNT_FIELDS and value not in (1, "1")):
            raise wrong_field(
                name,
                _("%(model)s has no such option, and it would change the price. Leave it out"),
                model=model.name,
            )
        return f"{shown(name)}: ignored, {model.name} has no such parameter."


def _canonical(model: Model, given: Mapping[str, Any], called: str, warnings: list[str]) -> dict[str, Any]:
    """Every parameter that was given or has a default, in the order of the declaration."""
    read = {
        name: canonical(parameter, given[name], warnings)
        for name, parameter in model.parameters.items()
        if name in given and not is_absent(parameter, given[name])
    }
    preset = model.presets.get(called, {})
    parameters = {}
    for name, parameter in model.parameters.items():
        value = read[name] if name in read else preset.get(name, _default(parameter, read))
        if value is not None:
            parameters[name] = value
        elif parameter.required:
            raise wrong_field(name, _("this field is required"))
    return parameters


def _default(parameter: Parameter, read: Mapping[str, Any]) -> Any:
    depends = parameter.default_with
    if depends is not None and depends["parameter"] in read:
        return depends["value"]
    return parameter.default


def _check_lengths(model: Model, parameters: Mapping[str, Any]) -> None:
    """Lengths that depend on another parameter, such as Suno's on its version."""
    for name, parameter in model.parameters.items():
        limits = parameter.max_length_by
        if limits is not None and name in parameters:
            most = limits["lengths"].get(parameters.get(limits["parameter"]))
            if most is not None:
                check_max_length(name, parameters[name], most)


def _check_rule(rule: Rule, parameters: Mapping[str, Any]) -> None:
    if any(parameters.get(name) != value for name, value in rule.when.items()):
        return
    if any(name not in parameters for name in rule.given):
        return
    if rule.needs and not any(name in parameters for name in rule.needs):
        raise wrong_field(rule.needs[0], Template(rule.message))
    for name in rule.forbids:
        if name in parameters:
            raise wrong_field(name, Template(rule.message))
    for name, allowed in rule.only.items():
        if name in parameters and parameters[name] not in allowed:
            raise wrong_field(name, Template(rule.message))


def _urls(model: Model, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in parameters.items():
        if model.parameters[name].type == "url":
            yield name, value
        elif model.parameters[name].type == "urls":
            yield from ((f"{name}.{place}", url) for place, url in enumerate(value))

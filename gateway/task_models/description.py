"""A model's parameters as JSON values: for its page, the workbench's form, and OpenAPI."""

from typing import Any

from gateway.task_models.declarations import Factor, Model, Parameter

_LIMITS = (
    "choices",
    "allowed",
    "snaps",
    "minimum",
    "maximum",
    "min_length",
    "max_length",
    "max_items",
    "voices",
    "voice_aliases",
    "default_voice",
)


def described(model: Model) -> dict[str, Any]:
    """`{model, endpoint, name, doc, parameters: […], units: {…}, rules: […]}`."""
    return {
        "model": model.slug,
        "endpoint": model.endpoint,
        "name": model.name,
        "doc": model.doc,
        "parameters": [_parameter(model, parameter) for parameter in model.parameters.values()],
        "units": {unit: [_factor(factor) for factor in factors] for unit, factors in model.units.items()},
        "rules": [rule.message for rule in model.rules],
    }


def _parameter(model: Model, parameter: Parameter) -> dict[str, Any]:
    """Type, whether it is required, its default, the limits that it has, and whether it changes the price."""
    shown: dict[str, Any] = {
        "name": parameter.name,
        "type": "integer" if parameter.whole else parameter.type,
        "required": parameter.required,
        "default": parameter.default,
        "changes_price": parameter.name in model.priced_by,
        "doc": parameter.doc,
    }
    for limit in _LIMITS:
        value = getattr(parameter, limit)
        if value not in (None, (), {}, 0) or (limit == "minimum" and value == 0):
            shown[limit] = list(value) if isinstance(value, tuple) else value
    if parameter.max_length_by is not None:
        shown["max_length_by"] = dict(parameter.max_length_by)
    return shown


def _factor(factor: Factor) -> Any:
    if factor.parameter is None:
        return factor.constant
    if factor.characters:
        return {"characters": factor.parameter}
    if factor.values is not None:
        return {"by": factor.parameter, "values": dict(factor.values)}
    return factor.parameter

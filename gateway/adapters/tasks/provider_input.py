"""From a model's canonical parameters to what its provider calls them, as the route's options say.

    variants = [{ when = { type = "pro" }, with = ["image"], model = "…" }, …]   the first that fits; else
                                                          the route's own `upstream_model`
    fields = { image = "image_url", mode = false }        another name (`audio_setting.bitrate` for one inside
                                                          an object), or not sent at all
    values = { aspect_ratio = { "1:1" = "square_hd" } }   another word for a value
    texts = ["duration"]                                  numbers that go as text
    lists = ["image"]                                     one value that goes as a list of one
    fixed = { multi_shots = false }                       what the provider wants besides

So the same model can be carried by another provider without code. What a route drops with `false` must be told by
the variant, or must not matter to the price.
"""

from collections.abc import Mapping
from typing import Any

from gateway.adapters.protocol import AdapterRoute
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.tasks.protocol import TaskRequest


def provider_model(request: TaskRequest, route: AdapterRoute) -> str:
    """The name that the provider has for the model as it is used here; raises BadOption for a wrong table."""
    for variant in _of(route, "variants", list):
        model = variant.get("model") if isinstance(variant, Mapping) else None
        if not isinstance(model, str):
            raise BadOption(f"a variant of {route.model} names no model")
        when, needed = variant.get("when", {}), variant.get("with", [])
        fits = all(request.parameters.get(name) == value for name, value in when.items())
        if fits and all(request.parameters.get(name) is not None for name in needed):
            return model
    return route.upstream_model


def provider_input(request: TaskRequest, route: AdapterRoute) -> dict[str, Any]:
    """The parameters in the provider's own names and words; raises BadOption for a wrong table."""
    fields, values = _of(route, "fields", Mapping), _of(route, "values", Mapping)
    texts, lists = _of(route, "texts", list), _of(route, "lists", list)
    sent: dict[str, Any] = dict(_of(route, "fixed", Mapping))
    for name, value in request.parameters.items():
        field = fields.get(name, name)
        if field is False:
            continue
        if not isinstance(field, str) or not field:
            raise BadOption(f"the field {name} of {route.model} must have a name, or be false")
        words = values.get(name, {})
        if not isinstance(words, Mapping):
            raise BadOption(f"the values of {name} of {route.model} must be a table")
        if words and isinstance(value, bool | int | float | str):
            value = words.get(written(value), value)
        if name in texts:
            value = str(value)
        _put(sent, field, [value] if name in lists else value)
    return sent


def written(value: bool | int | float | str) -> str:
    """A value as a table's key has it: `true`, `5`, `0.5`, `1:1`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _put(sent: dict[str, Any], field: str, value: Any) -> None:
    *outer, last = field.split(".")
    for name in outer:
        sent = sent.setdefault(name, {})
    sent[last] = value


def _of(route: AdapterRoute, option: str, kind: type) -> Any:
    value = route.options.get(option)
    if value is None:
        return kind() if kind is list else {}
    if not isinstance(value, kind):
        raise BadOption(f"the option {option} of {route.model} has another form")
    return value

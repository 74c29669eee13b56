"""What a key can be limited to, as forms offer it and as it is kept; settings name these for apps below."""

from collections.abc import Sequence

from gateway.catalog.feed import NoCatalog, load_current
from gateway.catalog.fields import CatalogErrors
from gateway.endpoints import ENDPOINT_NAMES

# What keys may be scoped to besides what the catalog routes.
_BESIDE_ROUTES = ("usage", "callbacks")


def scope_choices() -> tuple[list[str], list[str]]:
    """Endpoint names and the catalog's model slugs; no slugs where this process cannot use the catalog."""
    try:
        models = [model.slug for model in load_current().models()]
    except (NoCatalog, CatalogErrors):
        models = []
    return [*ENDPOINT_NAMES, *_BESIDE_ROUTES], models


def model_slugs(names: Sequence[str]) -> list[str]:
    """The models of those names, by the slugs that calls are checked by, each once.

    An alias is its model's name as well. A name of no model stays: it may be one of a catalog to come.
    """
    try:
        models = load_current().models()
    except (NoCatalog, CatalogErrors):
        return list(names)
    slugs = {alias: model.slug for model in models for alias in model.aliases}
    slugs |= {model.slug: model.slug for model in models}
    return list(dict.fromkeys(slugs.get(name, name) for name in names))

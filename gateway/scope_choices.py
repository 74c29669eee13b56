"""What a key can be limited to, as the form that issues keys offers it; settings name this for apps below."""

from gateway.catalog import ENDPOINTS
from gateway.catalog_feed import NoCatalog, load_current
from gateway.catalog_fields import CatalogErrors

# What keys may be scoped to besides what the catalog routes.
_BESIDE_ROUTES = ("usage", "callbacks")


def scope_choices() -> tuple[list[str], list[str]]:
    """Endpoint names and the catalog's model slugs; no slugs where this process cannot use the catalog."""
    try:
        models = [model.slug for model in load_current().models()]
    except (NoCatalog, CatalogErrors):
        models = []
    return [*ENDPOINTS, *_BESIDE_ROUTES], models

"""The table, the endpoints and the catalog's names say the same."""

from pathlib import Path

import pytest

from gateway.adapters.sync_registry import ADAPTER_TABLE, ENDPOINTS_OF
from gateway.adapters.task_registry import TASK_ENDPOINTS_OF
from gateway.catalog.parser import CatalogDescription, parse_catalog, read_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.endpoints import ENDPOINT_NAMES, ENDPOINTS, TASK_ENDPOINT_NAMES

CATALOG = Path(__file__).resolve().parents[3] / "gateway" / "catalogs" / "sandbox.toml"


@pytest.fixture(scope="module")
def shipped() -> CatalogDescription:
    environ = {"AIO_SANDBOX_URL": "http://127.0.0.1:9000"}
    return parse_catalog(read_catalog(str(CATALOG)), file=str(CATALOG), adapters=ADAPTERS, environ=environ)


def test_every_adapter_but_chat_is_in_the_table_and_has_endpoints() -> None:
    assert set(ENDPOINTS_OF) == set(ADAPTER_TABLE) | {"openai_chat"}
    assert set(ENDPOINTS_OF) | set(TASK_ENDPOINTS_OF) == set(ADAPTERS)


def test_every_endpoint_has_an_adapter_and_none_is_unknown() -> None:
    assert set().union(*ENDPOINTS_OF.values()) == set(ENDPOINT_NAMES) - set(TASK_ENDPOINT_NAMES)
    assert set().union(*TASK_ENDPOINTS_OF.values()) == set(TASK_ENDPOINT_NAMES)


def test_adapters_know_nothing_of_the_catalog() -> None:
    folder = Path(__file__).resolve().parents[3] / "gateway" / "adapters"
    files = list(folder.rglob("*.py"))
    assert len(files) > len(ADAPTER_TABLE)
    assert not [path.name for path in files if "gateway.catalog.routes" in path.read_text()]


def test_the_shipped_catalog_reaches_every_adapter_by_an_endpoint_of_its_own(
    shipped: CatalogDescription,
) -> None:
    assert {route.adapter for route in shipped.routes} == set(ADAPTERS)
    served = {**ENDPOINTS_OF, **TASK_ENDPOINTS_OF}
    assert all(route.endpoint in served[route.adapter] for route in shipped.routes)


def test_the_shipped_catalog_has_one_default_for_each_endpoint(shipped: CatalogDescription) -> None:
    assert set(shipped.defaults) == set(ENDPOINT_NAMES)


def test_every_route_of_the_shipped_catalog_prices_what_its_endpoint_uses(
    shipped: CatalogDescription,
) -> None:
    units = {
        "embeddings": {"tokens_in"},
        "rerank": {"tokens_in"},
        "speech": {"characters"},
        "voices": {"calls"},
        "voice_clone": {"characters"},
        "transcription": {"audio_ms"},
        "vision": {"tokens_in", "tokens_out"},
        "images": {"images", "pixel_steps"},
        "music": {"audio_ms"},
    }
    for route in shipped.routes:
        if route.endpoint in units:
            assert {price.unit for price in route.rate.prices} == units[route.endpoint], route.name


def test_the_registry_says_what_the_shipped_catalog_charges_for(shipped: CatalogDescription) -> None:
    charged: dict[str, set[str]] = {each.name: set() for each in ENDPOINTS}
    for route in shipped.routes:
        charged[route.endpoint] |= {price.unit for price in route.rate.prices if price.microcredits}
    assert charged.pop("voices") == set()
    assert charged == {each.name: set(each.units) for each in ENDPOINTS if each.name != "voices"}

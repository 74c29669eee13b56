"""The registry, the endpoints and the catalog's names say the same; a module that is no adapter is told apart."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.adapters.registry import CALL_ADAPTERS, SERVES, TASK_ADAPTERS, BadAdapter, imported
from gateway.catalog.parser import CatalogDescription, parse_catalog, read_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.endpoints import BY_NAME, CHAT, ENDPOINT_NAMES, ENDPOINTS, TASK_ENDPOINT_NAMES

ROOT = Path(__file__).resolve().parents[3]
CATALOG = ROOT / "gateway" / "catalogs" / "sandbox.toml"
FOLDER = ROOT / "gateway" / "adapters"


@pytest.fixture(scope="module")
def shipped() -> CatalogDescription:
    environ = {"AIO_SANDBOX_URL": "http://127.0.0.1:9000"}
    return parse_catalog(read_catalog(str(CATALOG)), file=str(CATALOG), adapters=ADAPTERS, environ=environ)


def test_every_module_of_a_protocol_is_in_the_registry_and_has_endpoints() -> None:
    modules = {path.stem for path in FOLDER.glob("*/*.py") if "\nSERVES = " in path.read_text()}
    assert modules == set(CALL_ADAPTERS) | set(TASK_ADAPTERS) == set(SERVES) == set(ADAPTERS)
    assert len(SERVES) == len(CALL_ADAPTERS) + len(TASK_ADAPTERS)
    assert all(SERVES.values())


def test_every_endpoint_has_an_adapter_and_none_is_unknown() -> None:
    assert set().union(*(adapter.SERVES for adapter in CALL_ADAPTERS.values())) == set(ENDPOINT_NAMES) - set(
        TASK_ENDPOINT_NAMES
    )
    assert set().union(*(adapter.SERVES for adapter in TASK_ADAPTERS.values())) == set(TASK_ENDPOINT_NAMES)


def test_adapters_know_nothing_of_the_catalog() -> None:
    files = list(FOLDER.rglob("*.py"))
    assert len(files) > len(CALL_ADAPTERS)
    assert not [path.name for path in files if "gateway.catalog.routes" in path.read_text()]


def test_the_shipped_catalog_reaches_every_adapter_by_an_endpoint_of_its_own(
    shipped: CatalogDescription,
) -> None:
    assert {route.adapter for route in shipped.routes} == set(ADAPTERS)
    assert all(route.endpoint in SERVES[route.adapter] for route in shipped.routes)


def test_the_shipped_catalog_has_one_default_for_each_endpoint(shipped: CatalogDescription) -> None:
    assert set(shipped.defaults) == set(ENDPOINT_NAMES)


def test_every_route_of_the_shipped_catalog_prices_what_its_endpoint_uses(
    shipped: CatalogDescription,
) -> None:
    for route in shipped.routes:
        endpoint = BY_NAME[route.endpoint]
        if (
            not endpoint.is_task and route.endpoint != CHAT
        ):  # some chat is free, and a task's model has a unit of its own
            assert {price.unit for price in route.rate.prices} == set(endpoint.units), route.name


WHOLE: dict[str, Any] = {"SERVES": frozenset({"chat"}), "ceiling": print, "steps": print}


@pytest.mark.parametrize(
    ("name", "holds", "complaint"),
    [
        ("own_chat", WHOLE | {"SERVES": None}, "own_chat: SERVES must be a frozenset of endpoints"),
        ("own_chat", WHOLE | {"SERVES": frozenset()}, "own_chat: SERVES must be a frozenset of endpoints"),
        ("own_chat", {"SERVES": frozenset({"chat"})}, "own_chat: ceiling, steps is missing"),
        ("own_task", WHOLE | {"submit": print}, "own_task: find, poll, cancel, webhook_reference is missing"),
        ("kie", WHOLE, "kie: there is an adapter kie already"),
        (
            "own_chat",
            WHOLE | {"SERVES": frozenset({"chat", "video_task", "telepathy"})},
            "own_chat: SERVES has telepathy, video_task, which is no endpoint that answers at once",
        ),
        (
            "own_task",
            dict.fromkeys(("submit", "find", "poll", "cancel", "webhook_reference"), print)
            | {"SERVES": frozenset({"chat"})},
            "own_task: SERVES has chat, which is no endpoint of tasks",
        ),
    ],
)
def test_a_module_that_is_no_adapter_is_refused_by_name(
    name: str, holds: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType(name)
    vars(module).update({key: value for key, value in holds.items() if value is not None})
    monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(BadAdapter, match=f"^{complaint}$"):
        imported(name, SERVES)


def test_a_module_that_cannot_be_imported_is_refused_by_name() -> None:
    with pytest.raises(
        BadAdapter, match=r"^no_such_module cannot be imported: No module named 'no_such_module'$"
    ):
        imported("no_such_module", SERVES)


def test_an_operators_module_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("own.chat_of_ours")
    vars(module).update(WHOLE)
    monkeypatch.setitem(sys.modules, "own.chat_of_ours", module)
    assert imported("own.chat_of_ours", SERVES) is module


def test_the_registry_says_what_the_shipped_catalog_charges_for(shipped: CatalogDescription) -> None:
    charged: dict[str, set[str]] = {each.name: set() for each in ENDPOINTS}
    for route in shipped.routes:
        charged[route.endpoint] |= {price.unit for price in route.rate.prices if price.microcredits}
    assert charged.pop("voices") == set()
    assert charged == {each.name: set(each.units) for each in ENDPOINTS if each.name != "voices"}

"""The registry of endpoints: what it says agrees with itself and with the views, and it is the only list there is."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.urls import URLPattern, get_resolver
from django.utils import translation

from gateway.endpoints import (
    BY_ADDRESS,
    ENDPOINT_NAMES,
    ENDPOINTS,
    TASK_ENDPOINTS,
    Address,
    BadEndpoint,
    Endpoint,
    Limit,
    with_those_of,
)
from gateway.urls import views_of
from usage.ledger.units import Units

ROOT = Path(settings.ROOT)
# The registry itself; adapters, which say which endpoints they serve; and the sandbox, which stands for somebody
# else's servers and has words of its own.
MAY_NAME_SEVERAL = ("gateway/endpoints.py", "gateway/adapters/", "gateway/sandbox/")

OWN = replace(ENDPOINTS[0], name="own_endpoint", addresses=(Address("/api/own", "own.View"),), also_at=())


def own_module(monkeypatch: pytest.MonkeyPatch, *endpoints: Endpoint) -> ModuleType:
    """An operator's module `own`, which can be imported until the test ends."""
    own = ModuleType("own")
    own.ENDPOINTS = endpoints  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own", own)
    return own


def test_names_and_addresses_are_each_of_one_endpoint() -> None:
    assert len(ENDPOINT_NAMES) == len(set(ENDPOINT_NAMES)) == len(ENDPOINTS)
    assert len(BY_ADDRESS) == sum(len(each.addresses) for each in ENDPOINTS)
    assert {(each.method, each.path) for every in ENDPOINTS for each in every.also_at} <= set(BY_ADDRESS)


def test_every_endpoint_is_described_whole() -> None:
    for each in ENDPOINTS:
        assert each.addresses, each.name
        assert each.units, each.name
        assert set(each.units) <= set(Units._fields), each.name
        assert each.demo_weight > 0, each.name


def test_a_limits_setting_has_one_default() -> None:
    limits = {limit for each in ENDPOINTS for limit in (each.time_limit, each.size_limit) if limit}
    assert len(limits) == len({limit.setting for limit in limits})
    assert {limit.setting.rpartition("_")[2] for limit in limits} == {"S", "BYTES"}


def test_a_limit_is_its_settings_where_there_is_one(settings: object) -> None:
    limit = Limit("WHISTLING_TIME_LIMIT_S", 7)
    assert limit.value() == 7
    settings.ENDPOINT_LIMITS = {"WHISTLING_TIME_LIMIT_S": 9}  # type: ignore[attr-defined]
    assert limit.value() == 9


def test_every_view_is_at_the_addresses_that_the_registry_says() -> None:
    found = {}
    for pattern in get_resolver(settings.GATEWAY_URLCONF).url_patterns:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "view_class", None)
        given = getattr(pattern.callback, "view_initkwargs", {})
        endpoint = given.get("endpoint", getattr(view, "endpoint", ""))
        if endpoint:
            found[re.sub(r"<path:(\w+)>", r"{\1}", f"/{pattern.pattern}")] = endpoint
    said = {path: each.name for (method, path), each in BY_ADDRESS.items() if method == "post"}
    aliases = {address.alias: each.name for each in ENDPOINTS for address in each.addresses if address.alias}
    assert found == said | aliases
    assert not said.keys() & aliases.keys()


def test_tasks_are_those_of_api_in_one() -> None:
    assert all(address.path.startswith("/api/v1/") for each in TASK_ENDPOINTS for address in each.addresses)


def test_every_name_on_pages_has_its_korean() -> None:
    with translation.override("ko"):
        korean = [str(each.label) for each in ENDPOINTS]
    assert all(re.search("[가-힣]", label) for label in korean)


@pytest.mark.parametrize(
    ("endpoint", "complaint"),
    [
        ({"name": "chat"}, "own: there is an endpoint chat already"),
        (
            {"name": "Own endpoint"},
            "own: 'Own endpoint' must be up to 64 lower-case letters, digits and underscores",
        ),
        ({"addresses": (Address("/api/chat", "own.View"),)}, "own: /api/chat is another endpoint's address"),
        (
            {"addresses": (Address("/api/chat", "own.View", "get"),)},
            "own: /api/chat is another endpoint's address",
        ),
        ({"addresses": ()}, "own: own_endpoint has no address"),
        (
            {"addresses": (Address("/healthz", "own.View"),)},
            "own: /healthz must be a fixed path below one of /v1, /api/v1, /api, /llm/v1",
        ),
        (
            {"addresses": (Address("/api/<str:any>", "own.View"),)},
            "own: /api/<str:any> must be a fixed path below one of /v1, /api/v1, /api, /llm/v1",
        ),
    ],
)
def test_an_operators_endpoint_takes_no_name_or_address_of_ours(
    endpoint: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_module(monkeypatch, replace(OWN, **endpoint))
    with pytest.raises(BadEndpoint, match=f"^{re.escape(complaint)}$"):
        with_those_of(["own"], ENDPOINTS)


@pytest.mark.parametrize("endpoints", [None, (), [OWN], (OWN, "own_endpoint")])
def test_an_operators_module_without_endpoints_is_refused_by_name(
    endpoints: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_module(monkeypatch), "ENDPOINTS", endpoints)
    with pytest.raises(BadEndpoint, match=r"^own: ENDPOINTS must be a tuple of Endpoint, and not empty$"):
        with_those_of(["own"], ENDPOINTS)


@pytest.mark.parametrize("module", ["no_such_module", "gateway.no_such_module", ".relative"])
def test_a_module_that_cannot_be_imported_is_refused_by_name(module: str) -> None:
    with pytest.raises(BadEndpoint, match=f"^{re.escape(module)} cannot be imported: "):
        with_those_of([module], ENDPOINTS)


def test_a_module_named_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    own_module(monkeypatch, OWN)
    with pytest.raises(BadEndpoint, match=r"^own: there is an endpoint own_endpoint already$"):
        with_those_of(["own", "own"], ENDPOINTS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "usage"}, "usage is a scope of keys already"),
        ({"name": "keys"}, "keys is a scope of keys already"),
        ({"name": "callbacks"}, "callbacks is a scope of keys already"),
        *(
            (
                {"addresses": (Address(path, "own.View"),)},
                f"own_endpoint: {path} is another address of the platform",
            )
            for path in ("/v1/models", "/api/v1/tasks/own", "/api/v1/credits", "/api/v1/keys", "/api/schema")
        ),
    ],
)
def test_an_operators_endpoint_hides_nothing_of_ours(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadEndpoint, match=f"^{complaint}$"):
        views_of((*ENDPOINTS, replace(OWN, **change)))


def test_the_start_ends_with_one_line_where_a_module_is_wrong(tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "aio_platform.settings",
        "AIO_DATA_DIR": str(tmp_path),
    }
    for variable in ("AIO_ENDPOINTS", "AIO_ADAPTERS"):
        completed = subprocess.run(
            [sys.executable, ROOT / "manage.py", "serve", "--help"],
            env=environment | {variable: "no_such_module"},
            capture_output=True,
            text=True,
        )
        assert completed.returncode == 1
        assert completed.stderr == (
            f"{variable}: no_such_module cannot be imported: No module named 'no_such_module'\n"
        )


def test_operators_endpoints_come_behind_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    own_module(monkeypatch, OWN)
    assert with_those_of(["own"], ENDPOINTS) == (*ENDPOINTS, OWN)


def test_no_other_place_lists_endpoints() -> None:
    """No statement of the product names two of them: whoever needs several asks the registry."""
    named = set(ENDPOINT_NAMES)
    offenders = []
    for folder in ("platform/aio_platform", "accounts", "usage", "gateway"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            if path.startswith(MAY_NAME_SEVERAL) or "/migrations/" in path:
                continue
            for statement in _statements(ast.parse(file.read_text("utf-8"))):
                found = Counter(
                    node.value
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Constant) and node.value in named
                )
                if len(found) > 1:
                    offenders.append(f"{path}:{statement.lineno}: {', '.join(found)}")
    assert offenders == [], "\n".join(offenders)


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement that holds no others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            yield node

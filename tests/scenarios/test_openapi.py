"""/api/schema: OpenAPI 3.1 of every address that the platform documents."""

from typing import Any

import httpx
import pytest
import yaml
from running_platform import RunningPlatform
from scenarios.asking import EVERY_ADDRESS

DOCUMENTED = [
    *EVERY_ADDRESS,
    "/v1/models",
    "/api/v1/models",
    "/api/v1/keys",
    "/api/v1/credits",
    "/api/v1/usage",
    "/api/v1/usage/summary",
    "/api/v1/usage/{request_id}",
    "/api/v1/usage/export.csv",
]


@pytest.fixture(scope="module")
def schema(platform: RunningPlatform) -> dict[str, Any]:
    answer = httpx.get(f"{platform.base_url}/api/schema", trust_env=False, timeout=60)
    assert answer.status_code == 200
    found: dict[str, Any] = yaml.safe_load(answer.text)
    return found


def test_it_is_openapi_three_one(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1.")


@pytest.mark.parametrize("path", DOCUMENTED)
def test_every_documented_address_is_in_it(path: str, schema: dict[str, Any]) -> None:
    assert path in schema["paths"]


@pytest.mark.parametrize("path", EVERY_ADDRESS)
def test_a_chat_address_describes_its_body_and_its_answer(path: str, schema: dict[str, Any]) -> None:
    described = schema["paths"][path]["post"]

    fields = described["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert "temperature" in fields
    assert ("messages" in fields) or ("input" in fields)
    assert "200" in described["responses"]


def test_every_operation_has_a_name_of_its_own(schema: dict[str, Any]) -> None:
    operations = [
        operation["operationId"]
        for methods in schema["paths"].values()
        for operation in methods.values()
        if "operationId" in operation
    ]

    assert len(operations) == len(set(operations)) > 0

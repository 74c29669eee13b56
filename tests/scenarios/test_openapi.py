"""/api/schema: OpenAPI 3.1 of every address that the platform documents."""

from collections.abc import Iterator
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

    body = described["requestBody"]["content"]["application/json"]["schema"]
    fields = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
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


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_operation_says_that_it_needs_a_key(schema: dict[str, Any]) -> None:
    for method, path, operation in operations(schema):
        assert {"apiKey": []} in operation["security"], f"{method} {path}"
        assert {} not in operation["security"], f"{method} {path}"


def test_a_session_is_named_where_one_is_taken(schema: dict[str, Any]) -> None:
    session = {"memberSession": []}
    assert session in schema["paths"]["/api/chat"]["post"]["security"]
    assert session in schema["paths"]["/api/v1/images/generations"]["post"]["security"]
    assert session not in schema["paths"]["/v1/chat/completions"]["post"]["security"]


def test_it_names_the_address_that_it_is_served_at(schema: dict[str, Any], platform: RunningPlatform) -> None:
    assert schema["servers"] == [{"url": platform.base_url}]


def test_a_body_without_which_there_is_nothing_to_do_is_required(schema: dict[str, Any]) -> None:
    optional = {
        path
        for _, path, operation in operations(schema)
        if "requestBody" in operation and not operation["requestBody"].get("required")
    }
    # Both have a default for their one field.
    assert optional == {"/api/v1/keys/{key_id}/rotate", "/api/v1/callbacks/secret"}


def test_operation_ids_are_verbs_and_nouns_in_one_style(schema: dict[str, Any]) -> None:
    verbs = {"cancel", "change", "clone", "count", "create", "describe", "embed", "export", "generate", "get"}
    verbs |= {"issue", "list", "remove", "rerank", "resend", "revoke", "rotate", "set", "summarise"}
    verbs |= {"synthesize", "transcribe"}
    for _, path, operation in operations(schema):
        words = operation["operationId"].removeprefix("openai_").removeprefix("gemini_").split("_")
        assert words[0] in verbs, operation["operationId"]
        assert len(words) > 1, operation["operationId"]
        assert operation["operationId"].startswith("openai_") == path.startswith("/v1/")
        assert operation["operationId"].startswith("gemini_") == path.startswith("/v1beta/")


def test_every_json_answer_is_typed_but_those_of_upstreams_as_they_are(schema: dict[str, Any]) -> None:
    untyped = {
        f"{method} {path}"
        for method, path, operation in operations(schema)
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        if not refers_to_properties(answer["content"].get("application/json"), schema)
    }
    assert untyped == {"post /api/rerank", "post /api/stt", "get /api/tts"}


def refers_to_properties(media: dict[str, Any] | None, schema: dict[str, Any]) -> bool:
    if media is None:  # not JSON
        return True
    answer = media["schema"]
    name = answer.get("items", answer).get("$ref", "").rpartition("/")[2]
    return bool(schema["components"]["schemas"].get(name, {}).get("properties"))

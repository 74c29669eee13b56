"""Promise: Google's embeddings and lists of models are answered from the same catalog and wallet as all others."""

from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, marked

EMBEDDINGS = "/v1beta/models/qwen3-embedding"


def text_content(*texts: str) -> dict[str, Any]:
    return {"parts": [{"text": text} for text in texts]}


def openais(client: httpx.Client, *texts: str) -> list[list[float]]:
    answer = client.post("/v1/embeddings", json={"model": "qwen3-embedding", "input": texts})
    return [each["embedding"] for each in answer.json()["data"]]


def error_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return error["code"], error["status"], error["details"][0]["metadata"].get("param")


@pytest.mark.parametrize("mount", ["/v1beta", "/v1"])
def test_one_text_becomes_the_vector_that_openais_address_gives(
    mount: str, client: httpx.Client, books: Books
) -> None:
    path = f"{mount}/models/qwen3-embedding:embedContent"
    answer = client.post(path, json={"content": text_content("the harbour")})
    assert answer.status_code == 200, answer.text
    receipt = books.receipt(answer)
    assert receipt["capture_microcredits"] == books.spent() > 0
    assert receipt["endpoint"] == "embeddings"
    told = answer.json()
    assert told["usageMetadata"] == {"promptTokenCount": receipt["units"]["tokens_in"]}
    assert told["embedding"]["values"] == openais(client, "the harbour")[0]


def test_several_texts_become_vectors_in_their_order(client: httpx.Client, books: Books) -> None:
    requests = [
        {"model": "models/qwen3-embedding", "content": text_content(text), "taskType": "RETRIEVAL_DOCUMENT"}
        for text in ("one", "two", "three")
    ]
    answer = client.post(f"{EMBEDDINGS}:batchEmbedContents", json={"requests": requests})
    assert answer.status_code == 200, answer.text
    assert books.spent() == books.receipt(answer)["capture_microcredits"] > 0
    vectors = [each["values"] for each in answer.json()["embeddings"]]
    assert vectors == openais(client, "one", "two", "three")


def test_parts_are_one_text_and_either_spelling_is_taken(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    text, mark = marked()
    body = {"content": text_content("first", text), "output_dimensionality": 64}
    answer = client.post(f"{EMBEDDINGS}:embedContent", json=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["embedding"]["values"]) == 64
    [sent] = platform.journal(mark)
    assert f"first\\n{text}" in sent["body"]


@pytest.mark.parametrize(
    ("method", "body", "param"),
    [
        ("embedContent", {}, "content"),
        ("embedContent", {"content": {}}, "content.parts"),
        ("embedContent", {"content": text_content(" ")}, "content.parts"),
        ("embedContent", {"content": {"parts": [{"inlineData": {"data": "AA"}}]}}, "content.parts.0.text"),
        ("embedContent", {"content": text_content("x"), "title": "T"}, "title"),
        ("embedContent", {"content": text_content("x"), "outputDimensionality": 0}, "outputDimensionality"),
        ("batchEmbedContents", {"requests": []}, "requests"),
        ("batchEmbedContents", {"requests": [{"content": text_content("")}]}, "requests.0.content.parts.0.text"),
        (
            "batchEmbedContents",
            {"requests": [{"content": text_content("a")}, {"content": text_content("b"), "taskType": "CLUSTERING"}]},
            "requests.1.taskType",
        ),
        ("batchEmbedContents", {"requests": [{"content": text_content("x"), "title": "T"}]}, "requests.0.title"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_charged(
    method: str, body: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(f"{EMBEDDINGS}:{method}", json=body)
    assert error_of(answer) == (400, "INVALID_ARGUMENT", param), answer.text
    books.assert_nothing_held_or_spent()


def test_an_upstream_that_fails_costs_nothing(client: httpx.Client, books: Books) -> None:
    body = {"content": text_content("hello [[sbx:status=500]]")}
    answer = client.post(f"{EMBEDDINGS}:embedContent", json=body)
    assert error_of(answer)[:2] == (502, "UNAVAILABLE")
    books.assert_nothing_held_or_spent()


def test_the_key_is_taken_from_googles_header(platform: RunningPlatform, tenant: Tenant) -> None:
    body = {"content": text_content("hello")}
    for key, status in ((tenant.key, 200), ("AIza", 401)):
        answer = httpx.post(
            f"{platform.base_url}{EMBEDDINGS}:embedContent", json=body, headers={"x-goog-api-key": key}
        )
        assert answer.status_code == status
        listed = httpx.get(f"{platform.base_url}/v1beta/models", headers={"x-goog-api-key": key})
        assert listed.status_code == status


def test_models_are_listed_as_google_lists_them(client: httpx.Client) -> None:
    answer = client.get("/v1beta/models")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"models"}
    models = {model["name"]: model for model in answer.json()["models"]}
    assert models["models/gemini"] == {
        "name": "models/gemini",
        "baseModelId": "gemini",
        "version": "2025-12-17",
        "displayName": "Gemini 3 Flash",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 4096,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }
    assert models["models/qwen3-embedding"]["supportedGenerationMethods"] == [
        "embedContent",
        "batchEmbedContents",
    ]
    assert "models/whisper-1" not in models


def test_the_list_is_given_in_pages_to_who_asks_for_them(client: httpx.Client) -> None:
    whole = client.get("/v1beta/models").json()["models"]
    found, query = [], {"pageSize": "2"}
    while True:
        page = client.get("/v1beta/models", params=query).json()
        assert 0 < len(page["models"]) <= 2
        found += page["models"]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert found == whole


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=x", "pageToken=-1", "pageToken=999"])
def test_a_page_that_there_is_not_is_refused(query: str, client: httpx.Client) -> None:
    answer = client.get(f"/v1beta/models?{query}")
    assert error_of(answer) == (400, "INVALID_ARGUMENT", query.partition("=")[0])


@pytest.mark.parametrize("name", ["gemini", "gemini-3-flash", "models/gemini"])
def test_one_model_is_shown_by_its_id_or_an_alias(name: str, client: httpx.Client) -> None:
    listed = client.get("/v1beta/models").json()["models"]
    shown = client.get(f"/v1beta/models/{name}")
    assert shown.status_code == 200
    assert shown.json() in listed
    assert shown.json()["name"] == "models/gemini"


@pytest.mark.parametrize("name", ["no-such-model", "a/b", "whisper-1"])
def test_a_model_that_this_mount_cannot_call_is_404_in_googles_words(name: str, client: httpx.Client) -> None:
    assert error_of(client.get(f"/v1beta/models/{name}"))[:2] == (404, "NOT_FOUND")


def test_a_keys_scope_is_kept_to(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant(key_options=("--scope", "model:gemini"))
    with platform.client(tenant) as client:
        assert [model["name"] for model in client.get("/v1beta/models").json()["models"]] == ["models/gemini"]
        assert client.get("/v1beta/models/claude").status_code == 404


@pytest.mark.parametrize("path", ["models", "models/gemini", "models/no-such-model"])
def test_below_v1_the_list_is_googles_for_who_shows_its_header(
    path: str, platform: RunningPlatform, tenant: Tenant
) -> None:
    def get(mount: str, headers: dict[str, str]) -> tuple[int, Any]:
        answer = httpx.get(f"{platform.base_url}{mount}{path}", headers=headers)
        told = answer.json()
        for detail in told.get("error", {}).get("details", ()):
            detail["metadata"].pop("request_id")
        return answer.status_code, told

    for key in (tenant.key, "AIza"):
        google = {"x-goog-api-key": key}
        assert get("/v1/", google) == get("/v1beta/", google)
    for headers in (tenant.headers, {**tenant.headers, "x-goog-api-key": tenant.key}):
        told = get("/v1/", headers)[1]
        assert "object" in told or told["error"]["code"] == "model_not_found"

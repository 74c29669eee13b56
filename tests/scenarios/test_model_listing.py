"""`GET …/models` lists what that mount and that key can call, with limits, modalities and prices."""

from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import MAX_OUTPUT_TOKENS

from gateway.endpoints import ENDPOINTS

MOUNTS = ("/v1", "/api/v1")


def models(client: httpx.Client, mount: str) -> dict[str, dict[str, Any]]:
    answer = client.get(f"{mount}/models")
    assert answer.status_code == 200, answer.text
    assert answer.json()["object"] == "list"
    return {model["id"]: model for model in answer.json()["data"]}


def test_every_endpoint_has_its_modalities() -> None:
    assert {each.name for each in ENDPOINTS if not each.inputs or not each.outputs} == {"voices"}


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_chat_model_says_its_limits_modalities_and_price(mount: str, client: httpx.Client) -> None:
    gemini = models(client, mount)["gemini"]

    assert (gemini["object"], gemini["owned_by"], gemini["endpoints"]) == ("model", "google", ["chat"])
    assert (gemini["context_length"], gemini["max_output_tokens"]) == (1_048_576, MAX_OUTPUT_TOKENS)
    assert gemini["architecture"]["input_modalities"] == ["text", "image"]
    assert gemini["architecture"]["output_modalities"] == ["text"]
    pricing = gemini["pricing"]
    assert (pricing["currency"], pricing["prompt"], pricing["completion"]) == ("credits", "0.0005", "0.0015")
    assert pricing["rates"]["chat"]["tokens_in"] == {"credits": "0.5", "per": 1000}


def test_a_mount_lists_what_it_can_call_and_nothing_else(client: httpx.Client) -> None:
    openai, api_in_one = (models(client, mount) for mount in MOUNTS)

    assert {"qwen3-embedding", "bge-reranker", "whisper-1", "qwen-image"} <= set(openai)
    assert not {"kling-3", "suno", "remove-bg", "qwen3-tts-base"} & set(openai)
    assert {"kling-3", "suno", "remove-bg", "gemini"} <= set(api_in_one)
    assert not {"qwen3-embedding", "whisper-1"} & set(api_in_one)
    assert openai["qwen-image"]["endpoints"] == ["images", "image_edits"]
    assert set(api_in_one["qwen-image"]["endpoints"]) == {"images", "image_task"}
    assert api_in_one["kling-3"]["architecture"]["modality"] == "text+image->video"
    assert api_in_one["kling-3"]["context_length"] is None


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (("--scope", "model:gemini"), {"gemini"}),
        (("--scope", "chat", "--scope", "model:sbx-chat"), {"sbx-chat"}),
        (("--scope", "video_task"), set()),
    ],
)
def test_a_keys_scope_is_kept_to(
    options: tuple[str, ...], listed: set[str], platform: RunningPlatform
) -> None:
    with platform.client(platform.new_tenant(key_options=options)) as client:
        assert set(models(client, "/v1")) == listed


def test_a_key_for_one_endpoint_is_shown_that_endpoint_alone(platform: RunningPlatform) -> None:
    with platform.client(platform.new_tenant(key_options=("--scope", "embeddings"))) as client:
        found = models(client, "/v1")
    assert {"qwen3-embedding", "bge-m3"} <= set(found)
    assert all(model["endpoints"] == ["embeddings"] for model in found.values())


def test_what_is_listed_for_chat_can_be_called(client: httpx.Client) -> None:
    for model in models(client, "/v1").values():
        if model["endpoints"] == ["chat"] and model["id"] not in ("sbx-timeout", "sbx-fail"):
            body = {"model": model["id"], "messages": [{"role": "user", "content": "hello"}]}
            assert client.post("/v1/chat/completions", json=body).status_code == 200


@pytest.mark.parametrize("mount", MOUNTS)
def test_one_model_is_what_the_list_says_of_it(mount: str, client: httpx.Client) -> None:
    for slug, listed in models(client, mount).items():
        answer = client.get(f"{mount}/models/{slug}")
        assert (answer.status_code, answer.json()) == (200, listed)


@pytest.mark.parametrize("name", ["seedream", "seedream/4.5-edit", "seedream%2F4.5-edit"])
def test_a_model_is_found_by_its_aliases_which_may_have_slashes(name: str, client: httpx.Client) -> None:
    assert "seedream/4.5-edit" in client.get(f"/api/v1/models/{name}").json()["aliases"]


@pytest.mark.parametrize("model", ["no-such-model", "kling-3", "a/b", "x" * 300])
def test_a_model_that_this_mount_cannot_call_is_404_in_openais_words(
    model: str, client: httpx.Client
) -> None:
    answer = client.get(f"/v1/models/{model}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["type"], error["param"]) == (
        "model_not_found",
        "invalid_request_error",
        "model",
    )


def test_a_model_outside_the_keys_scope_is_404(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant(key_options=("--scope", "model:sbx-chat"))
    with platform.client(tenant) as client:
        assert client.get("/v1/models/sbx-chat").status_code == 200
        assert client.get("/v1/models/gemini").status_code == 404


def test_one_model_is_shown_to_no_one_without_a_key(platform: RunningPlatform) -> None:
    assert httpx.get(f"{platform.base_url}/v1/models/gemini").status_code == 401


def test_anthropics_clients_are_told_in_their_form(platform: RunningPlatform, tenant: Tenant) -> None:
    headers = {"x-api-key": tenant.key, "anthropic-version": "2023-06-01"}
    with platform.client() as client:
        listed = client.get("/v1/models", headers=headers).json()
        one = client.get("/v1/models/claude-sonnet", headers=headers).json()

    assert (listed["has_more"], listed["first_id"]) == (False, listed["data"][0]["id"])
    assert one in listed["data"]
    assert one == {
        "type": "model",
        "id": "claude",
        "display_name": "Claude Sonnet",
        "created_at": "2026-02-17T00:00:00Z",
        "max_input_tokens": 200_000,
        "max_tokens": MAX_OUTPUT_TOKENS,
    }

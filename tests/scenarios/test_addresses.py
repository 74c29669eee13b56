"""Whoever calls an address that is not there is told in JSON which one was meant; nobody is redirected."""

import httpx
import pytest
from scenarios.asking import told

CHAT = "Use POST /v1/chat/completions."


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/v1/chat/completions/", CHAT),
        ("/v1//chat/completions", CHAT),
        ("/v1/v1/chat/completions", CHAT),
        ("/v1/v1/v1/chat/completions", CHAT),
        ("/chat/completions", CHAT),
        ("/chat/completions/", CHAT),
        ("/openai/v1/chat/completions", CHAT),
        ("/models", "Use GET /v1/models."),
        ("/embeddings", "Use POST /v1/embeddings."),
        ("/v1/models/", "Use GET /v1/models."),
        ("/audio/transcriptions", "Use POST /v1/audio/transcriptions."),
        ("/api/v1/chat/completions/", "Use POST /api/v1/chat/completions."),
        ("/api/v1/v1/chat/completions", "Use POST /api/v1/chat/completions."),
        ("/api/v1/tasks/n1_x_y/", "Use GET /api/v1/tasks/n1_x_y."),
        ("/api/v1/keys/", "Use GET or POST /api/v1/keys."),
        ("/api/chat/", "Use POST /api/chat."),
        ("/api/chat/completions", "Use POST /api/v1/chat/completions."),
        ("/llm/v1/chat/completions/", "Use POST /llm/v1/chat/completions."),
        ("/v1beta//models", "Use GET /v1beta/models."),
        ("/v1beta/v1/models/gemini:generateContent", "Use POST /v1/models/gemini:generateContent."),
        ("/v1/v1beta/models/gemini:countTokens", "Use POST /v1/models/gemini:countTokens."),
        ("/v1beta/nothing", ""),
        ("/v1/nothing/here", ""),
        ("/api/nothing/", ""),
        ("/v1", ""),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_address_is_404_and_names_the_right_one(
    path: str, advice: str, method: str, client: httpx.Client
) -> None:
    answer = client.request(method, path, json={} if method == "POST" else None, follow_redirects=False)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json()["error"]
    message = error["message"] if isinstance(error, dict) else error
    assert message == f"There is nothing at this address. {advice}".rstrip()
    if advice.endswith("/v1/chat/completions.") and " /v1/" in advice:
        assert error["code"] == "unknown_url"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/api/v1/models", "GET"),
        ("GET", "/api/chat", "POST"),
        ("PUT", "/api/tts", "GET or POST"),
        ("PUT", "/api/v1/credits", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_one(
    method: str, path: str, allowed: str, client: httpx.Client
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == 405
    assert f"Use {allowed} {path}." in told(answer)["message"]
    assert set(allowed.split(" or ")) <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(("path", "allowed"), [("/v1/chat/completions", "POST"), ("/v1/models", "GET")])
def test_options_says_what_an_address_takes_and_needs_no_key(
    path: str, allowed: str, client: httpx.Client
) -> None:
    answer = client.options(path, headers={"Authorization": "", "Origin": "https://app.example"})

    assert answer.status_code == 204
    assert allowed in answer.headers["Allow"].split(", ")
    assert answer.content == b""
    assert "Content-Length" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/models", "/api/v1/models", "/api/v1/tasks"])
def test_head_is_get_without_the_body(path: str, client: httpx.Client) -> None:
    head, got = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.content))
    assert client.get(path).status_code == 200

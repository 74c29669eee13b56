"""@google/genai, LangChain's and the Vercel AI SDK's Google packages, unmodified."""

from typing import Any

import pytest
from contract.conftest import run_node_client, run_python_client
from running_platform import RunningPlatform
from scenarios.asking import TenantPool, tokens

pytestmark = pytest.mark.clients
SAID = "You said: hello"
# Of an upstream of the same dialect, and of another.
MODELS = ("gemini-pro", "claude")


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def node(served: RunningPlatform, served_tenants: TenantPool, model: str) -> dict[str, Any]:
    """What the JavaScript clients got of the model."""
    return run_node_client("google_client.mjs", served.base_url, served_tenants.take().key, model)


@pytest.fixture(scope="module")
def langchain(served: RunningPlatform, served_tenants: TenantPool, model: str) -> dict[str, Any]:
    return run_python_client("langchain_google_program.py", served.base_url, served_tenants.take().key, model)


def test_googles_javascript_client_is_answered(node: dict[str, Any], model: str) -> None:
    did = node["genai"]
    assert did["generate"]["text"].startswith(SAID)
    assert did["generate"]["model"] == model
    assert did["generate"]["usage"]["promptTokenCount"] == tokens("hello")
    assert did["stream"]["text"].startswith(SAID)
    assert did["stream"]["parts"] > 3
    assert did["tool"]["name"] == "get_weather"
    assert did["tool"]["text"]
    assert did["count"] >= 1
    assert did["embed"] == 2
    assert f"models/{model}" in did["list"]


def test_googles_javascript_client_is_told_of_refusals_and_of_a_stream_that_breaks(
    node: dict[str, Any],
) -> None:
    did = node["genai"]
    assert did["noKey"] == {"name": "ApiError", "status": 401}
    assert did["noModel"] == {"name": "ApiError", "status": 404}
    # Nobody takes half an answer for a whole one.
    assert did["broken"] is not None


def test_the_vercel_sdk_is_answered(node: dict[str, Any]) -> None:
    did = node["vercel"]
    assert did["generate"]["text"].startswith(SAID)
    assert did["generate"]["finish"] == "stop"
    assert did["generate"]["usage"]["inputTokens"] == tokens("hello")
    assert did["tool"]["steps"] == 2
    assert did["tool"]["text"]
    assert did["stream"]["text"].startswith(SAID)
    assert did["stream"]["finish"] == "stop"
    assert did["embed"] == 2


def test_langchain_is_answered(langchain: dict[str, Any]) -> None:
    did = langchain
    assert did["invoke"]["text"].startswith(SAID)
    assert did["invoke"]["usage"]["input_tokens"] == tokens("Be brief.", "hello")
    assert did["stream"]["text"].startswith(SAID)
    assert did["stream"]["chunks"] > 3
    assert did["tool"]["name"] == "get_weather"
    assert did["tool"]["text"]
    assert did["embed_query"] == did["embed_documents"][0]
    assert did["embed_documents"][0] != did["embed_documents"][1]
    assert "401" in did["refused"]

"""The Vercel AI SDK, unmodified, by its providers: generateText, streamText, tools in steps, embeddings."""

from typing import Any

import pytest
from contract.conftest import run_node_client
from running_platform import RunningPlatform
from scenarios.asking import TenantPool, tokens

pytestmark = pytest.mark.clients
SAID = "You said: hello"


@pytest.fixture(scope="module", params=["openai", "compatible", "responses", "anthropic"])
def did(
    request: pytest.FixtureRequest, served: RunningPlatform, served_tenants: TenantPool
) -> dict[str, Any]:
    """What the program got at the OpenAI mount, with one provider or the other."""
    key = served_tenants.take().key
    return run_node_client("vercel_client.mjs", f"{served.base_url}/v1", key, request.param)


def test_it_generates_with_usage(did: dict[str, Any]) -> None:
    assert did["generate"]["text"].startswith(SAID)
    assert did["generate"]["finish"] == "stop"
    assert did["generate"]["usage"]["inputTokens"] == tokens("hello")
    assert did["generate"]["usage"]["outputTokens"] == tokens(did["generate"]["text"])


def test_it_streams_with_usage_and_without_an_error(did: dict[str, Any]) -> None:
    streamed = did["stream"]
    assert streamed["text"] == did["generate"]["text"]
    assert streamed["parts"] > 3
    assert (streamed["finish"], streamed["errors"]) == ("stop", [])
    assert streamed["usage"]["totalTokens"] == did["generate"]["usage"]["totalTokens"]


@pytest.mark.parametrize("how", ["tools", "tool_stream"])
def test_a_tool_is_run_and_the_next_step_answers(how: str, did: dict[str, Any]) -> None:
    first, last = did[how]["steps"]
    assert first["finish"] == "tool-calls"
    assert isinstance(first["calls"][0]["city"], str)
    assert last["finish"] == "stop"
    assert did[how]["text"]


def test_it_embeds_one_and_many(did: dict[str, Any]) -> None:
    assert did["embed"] == did["embed_many"][0]
    assert did["embed_many"][0] != did["embed_many"][1]


def test_a_stream_that_breaks_is_an_error_and_does_not_end_quietly(did: dict[str, Any]) -> None:
    assert did["broken_stream"]["finish"] == "error"
    assert len(did["broken_stream"]["errors"]) == 1


def test_our_404_is_its_error_and_is_not_tried_again(did: dict[str, Any]) -> None:
    assert did["unknown_model"]["name"] == "AI_APICallError"
    assert did["unknown_model"]["status"] == 404
    assert did["unknown_model"]["retryable"] is False
    assert "no-such" in did["unknown_model"]["message"]

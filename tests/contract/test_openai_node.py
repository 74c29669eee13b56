"""openai-node, unmodified: chat, stream, tools, embeddings, images, speech, transcription, and its errors."""

import base64
import math
from typing import Any

import pytest
from contract.conftest import run_node_client
from running_platform import RunningPlatform
from scenarios.asking import TenantPool, tokens

pytestmark = pytest.mark.clients
SAID = "You said: hello"


@pytest.fixture(scope="module")
def did(served: RunningPlatform, served_tenants: TenantPool) -> dict[str, Any]:
    """What the program got at the OpenAI mount."""
    return run_node_client("openai_client.mjs", f"{served.base_url}/v1", served_tenants.take().key)


def test_it_completes_with_usage_and_request_id(did: dict[str, Any]) -> None:
    done = did["completion"]
    assert done["text"].startswith(SAID)
    assert done["usage"]["prompt_tokens"] == tokens("hello")
    assert done["usage"]["completion_tokens"] == tokens(done["text"])
    assert done["request_id"].startswith("req_")


def test_it_streams_and_has_usage_only_where_asked(did: dict[str, Any]) -> None:
    assert did["stream"]["text"].startswith(SAID)
    assert did["stream"]["chunks"] > 3
    assert did["stream"]["usage"] is None
    assert did["stream_usage"]["usage"] == did["completion"]["usage"]


def test_a_tool_is_called_and_its_result_answered(did: dict[str, Any]) -> None:
    assert did["tools"]["finish"] == "tool_calls"
    assert isinstance(did["tools"]["args"]["city"], str)
    assert did["tools"]["text"]


def test_a_tool_is_called_in_a_stream(did: dict[str, Any]) -> None:
    assert did["tool_stream"] == did["tools"]["args"]


def test_the_vectors_it_decodes_from_base64_are_the_floats(did: dict[str, Any]) -> None:
    by_default, floats = did["embedding_default"], did["embedding_floats"]
    assert len(by_default) == len(floats)
    assert by_default == pytest.approx(floats, abs=1e-6)
    assert math.isclose(sum(number * number for number in by_default), 1, rel_tol=1e-4)


def test_an_image_comes_in_the_size_asked(did: dict[str, Any]) -> None:
    begun = base64.b64decode(did["image"])
    assert begun.startswith(b"\x89PNG")
    assert (int.from_bytes(begun[16:20], "big"), int.from_bytes(begun[20:24], "big")) == (256, 128)


def test_what_is_spoken_is_heard_again(did: dict[str, Any]) -> None:
    assert did["speech_type"] == "audio/wav"
    assert did["speech_bytes"] > 1000
    assert did["transcript"] == "Good morning."


def test_it_lists_the_models(did: dict[str, Any]) -> None:
    assert {"gemini", "qwen3-embedding"} <= set(did["models"])


def test_our_refusals_are_its_own_errors(did: dict[str, Any]) -> None:
    unknown, bad_key = did["unknown_model"], did["bad_key"]
    assert (unknown["name"], unknown["status"], unknown["type"]) == (
        "NotFoundError",
        404,
        "invalid_request_error",
    )
    assert (bad_key["name"], bad_key["status"]) == ("AuthenticationError", 401)
    assert unknown["request_id"].startswith("req_")

"""LlamaIndex's OpenAILike, unmodified: complete, chat, both streamed, tools and embeddings."""

import math
from typing import Any

import pytest
from contract.conftest import run_python_client
from running_platform import RunningPlatform
from scenarios.asking import TenantPool

pytestmark = pytest.mark.clients
SAID = "You said: hello"


@pytest.fixture(scope="module")
def did(served: RunningPlatform, served_tenants: TenantPool) -> dict[str, Any]:
    """What the program got at the OpenAI mount."""
    return run_python_client("llamaindex_program.py", f"{served.base_url}/v1", served_tenants.take().key)


@pytest.mark.parametrize("asked", ["complete", "chat"])
def test_it_answers(asked: str, did: dict[str, Any]) -> None:
    assert did[asked].startswith(SAID)


@pytest.mark.parametrize("asked", ["stream_complete", "stream_chat"])
def test_it_streams_in_pieces(asked: str, did: dict[str, Any]) -> None:
    assert did[asked]["text"].startswith(SAID)
    assert did[asked]["deltas"] == did[asked]["text"]
    assert did[asked]["parts"] > 3


def test_a_tool_is_called(did: dict[str, Any]) -> None:
    (call,) = did["tools"]
    assert call["name"] == "get_weather"
    assert isinstance(call["args"]["city"], str)


def test_the_async_client_answers_alike(did: dict[str, Any]) -> None:
    assert did["async"]["text"] == did["async"]["streamed"]
    assert did["async"]["text"].startswith(SAID)


def test_texts_become_unit_vectors(did: dict[str, Any]) -> None:
    assert did["embed_query"] == did["embed_documents"][0]
    for vector in did["embed_documents"]:
        assert math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-4)


def test_legacy_completions_are_answered(did: dict[str, Any]) -> None:
    assert did["legacy_completion"]["text"].startswith(SAID)
    assert did["legacy_completion"]["streamed"] == did["legacy_completion"]["text"]

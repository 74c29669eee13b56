"""LangChain, unmodified: ChatOpenAI invokes, streams and calls tools; OpenAIEmbeddings embeds texts and token ids."""

import math
from typing import Any
from uuid import uuid4

import pytest
from contract.conftest import run_python_client
from running_platform import RunningPlatform
from scenarios.asking import TenantPool, tokens

pytestmark = pytest.mark.clients
SAID = "You said: hello"


@pytest.fixture(scope="module")
def mark() -> str:
    return f"mark-{uuid4().hex}"


@pytest.fixture(scope="module")
def did(served: RunningPlatform, served_tenants: TenantPool, mark: str) -> dict[str, Any]:
    """What the program got at the OpenAI mount."""
    key = served_tenants.take().key
    return run_python_client("langchain_program.py", f"{served.base_url}/v1", key, mark)


def test_it_invokes_with_usage(did: dict[str, Any]) -> None:
    assert did["invoke"]["text"].startswith(SAID)
    assert did["invoke"]["usage"]["input_tokens"] == tokens("Be brief.", "hello")
    assert did["invoke"]["usage"]["output_tokens"] == tokens(did["invoke"]["text"])


def test_it_streams_in_pieces(did: dict[str, Any]) -> None:
    assert did["stream"]["text"].startswith(SAID)
    assert did["stream"]["chunks"] > 3


def test_a_tool_is_called_and_its_result_answered(did: dict[str, Any]) -> None:
    assert did["tools"]["name"] == "get_weather"
    assert did["tools"]["result"] == f"sunny in {did['tools']['args']['city']}"
    assert did["tools"]["text"]


def test_a_tool_is_called_in_a_stream(did: dict[str, Any]) -> None:
    (call,) = did["stream_tools"]["tool_calls"]
    assert call["name"] == "get_weather"
    assert isinstance(call["args"]["city"], str)


def test_a_structured_answer_is_of_its_class(did: dict[str, Any]) -> None:
    assert set(did["structured"]) == {"city"}


def test_a_batch_and_the_async_client_answer_alike(did: dict[str, Any]) -> None:
    assert [text.split("\n")[0] for text in did["batch"]] == [
        f"You said: {word}" for word in ("one", "two", "three")
    ]
    assert did["async"]["text"] == did["async"]["streamed"]


def test_texts_become_unit_vectors(did: dict[str, Any]) -> None:
    assert did["embed_query"] == did["embed_documents"][0]
    for vector in did["embed_documents"]:
        assert math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-4)


def test_token_ids_are_embedded(served: RunningPlatform, did: dict[str, Any], mark: str) -> None:
    first, second = did["embed_token_ids"]
    assert first != second
    assert len(first) == len(second) == len(did["embed_query"])
    ids = ",".join(str(byte) for byte in mark.encode())
    (entry,) = served.journal(ids)
    assert entry["path"] == "/v1/embeddings"


def test_a_text_longer_than_its_window_is_embedded_in_pieces(did: dict[str, Any]) -> None:
    assert len(did["embed_long"]) == len(did["embed_query"])


def test_a_bad_key_is_its_authentication_error(did: dict[str, Any]) -> None:
    assert did["refused"].endswith("AuthenticationError")

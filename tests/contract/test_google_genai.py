"""google-genai, unmodified: answers, streams, thoughts, functions, chats, embeddings, models and errors."""

import os
import subprocess
from typing import Any

import pytest
from contract.conftest import CLIENTS_PYTHON, run_python_client
from running_platform import RunningPlatform, Tenant
from scenarios.asking import TenantPool, tokens

from gateway.openapi.genai_samples import genai_call_of, genai_python
from gateway.openapi.presentation import presented_views

pytestmark = pytest.mark.clients
SAID = "You said: hello"
# Of an upstream of the same dialect, and of another.
MODELS = ("gemini-pro", "gemini")
DOCUMENTED = [
    *(where for where in presented_views() if genai_call_of(*where)),
    ("post", "/v1beta/models/{model}:countTokens"),
    ("get", "/v1beta/models"),
    ("get", "/v1beta/models/{model}"),
]


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def did(served: RunningPlatform, served_tenants: TenantPool, model: str) -> dict[str, Any]:
    """What the program got of the model."""
    return run_python_client("genai_program.py", served.base_url, served_tenants.take().key, model)


@pytest.mark.parametrize("call", ["generate", "stream"])
def test_it_generates_with_usage(call: str, did: dict[str, Any], model: str) -> None:
    answer = did[call]
    assert answer["text"].startswith(SAID)
    assert (answer["model"], answer["finish"]) == (model, "STOP")
    asked, said = tokens("Be brief.", "hello"), tokens(answer["text"])
    assert answer["usage"] == [asked, said, asked + said]


def test_it_streams_in_pieces(did: dict[str, Any]) -> None:
    assert did["stream"]["chunks"] > 3


def test_an_image_is_read(did: dict[str, Any]) -> None:
    assert did["image"][0] > 85


def test_thoughts_are_apart_from_the_answer(did: dict[str, Any]) -> None:
    assert did["thinking"]["thoughts"]
    assert did["thinking"]["text"].startswith(SAID)


def test_a_function_is_called_and_its_result_answered(did: dict[str, Any]) -> None:
    assert len(did["tool"]["called"]) == 1
    assert did["tool"]["text"]


def test_a_structured_answer_is_of_its_class(did: dict[str, Any]) -> None:
    assert set(did["structured"]) == {"city"}


def test_a_chat_goes_on(did: dict[str, Any]) -> None:
    assert [text.split("\n")[0] for text in did["chat"]] == ["You said: one", "You said: two"]


def test_the_async_client_answers_alike(did: dict[str, Any]) -> None:
    assert did["async"]["text"] == did["async"]["streamed"]


def test_a_prompt_is_counted(did: dict[str, Any]) -> None:
    assert did["count"] >= 1


def test_texts_become_vectors(did: dict[str, Any]) -> None:
    one, two = did["embed"]
    assert len(one) == len(two)
    assert one != two
    assert len(did["embed_one"]) == 1


def test_models_are_listed_over_pages_and_shown(did: dict[str, Any], model: str) -> None:
    assert {"models/gemini", "models/gemini-pro", "models/qwen3-embedding"} <= set(did["list"])
    assert len(did["list"]) == len(set(did["list"]))
    assert did["get"]["name"] == f"models/{model}"
    assert "generateContent" in did["get"]["supported_actions"]


def test_refusals_and_failures_are_its_own_errors(did: dict[str, Any]) -> None:
    assert did["no_key"] == {"kind": "ClientError", "code": 401, "status": "UNAUTHENTICATED"}
    assert did["no_model"] == {"kind": "ClientError", "code": 404, "status": "NOT_FOUND"}
    assert did["failed"] == {"kind": "ServerError", "code": 502, "status": "UNAVAILABLE"}
    assert did["broken"] == {"kind": "ServerError", "code": 502, "status": "UNAVAILABLE"}


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
def test_the_documentations_programs_run_as_they_are_printed(
    method: str, path: str, served: RunningPlatform, tenant: Tenant
) -> None:
    source = genai_python(method, path)
    assert source is not None
    completed = subprocess.run(
        [str(CLIENTS_PYTHON), "-I", "-c", source],
        env=os.environ
        | {"AIO_BASE_URL": served.base_url, "AIO_API_KEY": tenant.key, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.strip()

"""openai-node's Responses, unmodified: create, stream, parse, tools, models.retrieve, its errors, and leaving early."""

from typing import Any

import pytest
from contract.conftest import run_node_client
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, TenantPool, tokens

pytestmark = pytest.mark.clients
SAID = "You said: hello"


@pytest.fixture(scope="module")
def caller(served_tenants: TenantPool) -> Tenant:
    return served_tenants.take()


@pytest.fixture(scope="module")
def did(served: RunningPlatform, caller: Tenant) -> dict[str, Any]:
    return run_node_client("openai_responses_client.mjs", f"{served.base_url}/v1", caller.key)


def test_it_creates_a_response(did: dict[str, Any]) -> None:
    done = did["create"]
    assert done["text"].startswith(SAID)
    assert done["usage"]["input_tokens"] == tokens("hello", "Be brief.")
    assert done["request_id"].startswith("req_")


def test_its_stream_helper_puts_a_response_together(did: dict[str, Any]) -> None:
    streamed = did["stream"]
    assert streamed["text"].startswith(SAID)
    assert (streamed["kinds"][0], streamed["kinds"][-1]) == ("response.created", "response.completed")
    assert streamed["usage"]["output_tokens"] == tokens(streamed["text"])


def test_a_structured_answer_is_parsed(did: dict[str, Any]) -> None:
    assert set(did["parsed"]) == {"city", "degrees"}


@pytest.mark.parametrize("model", ["gpt", "claude", "gemini"])
def test_a_tool_is_called_and_its_result_answered(model: str, did: dict[str, Any]) -> None:
    assert "city" in did["tools"][model]["args"]
    assert did["tools"][model]["text"]


def test_a_model_is_retrieved(did: dict[str, Any]) -> None:
    assert (did["model"]["id"], did["model"]["owned_by"]) == ("gpt", "openai")
    assert (did["retrieved"]["name"], did["retrieved"]["status"]) == ("NotFoundError", 404)


def test_a_stream_that_is_aborted_is_charged_for_what_was_sent(
    did: dict[str, Any], served: RunningPlatform, caller: Tenant
) -> None:
    with served.client(caller) as client:
        receipt = Books(client).receipt(did["left"])
    assert (receipt["outcome"], 0 < receipt["units"]["tokens_out"] < 400) == ("partial", True)
    assert receipt["capture_microcredits"] > 0


@pytest.mark.parametrize(
    ("case", "name", "status", "param"),
    [
        ("unknown_model", "NotFoundError", 404, "model"),
        ("bad_field", "BadRequestError", 400, "background"),
    ],
)
def test_our_errors_are_its_own(case: str, name: str, status: int, param: str, did: dict[str, Any]) -> None:
    raised = did[case]
    assert (raised["name"], raised["status"], raised["param"]) == (name, status, param)
    assert raised["request_id"].startswith("req_")

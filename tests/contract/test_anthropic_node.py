"""Anthropic's TypeScript SDK, unmodified: messages, streams, tools, counting, its errors, and leaving early."""

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
    return run_node_client("anthropic_client.mjs", served.base_url, caller.key)


def test_it_creates_a_message_with_usage_and_request_id(did: dict[str, Any]) -> None:
    done = did["create"]
    assert done["content"][0]["text"].startswith(SAID)
    assert done["usage"]["input_tokens"] == tokens("Be brief.", "hello")
    assert done["request_id"].startswith("req_")
    assert did["beta"] == "end_turn"


def test_its_stream_helper_puts_a_message_together(did: dict[str, Any]) -> None:
    streamed = did["stream"]
    assert streamed["message"]["content"][0]["text"].startswith(SAID)
    assert streamed["message"]["stop_reason"] == "end_turn"
    assert (streamed["kinds"][0], streamed["kinds"][-1]) == ("message_start", "message_stop")
    assert streamed["kinds"].count("content_block_delta") > 3
    assert streamed["request_id"].startswith("req_")


def test_thinking_comes_before_the_text_with_its_signature(did: dict[str, Any]) -> None:
    thought, said = did["thinking"]["message"]["content"]
    assert (thought["type"], bool(thought["signature"]), said["type"]) == ("thinking", True, "text")


def test_a_tools_input_is_put_together_from_its_stream(did: dict[str, Any]) -> None:
    message = did["stream_tool"]["message"]
    assert (message["stop_reason"], "city" in message["content"][-1]["input"]) == ("tool_use", True)


@pytest.mark.parametrize("model", ["claude", "gemini", "gpt"])
def test_a_tool_is_called_and_its_result_answered(model: str, did: dict[str, Any]) -> None:
    loop = did["tools"][model]
    assert (loop["stop"], loop["then"], "city" in loop["input"]) == ("tool_use", "end_turn", True)
    assert loop["text"]


def test_tokens_are_counted_and_models_listed(did: dict[str, Any]) -> None:
    assert did["count"] >= 1
    assert {"claude", "gemini"} <= set(did["models"])


def test_a_stream_that_is_aborted_is_charged_for_what_was_sent(
    did: dict[str, Any], served: RunningPlatform, caller: Tenant
) -> None:
    assert did["left"]["name"] == "APIUserAbortError"
    with served.client(caller) as client:
        receipt = Books(client).receipt(did["left"]["request_id"])
    assert (receipt["outcome"], 0 < receipt["units"]["tokens_out"] < 400) == ("partial", True)
    assert receipt["capture_microcredits"] > 0


def test_a_stream_that_breaks_raises(did: dict[str, Any]) -> None:
    assert did["broken"] is not None


@pytest.mark.parametrize(
    ("case", "name", "status", "kind"),
    [
        ("unknown_model", "NotFoundError", 404, "not_found_error"),
        ("bad_field", "BadRequestError", 400, "invalid_request_error"),
        ("bad_key", "AuthenticationError", 401, "authentication_error"),
        ("upstream", "InternalServerError", 502, "api_error"),
    ],
)
def test_our_errors_are_its_own(case: str, name: str, status: int, kind: str, did: dict[str, Any]) -> None:
    raised = did[case]
    assert (raised["name"], raised["status"], raised["type"]) == (name, status, kind)
    assert raised["request_id"].startswith("req_")

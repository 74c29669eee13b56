"""The anthropic package, unmodified: messages, streams, tools, counting, its betas, its errors, and leaving early."""

from typing import Any
from uuid import uuid4

import pytest
from contract.conftest import run_python_client
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, TenantPool, tokens

pytestmark = pytest.mark.clients
MODELS = ("claude", "gemini", "gpt")
SAID = "You said: hello"


@pytest.fixture(scope="module")
def caller(served_tenants: TenantPool) -> Tenant:
    return served_tenants.take()


@pytest.fixture(scope="module")
def mark() -> str:
    return f"mark-{uuid4().hex}"


@pytest.fixture(scope="module")
def did(served: RunningPlatform, caller: Tenant, mark: str) -> dict[str, Any]:
    poor = served.new_tenant(credits="0.000001")
    return run_python_client("anthropic_program.py", served.base_url, caller.key, poor.key, mark)


@pytest.mark.parametrize("model", MODELS)
def test_it_creates_a_message_with_usage_and_request_id(model: str, did: dict[str, Any]) -> None:
    done = did["create"][model]
    assert done["content"][0]["text"].startswith(SAID)
    assert (done["model"], done["stop_reason"]) == (model, "end_turn")
    assert done["usage"]["input_tokens"] == tokens("Be brief.", "hello")
    assert done["usage"]["output_tokens"] == tokens(done["content"][0]["text"])
    assert done["request_id"].startswith("req_")


def test_a_bearer_and_a_beta_are_taken(did: dict[str, Any]) -> None:
    assert (did["bearer"], did["beta"]) == ("end_turn", "end_turn")


@pytest.mark.parametrize("model", MODELS)
def test_its_stream_helper_puts_a_message_together(model: str, did: dict[str, Any]) -> None:
    streamed = did["stream"][model]
    assert streamed["message"]["content"][0]["text"].startswith(SAID)
    assert streamed["message"]["stop_reason"] == "end_turn"
    assert streamed["message"]["usage"]["input_tokens"] == tokens("hello")
    assert streamed["message"]["usage"]["output_tokens"] == tokens(streamed["message"]["content"][0]["text"])
    assert (streamed["kinds"][0], streamed["kinds"][-1]) == ("message_start", "message_stop")
    assert streamed["kinds"].count("text") > 3
    assert streamed["request_id"].startswith("req_")


@pytest.mark.parametrize("model", MODELS)
def test_thinking_comes_before_the_text_with_its_signature(model: str, did: dict[str, Any]) -> None:
    thought, said = did["thinking"][model]["message"]["content"]
    assert (thought["type"], said["type"]) == ("thinking", "text")
    # OpenAI's Responses tell a thought in words only where a summary was asked for, which Anthropic's callers cannot.
    assert thought["thinking"].startswith("The user wrote") or model == "gpt"
    assert thought["signature"] or model == "gemini"


@pytest.mark.parametrize("model", MODELS)
def test_a_tools_input_is_put_together_from_its_stream(model: str, did: dict[str, Any]) -> None:
    message = did["stream_tool"][model]["message"]
    assert message["stop_reason"] == "tool_use"
    assert "city" in message["content"][-1]["input"]
    assert "input_json" in did["stream_tool"][model]["kinds"]


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_result_answered(model: str, did: dict[str, Any]) -> None:
    loop = did["tools"][model]
    assert (loop["stop"], loop["then"], "city" in loop["input"]) == ("tool_use", "end_turn", True)
    assert loop["text"]


@pytest.mark.parametrize("runner", ["runner", "runner_stream"])
def test_its_tool_runner_runs_to_the_end(runner: str, did: dict[str, Any]) -> None:
    assert did[runner]["stops"] == ["tool_use", "end_turn"]
    assert did[runner]["text"]


def test_a_structured_answer_is_parsed(did: dict[str, Any]) -> None:
    assert set(did["parsed"]) == {"city", "degrees"}


def test_tokens_are_counted(did: dict[str, Any]) -> None:
    assert 1 <= did["count"] < did["beta_count"]


def test_models_are_listed_and_retrieved_in_anthropics_form(did: dict[str, Any]) -> None:
    assert set(MODELS) <= set(did["models"])
    assert (did["model"]["id"], did["model"]["type"]) == ("claude", "model")
    assert did["model"]["display_name"] == "Claude Sonnet"
    assert did["model"]["created_at"].startswith("2026-02-17")


def test_the_async_client_says_the_same(did: dict[str, Any]) -> None:
    assert did["async"]["text"] == did["async"]["streamed"]
    assert did["async"]["text"].startswith(SAID)


def test_an_upstreams_fault_is_tried_again_by_itself(
    did: dict[str, Any], served: RunningPlatform, mark: str
) -> None:
    assert did["tried_again"] == "end_turn"
    assert len(served.journal(mark)) == 2


@pytest.mark.parametrize("how", ["left", "cancelled"])
def test_a_stream_left_early_is_charged_for_what_was_sent(
    how: str, did: dict[str, Any], served: RunningPlatform, caller: Tenant
) -> None:
    with served.client(caller) as client:
        receipt = Books(client).receipt(did[how])
    assert receipt["outcome"] == "partial"
    assert 0 < receipt["units"]["tokens_out"] < 400
    assert receipt["capture_microcredits"] > 0


def test_a_stream_that_breaks_raises(did: dict[str, Any]) -> None:
    assert did["broken"]["name"] in ("APIStatusError", "InternalServerError", "APIError")


@pytest.mark.parametrize(
    ("case", "name", "status", "kind"),
    [
        ("key", "AuthenticationError", 401, "authentication_error"),
        ("field", "BadRequestError", 400, "invalid_request_error"),
        ("credit", "PaymentRequiredError", 402, "billing_error"),
        ("model", "NotFoundError", 404, "not_found_error"),
        ("counted_model", "NotFoundError", 404, "not_found_error"),
        ("limit", "RateLimitError", 429, "rate_limit_error"),
        ("upstream", "InternalServerError", 502, "api_error"),
        ("streamed", "NotFoundError", 404, "not_found_error"),
    ],
)
def test_our_errors_are_its_own(case: str, name: str, status: int, kind: str, did: dict[str, Any]) -> None:
    raised = did["errors"][case]
    assert (raised["name"], raised["status"], raised["type"]) == (name, status, kind)
    assert raised["request_id"].startswith("req_")

"""LiteLLM, LangChain, Pydantic AI, OpenAI's Agents SDK and Instructor, unmodified, each in the dialects it speaks."""

from typing import Any

import pytest
from contract.conftest import run_python_client
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books

pytestmark = pytest.mark.clients
SAID = "You said: hello"
# By name: whether it also calls a tool, and fills a form.
FRAMEWORKS = {
    "litellm-openai": (True, True),
    "litellm-anthropic": (True, True),
    "litellm-responses": (False, False),
    "langchain-anthropic": (True, True),
    "pydantic-ai-chat": (True, True),
    "pydantic-ai-responses": (True, True),
    "openai-agents": (True, True),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_speaks_streams_calls_a_tool_and_fills_a_form(
    name: str, served: RunningPlatform, tenant: Tenant
) -> None:
    did: dict[str, Any] = run_python_client("frameworks_program.py", name, served.base_url, tenant.key)
    calls_tools, fills_forms = FRAMEWORKS[name]

    assert did["text"].startswith(SAID)
    assert did["streamed"] == did["text"]
    if calls_tools:
        assert isinstance(did["args"]["city"], str)
        assert did["after_tool"]
    if fills_forms:
        assert set(did["form"]) == {"city", "degrees"}
    assert_all_were_charged(served, tenant)


@pytest.mark.parametrize("name", ["instructor-openai", "instructor-anthropic"])
def test_instructor_fills_a_form(name: str, served: RunningPlatform, tenant: Tenant) -> None:
    did = run_python_client("frameworks_program.py", name, served.base_url, tenant.key)
    assert set(did["form"]) == {"city", "degrees"}
    assert_all_were_charged(served, tenant)


def assert_all_were_charged(served: RunningPlatform, tenant: Tenant) -> None:
    """Nothing that the framework sent was refused or failed."""
    with served.client(tenant) as client:
        books = Books(client)
        calls = books.calls()
        assert calls
        assert {call["outcome"] for call in calls} == {"succeeded"}
        assert books.refusals() == {}

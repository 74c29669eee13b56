"""The object that an answer of the Responses API is, with what it repeats of the request."""

from typing import Any

from gateway.dialects.conversation import Conversation, Role, Text
from gateway.dialects.dialect import AnswerContext
from gateway.dialects.openai_responses.request import effort_of, write_text
from gateway.dialects.openai_responses.tool_definitions import write_tool_choice, write_tools
from gateway.dialects.reply import Finish

_PREFIX = "resp_"
_TIERS = ("auto", "default", "flex", "scale", "priority", "ultrafast")
_INCOMPLETE = {Finish.LENGTH: "max_output_tokens", Finish.CONTENT_FILTER: "content_filter"}
_PLAIN_TEXT = {"type": "text"}
_USUAL_VERBOSITY = "medium"


def response_id(answer_id: str, context: AnswerContext) -> str:
    """The answer's id in this API's form: the upstream's own, where it has that form, else ours."""
    if answer_id.startswith(_PREFIX):
        return answer_id
    return context.answer_id if context.answer_id.startswith(_PREFIX) else _PREFIX + context.answer_id


def own_part(answer_id: str) -> str:
    """What tells the answer's id from others; the ids of its items have it in them."""
    return answer_id.removeprefix(_PREFIX)


def is_incomplete(finish: Finish) -> bool:
    """Whether the answer was cut short."""
    return finish in _INCOMPLETE


def unfinished(answer_id: str, created_s: int | None, context: AnswerContext) -> dict[str, Any]:
    """The object of an answer that has begun and says nothing yet."""
    asked = context.asked
    reasoning = asked.reasoning
    return {
        "id": answer_id,
        "object": "response",
        "created_at": context.created_s if created_s is None else created_s,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": _instructions(asked),
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": None,
        "metadata": dict(asked.metadata),
        "model": context.model,
        "output": [],
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {
            "effort": None if reasoning is None else effort_of(reasoning, []),
            "summary": None if reasoning is None else reasoning.summary,
        },
        "safety_identifier": None,
        "service_tier": _tier(asked.service_tier),
        "store": False,
        "temperature": asked.sampling.temperature,
        "text": {"format": _PLAIN_TEXT, "verbosity": _USUAL_VERBOSITY} | (write_text(asked) or {}),
        "tool_choice": write_tool_choice(asked.tool_choice, asked.tools),
        "tools": write_tools(asked.tools, []),
        "top_logprobs": asked.top_logprobs or 0,
        "top_p": asked.sampling.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": asked.user,
    }


def finished(
    begun: dict[str, Any],
    finish: Finish,
    output: list[dict[str, Any]],
    usage: dict[str, Any] | None,
    service_tier: str | None,
) -> dict[str, Any]:
    """The object of an answer that has ended."""
    ended = begun | {"status": "completed", "output": output, "usage": usage}
    if is_incomplete(finish):
        ended |= {"status": "incomplete", "incomplete_details": {"reason": _INCOMPLETE[finish]}}
    if service_tier is not None:
        ended["service_tier"] = _tier(service_tier)
    return ended


def _tier(name: str | None) -> str:
    """The service tier in this API's words; another provider's word for it says nothing here."""
    return name if name in _TIERS else "default"


def _instructions(asked: Conversation) -> str | None:
    first = asked.messages[0] if asked.messages else None
    if first is None or first.role is not Role.SYSTEM or first.path != "instructions":
        return None
    return "".join(part.text for part in first.parts if isinstance(part, Text))

"""How much the model shall think, both ways: `thinking` and `output_config.effort`."""

from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.anthropic_messages.fields import Fields
from gateway.dialects.anthropic_messages.thoughts import own_thought
from gateway.dialects.conversation import (
    Conversation,
    OtherField,
    Reasoning,
    ReasoningAsked,
    Role,
    Sampling,
    ToolResult,
    ToolUse,
)
from gateway.dialects.dialect import Loss, bad_field

EFFORTS = ("low", "medium", "high", "xhigh", "max")
LEAST_BUDGET = 1024
# The least `top_p` that goes with thinking.
_LEAST_TOP_P = 0.95
_KINDS = ("enabled", "adaptive", "between_tools", "disabled")
_DISPLAYS = ("summarized", "omitted")


def read_reasoning(body: Fields, output: Fields | None, other: list[OtherField]) -> ReasoningAsked | None:
    """What is asked of thinking; None where nothing is. Raises InvalidRequest."""
    thinking = body.object("thinking")
    effort = None if output is None else output.choice("effort", EFFORTS)
    if thinking is None:
        return None if effort is None else ReasoningAsked(effort=effort, path="output_config.effort")
    kind = thinking.required_choice("type", _KINDS)
    budget = None
    if kind == "enabled":
        budget = thinking.whole("budget_tokens", LEAST_BUDGET)
        if budget is None:
            raise bad_field(thinking.at("budget_tokens"), _("this field is required"))
    display = thinking.choice("display", _DISPLAYS)
    other += thinking.others(("type", "budget_tokens", "display"))
    if kind == "between_tools":
        # It asks for less thinking than others can be told to do.
        other.append(OtherField(thinking.at("type"), kind, is_harmless=True))
    enabled = kind != "disabled"
    return ReasoningAsked(
        enabled=enabled,
        effort=effort,
        budget_tokens=budget,
        shown=None if display is None else display == "summarized",
        # Anthropic's thoughts always come so that they can be sent back.
        encrypted=enabled,
        path=thinking.path,
    )


def write_reasoning(
    asked: Conversation, most_tokens: int, losses: list[Loss]
) -> tuple[dict[str, Any] | None, str | None]:
    """The body's `thinking` and its effort.

    An effort asks the model to think as much as it finds good, so it turns thinking on. A budget is raised to the
    least that Anthropic takes, and kept below `most_tokens`. Thoughts within a budget cannot be had where a tool is
    forced, or where the turn that goes on began without one: they are left out then.
    """
    reasoning = asked.reasoning
    if reasoning is None:
        return None, None
    effort = _write_effort(reasoning, losses)
    if (
        reasoning.enabled is False
        or reasoning.budget_tokens == 0
        or (reasoning.effort == "none" and not reasoning.enabled)
    ):
        return {"type": "disabled"}, effort
    if not (reasoning.enabled or reasoning.effort or reasoning.budget_tokens):
        if reasoning.summary is not None or reasoning.shown:
            losses.append(Loss(reasoning.path, changes_meaning=False))
        return None, effort
    thinking: dict[str, Any] = {"type": "adaptive"}
    if reasoning.budget_tokens is not None and reasoning.budget_tokens > 0:
        budget = min(max(reasoning.budget_tokens, LEAST_BUDGET), most_tokens - 1)
        if budget < LEAST_BUDGET or _forbids_budget(asked):
            losses.append(Loss(reasoning.path, changes_meaning=False))
            return None, effort
        if budget != reasoning.budget_tokens:
            losses.append(Loss(reasoning.path, changes_meaning=False))
        thinking = {"type": "enabled", "budget_tokens": budget}
    if reasoning.shown is not None or reasoning.summary is not None:
        thinking["display"] = "omitted" if reasoning.shown is False else "summarized"
    return thinking, effort


def _write_effort(reasoning: ReasoningAsked, losses: list[Loss]) -> str | None:
    effort = reasoning.effort
    if effort in EFFORTS or effort in (None, "none"):
        return None if effort == "none" else effort
    # Less than "low" there is not; any other word is unknown there.
    losses.append(Loss(reasoning.path, changes_meaning=False))
    return "low" if effort == "minimal" else None


def _forbids_budget(asked: Conversation) -> bool:
    if asked.tool_choice is not None and asked.tool_choice.use is ToolUse.REQUIRED:
        return True
    answers = False
    for message in reversed(asked.messages):
        if message.role is Role.USER:
            answers = answers or any(isinstance(part, ToolResult) for part in message.parts)
        elif message.role is Role.ASSISTANT:
            first = next(iter(message.parts), None)
            thought_first = isinstance(first, Reasoning) and own_thought(first) is not None
            return answers and not thought_first
    return False


def write_sampling(sampling: Sampling, *, thinks: bool, losses: list[Loss]) -> dict[str, Any]:
    """How tokens are drawn. What does not go with thinking, or with one another, is left out.

    None of it changes what is asked, so it is never refused, but for a bias that bans or forces words. A temperature of
    1 is the most that there is: OpenAI's go to 2.
    """
    written: dict[str, Any] = {}

    def leave_out(name: str, *, changes_meaning: bool = False) -> None:
        losses.append(Loss(name, changes_meaning))

    temperature, top_p = sampling.temperature, sampling.top_p
    if temperature is not None:
        if thinks and temperature != 1:
            leave_out("temperature")
        else:
            written["temperature"] = min(temperature, 1)
            if temperature > 1:
                leave_out("temperature")
    if top_p is not None:
        # Newer models take one of the two. 1 asks for nothing.
        if (thinks and top_p < _LEAST_TOP_P) or ("temperature" in written and top_p != 1):
            leave_out("top_p")
        elif "temperature" not in written:
            written["top_p"] = top_p
    if sampling.top_k is not None:
        if thinks:
            leave_out("top_k")
        else:
            written["top_k"] = sampling.top_k
    if sampling.seed is not None:
        leave_out("seed")
    if sampling.presence_penalty:
        leave_out("presence_penalty")
    if sampling.frequency_penalty:
        leave_out("frequency_penalty")
    if sampling.logit_bias:
        leave_out("logit_bias", changes_meaning=True)
    return written

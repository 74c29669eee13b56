"""How a request wants to be answered: sampling, limits, thinking and the form of the answer. Read and written."""

from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    Conversation,
    OtherField,
    OutputFormat,
    ReasoningAsked,
    Sampling,
)
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.openai_chat.fields import (
    Json,
    flag_at,
    leftovers,
    number_at,
    object_at,
    one_of_at,
    required_object_at,
    required_text_at,
    text_at,
    whole_number_at,
    within,
)

MOST_TOKENS = 2**63 - 1
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high")
SUMMARIES = ("auto", "concise", "detailed")
MOST_TOP_LOGPROBS = 20
# A budget of thinking as an effort: the shares of a budget that OpenRouter's efforts stand for, of 16,384 tokens.
LOW_BUDGET, MEDIUM_BUDGET = 4096, 12_288
# Tiers that ask for nothing special need not be told, and not every server knows the field.
TIERS = ("flex", "priority", "scale", "fast")
PLAIN_TIERS = ("auto", "default", "standard_only")


def read_sampling(values: Json) -> Sampling:
    bias = object_at(values, "logit_bias")
    for token, value in (bias or {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise bad_field(within("logit_bias", token), _("expected a number"))
    top_k = whole_number_at(values, "top_k", -1, 2**31)
    return Sampling(
        temperature=number_at(values, "temperature", 0, 2),
        top_p=number_at(values, "top_p", 0, 1),
        # Servers take 0 or -1 for no limit.
        top_k=top_k if top_k and top_k > 0 else None,
        seed=whole_number_at(values, "seed", -(2**63), 2**63 - 1),
        presence_penalty=number_at(values, "presence_penalty", -2, 2),
        frequency_penalty=number_at(values, "frequency_penalty", -2, 2),
        logit_bias=bias or None,
    )


def read_output_tokens(values: Json) -> int | None:
    """The larger of the two limits, as on the path of the same dialect."""
    limits = (
        whole_number_at(values, name, 1, MOST_TOKENS) for name in ("max_tokens", "max_completion_tokens")
    )
    return max((limit for limit in limits if limit is not None), default=None)


def read_top_logprobs(values: Json) -> int | None:
    wanted = flag_at(values, "logprobs")
    most = whole_number_at(values, "top_logprobs", 0, MOST_TOP_LOGPROBS)
    if most and not wanted:
        raise bad_field("top_logprobs", _("needs logprobs to be true"))
    return (most or 0) if wanted else None


def read_stop(values: Json) -> tuple[str, ...]:
    stop = values.get("stop")
    if stop is None:
        return ()
    listed = stop if isinstance(stop, list) else [stop]
    for index, sequence in enumerate(listed):
        if not isinstance(sequence, str):
            raise bad_field(within("stop", index) if listed is stop else "stop", _("expected a string"))
    return tuple(sequence for sequence in listed if sequence)


def read_output_format(values: Json, other: list[OtherField]) -> OutputFormat | None:
    wanted = object_at(values, "response_format")
    if wanted is None:
        return None
    path = "response_format"
    kind = required_text_at(wanted, "type", path)
    if kind == "text":
        return None
    if kind == "json_object":
        other += leftovers(wanted, ("type",), path)
        return OutputFormat(path=path)
    if kind != "json_schema":
        # A grammar, as some servers have it: no other dialect knows what that is.
        other.append(OtherField(path, dict(wanted)))
        return None
    described, inner = required_object_at(wanted, kind, path), within(path, kind)
    other += leftovers(wanted, ("type", kind), path)
    other += leftovers(described, ("name", "description", "schema", "strict"), inner)
    return OutputFormat(
        schema=object_at(described, "schema", inner),
        name=required_text_at(described, "name", inner),
        description=text_at(described, "description", inner),
        strict=flag_at(described, "strict", inner),
        path=path,
    )


def read_reasoning(values: Json, other: list[OtherField]) -> ReasoningAsked | None:
    """`reasoning_effort`, our own `include_thoughts`, OpenRouter's `reasoning`, `thinking` as many servers have it."""
    asked = ReasoningAsked(shown=flag_at(values, "include_thoughts"))
    named = "reasoning_effort" if values.get("reasoning_effort") is not None else "include_thoughts"
    effort = one_of_at(values, "reasoning_effort", "", EFFORTS)
    if asked.shown is None:
        asked.shown = flag_at(values, "include_reasoning")
    if (reasoning := object_at(values, "reasoning")) is not None:
        named = "reasoning"
        effort = one_of_at(reasoning, "effort", named, EFFORTS) or effort
        asked.budget_tokens = whole_number_at(reasoning, "max_tokens", 0, MOST_TOKENS, named)
        asked.enabled = flag_at(reasoning, "enabled", named)
        asked.summary = one_of_at(reasoning, "summary", named, SUMMARIES)
        hidden = flag_at(reasoning, "exclude", named)
        asked.shown = asked.shown if hidden is None else not hidden
        other += leftovers(reasoning, ("effort", "max_tokens", "enabled", "summary", "exclude"), named)
    if (thinking := object_at(values, "thinking")) is not None:
        named = "thinking"
        kind = one_of_at(thinking, "type", named, ("enabled", "disabled", "adaptive", "auto"))
        asked.enabled = asked.enabled if kind is None else kind != "disabled"
        asked.budget_tokens = (
            whole_number_at(thinking, "budget_tokens", 0, MOST_TOKENS, named) or asked.budget_tokens
        )
        other += leftovers(thinking, ("type", "budget_tokens"), named)
    if effort == "none":
        asked.enabled, effort = False, None
    asked.effort = effort
    if asked == ReasoningAsked():
        return None
    asked.path = named
    return asked


def write_options(asked: Conversation, losses: list[Loss]) -> dict[str, Any]:
    """The fields of everything but messages and tools. `max_tokens` is the limit that most servers know."""
    sampling = asked.sampling
    values: dict[str, Any] = {
        "max_tokens": asked.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": dict(sampling.logit_bias) if sampling.logit_bias else None,
        "stop": list(asked.stop) or None,
        "n": asked.choices if asked.choices > 1 else None,
        "logprobs": None if asked.top_logprobs is None else True,
        "top_logprobs": asked.top_logprobs or None,
        "response_format": _write_output_format(asked.output_format),
        "reasoning_effort": _write_effort(asked.reasoning, losses),
        "verbosity": asked.verbosity,
        "user": asked.user,
        "service_tier": asked.service_tier if asked.service_tier in TIERS else None,
    }
    if sampling.temperature is not None and sampling.temperature > 2:
        values["temperature"] = None
        losses.append(Loss("temperature", changes_meaning=True))
    if sampling.top_k is not None:
        # OpenAI refuses it. It narrows what `temperature` and `top_p` leave, and asks for nothing else.
        losses.append(Loss("top_k", changes_meaning=False))
    if asked.metadata:
        # OpenAI takes it only with `store`, and others do not take it.
        losses.append(Loss("metadata", changes_meaning=False))
    if asked.service_tier is not None and asked.service_tier not in (*TIERS, *PLAIN_TIERS):
        losses.append(Loss("service_tier", changes_meaning=False))
    return {name: value for name, value in values.items() if value is not None}


def _write_output_format(wanted: OutputFormat | None) -> Mapping[str, Any] | None:
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    described: dict[str, Any] = {"name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.description is not None:
        described["description"] = wanted.description
    if wanted.strict is not None:
        described["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": described}


def _write_effort(asked: ReasoningAsked | None, losses: list[Loss]) -> str | None:
    """The effort in OpenAI's words, from a budget where there is one alone.

    How thoughts are summarised, shown or hidden is no matter of this dialect: `write_reply` hides what was not wanted.
    """
    if asked is None:
        return None
    if asked.enabled is False:
        return "none"
    if asked.effort is not None:
        return asked.effort
    if asked.budget_tokens is None:
        return None
    losses.append(Loss(asked.path, changes_meaning=False))
    if asked.budget_tokens <= LOW_BUDGET:
        return "low"
    return "medium" if asked.budget_tokens <= MEDIUM_BUDGET else "high"

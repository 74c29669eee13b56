"""A whole request: read from a caller's body, and written for an upstream."""

from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import Conversation, OtherField
from gateway.dialects.dialect import Loss, Written, bad_field, losses_of
from gateway.dialects.openai_chat.events import MOST_CHOICES
from gateway.dialects.openai_chat.fields import (
    Json,
    flag_at,
    leftovers,
    object_at,
    one_of_at,
    required_text_at,
    text_at,
    whole_number_at,
)
from gateway.dialects.openai_chat.messages import read_messages
from gateway.dialects.openai_chat.messages_out import write_messages
from gateway.dialects.openai_chat.options import (
    VERBOSITIES,
    read_output_format,
    read_output_tokens,
    read_reasoning,
    read_sampling,
    read_stop,
    read_top_logprobs,
    write_options,
)
from gateway.dialects.openai_chat.spelling import Spelling
from gateway.dialects.openai_chat.tool_definitions import read_tool_choice, read_tools, write_tools

MOST_METADATA = 16
# What the inner form has a place for, or what tells how an answer is sent and nothing of what it is.
KNOWN = frozenset(
    [
        "model",
        "messages",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "max_tokens",
        "max_completion_tokens",
        "reasoning_effort",
        "include_thoughts",
        "include_reasoning",
        "reasoning",
        "thinking",
        "verbosity",
        "n",
        "stop",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "user",
        "metadata",
        "service_tier",
        "stream",
        "stream_options",
    ]
)
# What tells how a request is kept, traced or found again, and changes no answer.
HARMLESS = frozenset(
    [
        "store",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "cache_control",
        "session_id",
        "trace",
        "usage",
        "request_id",
        "litellm_metadata",
        "litellm_call_id",
    ]
)
# Values of other fields that ask for nothing special.
PLAIN_VALUES = {
    "modalities": ["text"],
    "best_of": 1,
    "deferred": False,
    "enable_search": False,
    "n_cmpl": 1,
    "search_parameters": {"mode": "off"},
    "use_beam_search": False,
}


def read_request(values: Json) -> Conversation:
    """What a caller asks. Raises InvalidRequest that names the field and what was expected."""
    other: list[OtherField] = []
    object_at(values, "stream_options")
    user = text_at(values, "user", "")
    identifier = text_at(values, "safety_identifier", "")
    asked = Conversation(
        model=required_text_at(values, "model", ""),
        messages=read_messages(values, other),
        tools=read_tools(values, other),
        tool_choice=read_tool_choice(values),
        parallel_tool_calls=flag_at(values, "parallel_tool_calls"),
        output_format=read_output_format(values, other),
        reasoning=read_reasoning(values, other),
        verbosity=one_of_at(values, "verbosity", "", VERBOSITIES),
        max_output_tokens=read_output_tokens(values),
        stop=read_stop(values),
        sampling=read_sampling(values),
        choices=whole_number_at(values, "n", 1, MOST_CHOICES) or 1,
        top_logprobs=read_top_logprobs(values),
        stream=bool(flag_at(values, "stream")),
        user=user or identifier or None,
        service_tier=text_at(values, "service_tier", "") or None,
        metadata=_read_metadata(values),
        other=other,
    )
    known = KNOWN | {name for name, plain in PLAIN_VALUES.items() if values.get(name) == plain}
    if not user:
        known |= {"safety_identifier"}
    other += leftovers(values, known, "", HARMLESS)
    return asked


def _read_metadata(values: Json) -> dict[str, str]:
    metadata = object_at(values, "metadata") or {}
    if len(metadata) > MOST_METADATA:
        raise bad_field("metadata", _("at most %(count)s items"), count=MOST_METADATA)
    return {name: text for name in metadata if (text := text_at(metadata, name, "metadata")) is not None}


def write_request(asked: Conversation, spelling: Spelling | None = None) -> Written:
    """The body for an upstream, and what it could not be told.

    Usage is always asked for with a stream: it is what the call is charged by.
    """
    losses: list[Loss] = []
    spelling = spelling or Spelling()
    values: dict[str, Any] = {
        "model": asked.model,
        "messages": write_messages(asked.messages, losses, spelling),
        **write_tools(asked.tools, asked.tool_choice, losses, spelling),
        **write_options(asked, losses),
        "stream": asked.stream,
    }
    if asked.parallel_tool_calls is not None and "tools" in values:
        values["parallel_tool_calls"] = asked.parallel_tool_calls
    if asked.stream:
        values["stream_options"] = {"include_usage": True}
    return Written(values, losses + losses_of(asked.other))

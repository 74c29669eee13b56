"""A request of the Messages API, both ways.

Sources: the types of anthropic-sdk-python (`MessageCreateParams`, also the beta ones) and platform.claude.com/docs.
"""

import re
from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.anthropic_messages.blocks import BlockReader
from gateway.dialects.anthropic_messages.fields import Fields
from gateway.dialects.anthropic_messages.schemas import closed
from gateway.dialects.anthropic_messages.thinking import read_reasoning, write_reasoning, write_sampling
from gateway.dialects.anthropic_messages.tool_use import (
    called_tools,
    read_tool_choice,
    read_tools,
    write_tool_choice,
    write_tools,
)
from gateway.dialects.anthropic_messages.turns import Turns
from gateway.dialects.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    OtherField,
    OutputFormat,
    Part,
    Role,
    Sampling,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import Loss, Written, bad_field, losses_of

_MOST_MESSAGES = 100_000
_MOST_LISTED = 10_000
_READ_FIELDS = (
    "model",
    "messages",
    "max_tokens",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "metadata",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "service_tier",
    "stream",
    "cache_control",
)
# How long a conversation is kept whole, how fast or for whom it is answered, and what is noted of it: another provider
# keeps all of it, answers in its own time, and notes nothing. Every other field changes what is answered.
_HARMLESS_FIELDS = ("context_management", "speed", "diagnostics", "fallback_credit_token", "user_profile_id")
# Ours for each word of Anthropic's: `standard_only` is what OpenAI calls `default`.
SERVICE_TIERS = {"auto": "auto", "standard_only": "default"}

# What Anthropic refuses as the name of a user.
_MOST_OF_USER = 256
_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{7,}")


def read_request(values: Mapping[str, Any]) -> Conversation:
    """What a caller asks. Raises InvalidRequest that names the field."""
    body = Fields(values)
    blocks = BlockReader()
    output = body.object("output_config")
    messages = _read_messages(body, blocks)
    system = blocks.read_texts(body, "system")
    if system:
        messages.insert(0, Message(Role.SYSTEM, system, path="system"))
    if (ttl := blocks.cache_ttl(body)) is not None:
        _mark_last(messages, ttl)
    tool_choice, parallel = read_tool_choice(body)
    tools = read_tools(body, blocks)
    most_tokens = body.whole("max_tokens", 0)
    if most_tokens is None:
        raise bad_field("max_tokens", _("this field is required"))
    if most_tokens == 0:
        # Fills the cache and answers nothing.
        blocks.other.append(OtherField("max_tokens", 0))
    for other in body.others(_READ_FIELDS):
        other.is_harmless = other.path in _HARMLESS_FIELDS
        blocks.other.append(other)
    metadata = body.object("metadata")
    if metadata is not None:
        blocks.other += metadata.others(("user_id",), harmless=True)
    tier = body.choice("service_tier", SERVICE_TIERS)
    return Conversation(
        model=body.name("model"),
        messages=messages,
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=parallel,
        output_format=_read_format(body, output, blocks.other),
        reasoning=read_reasoning(body, output, blocks.other),
        max_output_tokens=most_tokens,
        stop=_read_stop(body),
        sampling=Sampling(body.share("temperature"), body.share("top_p"), body.whole("top_k", 0)),
        stream=body.flag("stream") or False,
        user=None if metadata is None else metadata.text("user_id"),
        service_tier=None if tier is None else SERVICE_TIERS[tier],
        other=blocks.other,
    )


def _read_messages(body: Fields, blocks: BlockReader) -> list[Message]:
    items = body.items("messages")
    if items is None:
        raise bad_field("messages", _("this field is required"))
    if not items:
        raise bad_field("messages", _("must not be empty"))
    if len(items) > _MOST_MESSAGES:
        raise bad_field("messages", _("expected at most %(most)s items"), most=_MOST_MESSAGES)
    messages = []
    for index, item in enumerate(items):
        message = Fields.of(item, f"messages.{index}")
        role = Role(message.required_choice("role", list(Role)))
        parts = (
            blocks.read_texts(message, "content")
            if role is Role.SYSTEM
            else blocks.read_content(message, role)
        )
        blocks.other += message.others(("role", "content"))
        if parts:
            messages.append(Message(role, parts, path=message.path))
        elif role is Role.USER or (role is Role.ASSISTANT and index < len(items) - 1):
            raise bad_field(message.at("content"), _("must not be empty"))
    if not any(message.role is not Role.SYSTEM for message in messages):
        raise bad_field("messages", _("expected a message of the user"))
    return messages


def _mark_last(messages: list[Message], ttl: str) -> None:
    """Mark the end of all that can be kept, which is what a mark of the whole request means."""
    parts: list[Part] = [part for message in messages for part in message.parts]
    for part in reversed(parts):
        if isinstance(part, Text | Image | Document | ToolCall | ToolResult):
            part.cache_ttl = part.cache_ttl or ttl
            return


def _read_format(body: Fields, output: Fields | None, other: list[OtherField]) -> OutputFormat | None:
    if output is not None:
        other += output.others(("effort", "format"))
    wanted = (output.object("format") if output is not None else None) or body.object("output_format")
    if wanted is None:
        return None
    wanted.required_choice("type", ("json_schema",))
    other += wanted.others(("type", "schema"))
    return OutputFormat(schema=wanted.required_object("schema").values, path=wanted.path)


def _read_stop(body: Fields) -> tuple[str, ...]:
    items = body.items("stop_sequences") or []
    if len(items) > _MOST_LISTED:
        raise bad_field("stop_sequences", _("expected at most %(most)s items"), most=_MOST_LISTED)
    for index, item in enumerate(items):
        if not isinstance(item, str):
            raise bad_field(f"stop_sequences.{index}", _("expected a string"))
        if not item.strip():
            raise bad_field(f"stop_sequences.{index}", _("must not be empty"))
    return tuple(items)


def write_request(asked: Conversation) -> Written:
    """The body to send to an upstream. `max_output_tokens` must be given: Anthropic demands it."""
    assert asked.max_output_tokens is not None
    losses = losses_of(asked.other)
    turns = Turns(losses)
    for message in asked.messages:
        turns.add(message)
    turns.finish()
    values: dict[str, Any] = {
        "model": asked.model,
        "max_tokens": asked.max_output_tokens,
        "messages": turns.messages,
    }
    if turns.system:
        values["system"] = turns.system
    tools = write_tools(asked, losses)
    values |= write_tool_choice(asked, tools, losses)
    if tools:
        values["tools"] = tools
    elif called := called_tools(turns.messages):
        values |= {"tools": called, "tool_choice": {"type": "none"}}
    thinking, effort = write_reasoning(asked, asked.max_output_tokens, losses)
    if thinking is not None:
        values["thinking"] = thinking
    output = {} if effort is None else {"effort": effort}
    if output := output | _write_format(asked.output_format, losses):
        values["output_config"] = output
    thinks = thinking is not None and thinking["type"] != "disabled"
    values |= write_sampling(asked.sampling, thinks=thinks, losses=losses)
    values |= _write_rest(asked, losses)
    if asked.stream:
        values["stream"] = True
    return Written(values, losses)


def _write_format(wanted: OutputFormat | None, losses: list[Loss]) -> dict[str, Any]:
    """The form of the answer. Its name is a label, and a schema is always kept strictly there."""
    if wanted is None:
        return {}
    if wanted.schema is None:
        # JSON of any form cannot be had.
        losses.append(Loss(wanted.path, changes_meaning=True))
        return {}
    if wanted.description is not None:
        losses.append(Loss(f"{wanted.path}.description", changes_meaning=False))
    return {"format": {"type": "json_schema", "schema": closed(wanted.schema)}}


def _write_rest(asked: Conversation, losses: list[Loss]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    stop = [text for text in asked.stop if text.strip()]
    if stop:
        written["stop_sequences"] = stop
    if len(stop) < len(asked.stop):
        # Anthropic stops at no blanks: the answer would go on.
        losses.append(Loss("stop", changes_meaning=True))
    if asked.user is not None:
        if len(asked.user) <= _MOST_OF_USER and not _PERSONAL.fullmatch(asked.user):
            written["metadata"] = {"user_id": asked.user}
        else:
            losses.append(Loss("user", changes_meaning=False))
    if asked.service_tier in SERVICE_TIERS.values():
        written["service_tier"] = next(
            word for word, ours in SERVICE_TIERS.items() if ours == asked.service_tier
        )
    elif asked.service_tier is not None:
        losses.append(Loss("service_tier", changes_meaning=False))
    if asked.metadata:
        losses.append(Loss("metadata", changes_meaning=False))
    if asked.verbosity not in (None, "medium"):
        losses.append(Loss("verbosity", changes_meaning=False))
    if asked.choices > 1:
        losses.append(Loss("n", changes_meaning=True))
    if asked.top_logprobs is not None:
        losses.append(Loss("logprobs", changes_meaning=True))
    return written

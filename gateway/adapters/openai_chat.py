"""OpenAI's chat completions, as vLLM, Ollama, Google's compatibility layer and most servers speak it.

Pure translation: nothing here reads a socket or a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from aio_platform.errors import InvalidRequest
from gateway.adapters.chat_request import (
    TEMPLATE_TOKENS,
    TEMPLATE_TOKENS_PER_MESSAGE,
    ChatRequest,
    estimated_tokens,
)
from usage.units import Units

PATH = "/v1/chat/completions"
# An answer without a word is one all the same where the limit or a filter cut it: its tokens were used.
ENDED_EARLY = frozenset({"length", "content_filter"})
MAX_TOKENS = 10**15  # what the books can hold, whatever an upstream claims
# Ours alone; an OpenAI-compatible server need not know them.
OWN_FIELDS = ("input",)
# API in One's documented defaults, for routes whose upstream knows these fields (option `thoughts`).
THINKING_DEFAULTS = {"include_thoughts": True, "reasoning_effort": "high"}


class ChatRoute(Protocol):
    """What this adapter reads of a route."""

    @property
    def upstream_model(self) -> str: ...
    @property
    def max_output_tokens(self) -> int | None: ...
    @property
    def max_image_tokens(self) -> int: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


class MalformedAnswer(Exception):
    """The upstream's answer is not a chat completion, or holds nothing."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A complete answer: the OpenAI object, its units, and whether those are our guess."""

    values: dict[str, Any]
    units: Units
    estimated: bool


def ceiling(request: ChatRequest, route: ChatRoute) -> Units:
    """The most that this call can use.

    A token covers at least one byte, so the body's bytes bound the prompt's tokens; images count by the
    route's own bound instead of by their bytes. Raises InvalidRequest when more output is asked for than the
    route gives.
    """
    images, image_bytes = request.images()
    messages = len(request.values["messages"])
    tokens_in = (
        max(request.size_bytes - image_bytes, 0)
        + images * route.max_image_tokens
        + messages * TEMPLATE_TOKENS_PER_MESSAGE
        + TEMPLATE_TOKENS
    )
    request.held_output_tokens = _output_tokens(request, route)
    return Units(tokens_in=tokens_in, tokens_out=request.held_output_tokens * request.choices())


def _output_tokens(request: ChatRequest, route: ChatRoute) -> int:
    limit = route.max_output_tokens
    assert limit is not None, "a chat route has an output limit; the catalog checks it"
    asked = request.asked_output_tokens()
    if asked is None:
        return limit
    if asked > limit:
        field = "max_tokens" if request.values.get("max_tokens") == asked else "max_completion_tokens"
        raise InvalidRequest(f"{field}: this model gives at most {limit} output tokens.", param=field)
    return asked


def build(request: ChatRequest, route: ChatRoute) -> bytes:
    """The upstream's body: its own model name, an output limit always, usage always asked for."""
    body = {name: value for name, value in request.values.items() if name not in OWN_FIELDS}
    body["model"] = route.upstream_model
    held = request.held_output_tokens
    limits = [limit for limit in (held, route.max_output_tokens) if limit is not None]
    if request.asked_output_tokens() is None:
        body["max_tokens"] = min(limits)
    elif not body.get("max_tokens") and not route.options.get("completion_tokens_only"):
        # Many servers know this name alone, and would answer without a limit.
        body["max_tokens"] = body["max_completion_tokens"]
    if request.thinks_by_default and route.options.get("thoughts"):
        for name, value in THINKING_DEFAULTS.items():
            if body.get(name) is None:
                body[name] = value
    body["stream"] = request.stream
    if request.stream:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    return orjson.dumps(body)


def read_answer(body: bytes, request: ChatRequest) -> ChatAnswer:
    """Read a complete answer. Raises MalformedAnswer when it is no chat completion or says nothing."""
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedAnswer("not JSON") from None
    if not isinstance(values, dict) or values.pop("error", None):
        raise MalformedAnswer("an error in place of an answer")
    choices = values.get("choices")
    if not isinstance(choices, list) or not choices:
        raise MalformedAnswer("no choices")
    size = sum(_message_bytes(choice) for choice in choices)
    if size == 0 and not any(choice.get("finish_reason") in ENDED_EARLY for choice in choices):
        raise MalformedAnswer("empty choices")
    units = read_usage(values.get("usage"))
    if units is not None:
        return ChatAnswer(values, units, estimated=False)
    guessed = Units(tokens_in=request.estimated_prompt_tokens(), tokens_out=estimated_tokens(size))
    return ChatAnswer(values, guessed, estimated=True)


def read_usage(usage: object) -> Units | None:
    """Units of a usage object, or None where there is none that makes sense."""
    if not isinstance(usage, dict):
        return None
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(tokens_in) is not int or type(tokens_out) is not int or tokens_in < 0 or tokens_out < 0:
        return None
    return Units(tokens_in=min(tokens_in, MAX_TOKENS), tokens_out=min(tokens_out, MAX_TOKENS))


def answer_text(values: dict[str, Any]) -> str:
    """The first choice's text; an empty string where it only calls tools."""
    content = values["choices"][0]["message"].get("content")
    return content if isinstance(content, str) else ""


def _message_bytes(choice: object) -> int:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise MalformedAnswer("a choice without a message")
    return delta_bytes(choice["message"])


def delta_bytes(message: dict[str, Any]) -> int:
    """UTF-8 bytes of what a message or a delta says: text, reasoning, refusal and tool calls."""
    size = 0
    for name in ("content", "reasoning_content", "reasoning", "refusal"):
        text = message.get(name)
        if text and isinstance(text, str):
            size += len(text) if text.isascii() else len(text.encode())
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            size += len(str(function.get("name") or "").encode())
            size += len(str(function.get("arguments") or "").encode())
    return size

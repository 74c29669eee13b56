"""OpenAI's chat completions, as vLLM, Ollama, Google's compatibility layer and most servers speak it.

Pure translation: nothing here reads a socket or a table.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat.dialect_requests import dialect_of, named_by
from gateway.adapters.chat.openai_stream import ChatStream, counts_in
from gateway.adapters.chat.request import TEMPLATE_TOKENS, TEMPLATE_TOKENS_PER_MESSAGE, ChatRequest
from gateway.adapters.chat.weight import said_weight
from gateway.adapters.protocol import (
    AdapterRoute,
    EventAnswer,
    MalformedAnswer,
    Steps,
    UncountedAnswer,
    UpstreamCall,
)
from gateway.adapters.shared.files_in_texts import FilesSaid
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json
from usage.ledger.units import Units

SERVES = frozenset({"chat"})
PATH = "/v1/chat/completions"
# Images inside an answer take several megabytes each.
MAX_ANSWER_BYTES = 64_000_000
# An answer without a word is one all the same where the limit or a filter cut it: its tokens were used.
ENDED_EARLY = frozenset({"length", "content_filter"})
# Ours alone; an OpenAI-compatible server need not know them.
OWN_FIELDS = ("input",)
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens")
# API in One's documented defaults, for routes whose upstream knows these fields (option `thoughts`).
THINKING_DEFAULTS = {"include_thoughts": True, "reasoning_effort": "high"}


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A complete answer: the OpenAI object, what its text weighs, and what the upstream says it counted."""

    values: dict[str, Any]
    said_weight: int
    counts: Units | None

    def metered(self, request: ChatRequest) -> tuple[Units, bool]:
        """Its units, and whether those are our estimate."""
        return request.metered(self.counts, self.said_weight, self._files_said)

    def _files_said(self) -> int:
        files = FilesSaid()
        for choice in self.values["choices"]:
            files.take(choice["message"])
            files.goes_on = False
        return files.weight


def ceiling(request: ChatRequest, route: AdapterRoute) -> Units:
    """The most that this call can use.

    A token covers at least one byte, so the body's bytes bound the prompt's tokens, with those by which a model's
    template may indent its tools; images count by the route's own bound instead of by their bytes. More output than
    the route gives is cut to what it gives; where the route's option `refuse_excess_tokens` is set, raises
    InvalidRequest instead.
    """
    images, image_bytes = request.images()
    messages = len(request.values["messages"])
    tokens_in = (
        max(request.size_bytes - image_bytes, 0)
        + _indentation(request.values.get("tools"))
        + images * route.max_image_tokens
        + messages * TEMPLATE_TOKENS_PER_MESSAGE
        + TEMPLATE_TOKENS
    )
    return Units(tokens_in=tokens_in, tokens_out=_output_tokens(request, route) * request.choices())


def steps(request: ChatRequest, route: AdapterRoute) -> Steps:
    """One call: a completion, or its events as they come."""
    body = build(request, route)
    # The body asks for events; the Accept header is left as the route's upstream is always sent it.
    if request.stream:
        yield UpstreamCall(PATH, body=body, accept=None, streamed=True)
        return EventAnswer(ChatStream(request, route.model, route.upstream_model))
    received = yield UpstreamCall(PATH, body=body, accept=None, max_answer_bytes=MAX_ANSWER_BYTES)
    answer = read_answer(received.body)
    answer.values["model"] = route.model
    return UncountedAnswer(answer.values, partial(answer.metered, request))


def has_completions(route: AdapterRoute) -> bool:
    """Whether the server has /v1/completions too, so that legacy completions go there as they came."""
    return bool(route.options.get("completions"))


def _indentation(tools: object) -> int:
    """The most tokens that templates add to tools which they write with four blanks a level, as Llama's do.

    That is twice the blanks that are counted here, but a tokenizer in use takes many of them at once.
    """
    if not tools:
        return 0
    return len(orjson.dumps(tools, option=orjson.OPT_INDENT_2)) - len(orjson.dumps(tools))


def _output_tokens(request: ChatRequest, route: AdapterRoute) -> int:
    limit = route.max_output_tokens
    assert limit is not None, "a chat route has an output limit; the catalog checks it"
    asked = request.asked_output_tokens()
    if asked is None:
        return limit
    if asked > limit and route.options.get("refuse_excess_tokens"):
        field = "max_tokens" if request.values.get("max_tokens") == asked else "max_completion_tokens"
        raise InvalidRequest(
            _("%(param)s: this model gives at most %(limit)s output tokens."),
            param=named_by(field, dialect_of(request).name),
            limit=limit,
        )
    return min(asked, limit)


def build(request: ChatRequest, route: AdapterRoute) -> bytes:
    """The upstream's body: its own model name, an output limit always, usage always asked for."""
    request.prompt_may_be_cut = bool(route.options.get("truncate"))
    # Null is a field's default; a server that knows the field may not know that.
    body = {
        name: value for name, value in request.values.items() if value is not None and name not in OWN_FIELDS
    }
    body["model"] = route.upstream_model
    most = request.output_limit(route)
    if most is not None:
        for name in OUTPUT_LIMITS:
            if body.get(name) and body[name] > most:
                body[name] = most
    if request.asked_output_tokens() is None:
        body["max_tokens"] = most
    elif not body.get("max_tokens"):
        # Many servers know this name alone, and would answer without a limit.
        body["max_tokens"] = body["max_completion_tokens"]
    if route.options.get("completion_tokens_only"):
        # OpenAI's reasoning models refuse the older name.
        limit = body.pop("max_tokens")
        body["max_completion_tokens"] = body.get("max_completion_tokens") or limit
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


def read_answer(body: bytes) -> ChatAnswer:
    """Read a complete answer. Raises MalformedAnswer when it is no chat completion, or neither says nor ends anything.

    A choice that ends with empty text is an answer: its prompt was read, and the official clients take it as one.
    """
    try:
        values = read_json(body, half_characters=True)
    except UnreadableJson as error:
        raise MalformedAnswer(str(error)) from None
    if not isinstance(values, dict) or values.pop("error", None):
        raise MalformedAnswer("an error in place of an answer")
    choices = values.get("choices")
    if not isinstance(choices, list) or not choices:
        raise MalformedAnswer("no choices")
    weight = sum(_message_weight(choice) for choice in choices)
    if weight == 0 and not any(map(_is_ended, choices)):
        raise MalformedAnswer("empty choices")
    return ChatAnswer(values, weight, counts_in(values))


def _message_weight(choice: object) -> int:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise MalformedAnswer("a choice without a message")
    return said_weight(choice["message"])


def _is_ended(choice: dict[str, Any]) -> bool:
    """Whether a choice without a word has ended as one: with empty text, or cut by a limit or a filter."""
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not reason:
        return False
    return reason in ENDED_EARLY or choice["message"].get("content") == ""

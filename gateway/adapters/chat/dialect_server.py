"""Chat with a server of any dialect but OpenAI's chat, whatever dialect the caller speaks.

Where both speak the same, the body passes as it came, but for the model, the output limit and whether it streams.
Otherwise what is asked is read into the inner form and written from it; what the server's dialect cannot be told is
refused where it changes the answer.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.dialect_requests import (
    conversation_of,
    dialect_of,
    left_out_of,
    passes_as_it_came,
    refuse_losses,
)
from gateway.adapters.chat.dialect_stream import DialectStream
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.weight import parts_weight
from gateway.adapters.chat.writing import heartbeat_in
from gateway.adapters.protocol import (
    AdapterRoute,
    EventAnswer,
    MalformedAnswer,
    Steps,
    UncountedAnswer,
    UpstreamCall,
)
from gateway.adapters.shared.json_splice import spliced, values_of
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json
from gateway.adapters.shared.usage_counts import units_of
from gateway.dialects.conversation import NativeTool
from gateway.dialects.dialect import AnswerContext, Dialect, UnreadableReply, Written
from gateway.dialects.reply import Reply
from usage.ledger.units import Units

# As of a whole chat answer: images inside take several megabytes each.
MAX_ANSWER_BYTES = openai_chat.MAX_ANSWER_BYTES
# Fields of ours that stand in the path of servers whose bodies do not name the model.
_IN_THE_PATH: Mapping[str, None] = {"model": None, "stream": None}


@dataclass(frozen=True, slots=True)
class DialectServer:
    """How servers of a dialect are asked: where, with which fields for what we set, and which headers.

    `path` is given the upstream's model and whether the answer is streamed. `limit_field` leads to the output limit
    in the body, `is_named` says whether the body names the model, `streamed_query` goes with what is streamed, and
    `fixed_fields` are what every body says, whatever the caller does. `tools_tokens` is the most that the server adds
    to a prompt that has tools, and `own_tool_tokens` the most for each tool that the dialect itself has.
    """

    dialect: Dialect
    path: Callable[[str, bool], str]
    limit_field: tuple[str, ...]
    is_named: bool = True
    streamed_query: tuple[tuple[str, str], ...] = ()
    fixed_fields: tuple[tuple[str, bytes], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    tools_tokens: int = 0
    own_tool_tokens: int = 0

    def left_out(self, request: ChatRequest, route: AdapterRoute) -> list[str]:
        """The fields of the request that the server was not told, which changes nothing of the answer."""
        if passes_as_it_came(request, self.dialect.name):
            assert request.came_as is not None, "only what came in the server's own dialect passes as it came"
            lacking = {*request.came_as.left_out, *dict(self.fixed_fields)}
            return [field.path for field in request.came_as.conversation.other if field.path in lacking]
        return left_out_of(self._written(request, route).losses, dialect_of(request).name)

    def ceiling(self, request: ChatRequest, route: AdapterRoute) -> Units:
        """The most that the call can use; as openai_chat's. Raises InvalidRequest for what cannot be asked here."""
        if not passes_as_it_came(request, self.dialect.name):
            refuse_losses(self._written(request, route).losses, dialect_of(request).name)
        units = openai_chat.ceiling(request, route)
        return units._replace(tokens_in=units.tokens_in + self._added_to_prompt(request))

    def steps(self, request: ChatRequest, route: AdapterRoute) -> Steps:
        """One call: an answer, or its events as they come."""
        caller = dialect_of(request)
        same = caller.name == self.dialect.name
        if passes_as_it_came(request, self.dialect.name):
            body = self._passed_on(request, route)
        else:
            body = orjson.dumps(self._written(request, route).values)
        path = self.path(route.upstream_model, request.stream)
        context = _context(request, route)
        headers = self.headers
        if same and request.came_as is not None:
            headers = tuple({**dict(headers), **dict(request.came_as.headers)}.items())
        if request.stream:
            query = dict(self.streamed_query)
            yield UpstreamCall(path, query=query, body=body, accept=None, streamed=True, headers=headers)
            stream = DialectStream(request, self.dialect, context)
            return EventAnswer(stream, heartbeat=heartbeat_in(caller.name), failed=stream.failed)
        received = yield UpstreamCall(
            path, body=body, accept=None, max_answer_bytes=MAX_ANSWER_BYTES, headers=headers
        )
        values, reply = self._read(received.body)
        if not any(choice.parts or choice.finish for choice in reply.choices):
            raise MalformedAnswer("an answer without a word")
        answer: Any
        if same:
            answer = _renamed(received.body, values, route.model)
        else:
            answer = caller.write_reply(reply, context)
        return UncountedAnswer(answer, lambda: _metered(request, reply))

    def _added_to_prompt(self, request: ChatRequest) -> int:
        """The most tokens of instructions that the server itself puts before tools."""
        if request.came_as is None:
            return self.tools_tokens if request.values.get("tools") else 0
        tools = request.came_as.conversation.tools
        own = sum(isinstance(tool, NativeTool) for tool in tools)
        return (self.tools_tokens if tools else 0) + own * self.own_tool_tokens

    def _written(self, request: ChatRequest, route: AdapterRoute) -> Written:
        asked = replace(
            conversation_of(request),
            model=route.upstream_model,
            max_output_tokens=_limit(request, route),
            stream=request.stream,
        )
        return self.dialect.write_request(asked)

    def _passed_on(self, request: ChatRequest, route: AdapterRoute) -> bytes:
        assert request.came_as is not None, "only OpenAI's chat comes in no dialect of its own"
        changes: dict[str, bytes | None] = dict(self.fixed_fields)
        # Where the path says both, a body that does too might say something else.
        changes |= {"model": orjson.dumps(route.upstream_model)} if self.is_named else _IN_THE_PATH
        limit = orjson.dumps(_limit(request, route))
        changes |= _with_limit(request.came_as.body, self.limit_field, limit)
        return spliced(request.came_as.body, changes)

    def _read(self, body: bytes) -> tuple[Any, Reply]:
        try:
            values = read_json(body, half_characters=True)
            return values, self.dialect.read_reply(values)
        except (UnreadableJson, UnreadableReply) as error:
            raise MalformedAnswer(str(error)) from None


def _with_limit(body: bytes, path: tuple[str, ...], limit: bytes) -> dict[str, bytes | None]:
    """The changes of a body that set its output limit, and nothing else in the object that holds it."""
    field, *inner = path
    if not inner:
        return {field: limit}
    name, other_name, settings = _field_in(body, field)
    inner_name, inner_other_name, _value = _field_in(settings or b"{}", inner[0])
    set_limit = spliced(settings or b"{}", {inner_name: limit, inner_other_name: None})
    return {name: set_limit, other_name: None}


def _field_in(body: bytes, name: str) -> tuple[str, str, bytes | None]:
    """A field's name as it stands in the body, its other spelling, and its value's text, None for null.

    Google's APIs take snake_case too; what holds a value in both was refused.
    """
    snake = re.sub(r"[A-Z]", lambda found: f"_{found.group().lower()}", name)
    texts = {each: text for each, text in values_of(body, (name, snake)).items() if text != b"null"}
    return (snake, name, texts[snake]) if snake in texts else (name, snake, texts.get(name))


def _limit(request: ChatRequest, route: AdapterRoute) -> int:
    """The output tokens to ask for: what the caller wants, no more than is held or the route gives."""
    most = request.output_limit(route)
    assert most is not None, "a chat route has an output limit; the catalog checks it"
    asked = request.asked_output_tokens()
    return most if asked is None else min(asked, most)


def _context(request: ChatRequest, route: AdapterRoute) -> AnswerContext:
    if request.came_as is not None:
        return request.came_as.context(route.model)
    return AnswerContext(route.model, conversation_of(request), "", int(time.time()), request.include_usage)


def _renamed(body: bytes, values: Any, model: str) -> bytes:
    """An answer of the caller's own dialect, with the model's name as the caller knows it."""
    name = "modelVersion" if "modelVersion" in values else "model"
    return spliced(body, {name: orjson.dumps(model)})


def _metered(request: ChatRequest, reply: Reply) -> tuple[Units, bool]:
    said = sum(parts_weight(choice.parts) for choice in reply.choices)
    return request.metered(None if reply.counts is None else units_of(reply.counts), said)

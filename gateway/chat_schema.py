"""The chat endpoints in OpenAPI: made from the same contracts that validate their bodies."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from gateway.contracts.chat import ChatCompletionBody, LlmChatBody, TextChatBody
from gateway.contracts.parsing import RequestContract
from gateway.field_descriptions import with_descriptions

_USAGE = {
    "type": "object",
    "properties": {
        name: {"type": "integer"} for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    },
}
_COMPLETION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string"},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "object"}},
        "usage": _USAGE,
    },
    "required": ["choices"],
}


def body_of(contract: type[RequestContract]) -> dict[str, Any]:
    """The contract's JSON schema, references resolved in place, as drf-spectacular takes it."""
    schema = contract.model_json_schema()
    definitions = schema.pop("$defs", {})
    resolved: dict[str, Any] = _resolve(schema, definitions)
    resolved["properties"] = with_descriptions(contract.__name__, resolved["properties"])
    return {"application/json": resolved}


def _resolve(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            return _resolve(definitions[node["$ref"].rpartition("/")[2]], definitions)
        return {name: _resolve(inner, definitions) for name, inner in node.items()}
    if isinstance(node, list):
        return [_resolve(inner, definitions) for inner in node]
    return node


def _answer(schema: dict[str, Any], *, streams: bool) -> dict[Any, Any]:
    answers: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(schema, description="The answer")}
    if streams:
        # Of each event, as OpenAPI tools read it.
        event = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
        answers[(200, "text/event-stream")] = OpenApiResponse(
            event, description="Server-sent events; the last data chunk has `credits_consumed`"
        )
    return answers


def _with(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {**_COMPLETION, "properties": {**_COMPLETION["properties"], name: schema}}


_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
OPENAI: dict[str, Any] = {
    "operation_id": "openai_chat_completions",
    "summary": "Chat completion, as OpenAI's",
    "request": body_of(ChatCompletionBody),
    "responses": _answer(_COMPLETION, streams=True),
}
API_IN_ONE: dict[str, Any] = {
    "operation_id": "chat_completions",
    "summary": "Chat completion; streams unless `stream` is false or only JSON is accepted",
    "request": body_of(ChatCompletionBody),
    "responses": _answer(_with("credits_consumed", {"type": "number"}), streams=True),
}
LLM: dict[str, Any] = {
    "operation_id": "llm_chat_completions",
    "summary": "Chat completion from `input` or `messages`",
    "request": body_of(LlmChatBody),
    "responses": _answer(_with("text", {"type": "string"}), streams=True),
}
TEXT: dict[str, Any] = {
    "operation_id": "chat",
    "summary": "Text from a prompt",
    "request": body_of(TextChatBody),
    "responses": _answer(_TEXT, streams=False),
}

"""The chat endpoints in OpenAPI: made from the same contracts that validate their bodies."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from gateway.contracts.chat import ChatCompletionBody, LlmChatBody, TextChatBody
from gateway.contracts.parsing import RequestContract
from gateway.openapi.field_descriptions import with_descriptions

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_MAYBE_STRING = {"type": ["string", "null"]}


def titled(title: str, *optional: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """An object's schema that becomes a component of that name; all properties are there but the optional ones."""
    required = [name for name in properties if name not in optional]
    schema: dict[str, Any] = {"type": "object", "title": title, "properties": properties}
    return schema | ({"required": required} if required else {})


def array_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an array of such values."""
    return {"type": "array", "items": schema}


_TOOL_CALL = titled(
    "ToolCall",
    id=_STRING,
    type=_STRING,
    function=titled("CalledFunction", name=_STRING, arguments=_STRING),
)
_MESSAGE = titled(
    "AssistantMessage",
    "content",
    "reasoning_content",
    "refusal",
    "tool_calls",
    role=_STRING,
    content=_MAYBE_STRING,
    reasoning_content=_MAYBE_STRING,
    refusal=_MAYBE_STRING,
    tool_calls=array_of(_TOOL_CALL),
)
_CHOICE = titled(
    "ChatChoice",
    "index",
    "finish_reason",
    index=_INTEGER,
    message=_MESSAGE,
    finish_reason=_MAYBE_STRING,
)
_USAGE = titled(
    "ChatUsage",
    prompt_tokens=_INTEGER,
    completion_tokens=_INTEGER,
    total_tokens=_INTEGER,
)


def _completion(title: str, **more: dict[str, Any]) -> dict[str, Any]:
    """A chat completion as upstreams give it: of most fields it is theirs to say whether they are there."""
    return titled(
        title,
        "id",
        "object",
        "created",
        "usage",
        "system_fingerprint",
        id=_STRING,
        object=_STRING,
        created=_INTEGER,
        model=_STRING,
        choices=array_of(_CHOICE),
        usage=_USAGE,
        system_fingerprint=_MAYBE_STRING,
        **more,
    )


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


def _llm_completion() -> dict[str, Any]:
    schema = _completion("TextChatCompletion", text=_STRING)
    schema["required"].remove("text")
    return schema


def _answer(schema: dict[str, Any], *, streams: bool) -> dict[Any, Any]:
    answers: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(schema, description="The answer")}
    if streams:
        # Of each event, as OpenAPI tools read it.
        event = titled("StreamEvent", data=_STRING)
        answers[(200, "text/event-stream")] = OpenApiResponse(
            event, description="Server-sent events; the last data chunk has `credits_consumed`"
        )
    return answers


OPENAI: dict[str, Any] = {
    "operation_id": "openai_create_chat_completion",
    "summary": "Chat completion, as OpenAI's",
    "request": body_of(ChatCompletionBody),
    "responses": _answer(_completion("ChatCompletion"), streams=True),
}
API_IN_ONE: dict[str, Any] = {
    "operation_id": "create_chat_completion",
    "summary": "Chat completion; streams unless `stream` is false or only JSON is accepted",
    "request": body_of(ChatCompletionBody),
    "responses": _answer(
        _completion("PricedChatCompletion", credits_consumed={"type": "number"}), streams=True
    ),
}
LLM: dict[str, Any] = {
    "operation_id": "create_llm_chat_completion",
    "summary": "Chat completion from `input` or `messages`",
    "request": body_of(LlmChatBody),
    # `text` is there where `input` was asked.
    "responses": _answer(_llm_completion(), streams=True),
}
TEXT: dict[str, Any] = {
    "operation_id": "generate_text",
    "summary": "Text from a prompt",
    "request": body_of(TextChatBody),
    "responses": _answer(titled("GeneratedText", text=_STRING), streams=False),
}

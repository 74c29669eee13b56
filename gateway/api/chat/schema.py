"""What the OpenAPI document says of chat: made from the same contracts that validate its bodies."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from gateway.api.chat.bodies import ChatCompletionBody, LlmChatBody, TextChatBody
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, array_of, json_body, titled

_TOOL_CALL = titled(
    "ToolCall",
    id=STRING,
    type=STRING,
    function=titled("CalledFunction", name=STRING, arguments=STRING),
)
_MESSAGE = titled(
    "AssistantMessage",
    "content",
    "reasoning_content",
    "refusal",
    "tool_calls",
    role=STRING,
    content=MAYBE_STRING,
    reasoning_content=MAYBE_STRING,
    refusal=MAYBE_STRING,
    tool_calls=array_of(_TOOL_CALL),
)
_CHOICE = titled(
    "ChatChoice",
    "index",
    "finish_reason",
    index=INTEGER,
    message=_MESSAGE,
    finish_reason=MAYBE_STRING,
)
_USAGE = titled(
    "ChatUsage",
    prompt_tokens=INTEGER,
    completion_tokens=INTEGER,
    total_tokens=INTEGER,
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
        id=STRING,
        object=STRING,
        created=INTEGER,
        model=STRING,
        choices=array_of(_CHOICE),
        usage=_USAGE,
        system_fingerprint=MAYBE_STRING,
        **more,
    )


def _llm_completion() -> dict[str, Any]:
    schema = _completion("TextChatCompletion", text=STRING)
    schema["required"].remove("text")
    return schema


def _answer(schema: dict[str, Any], *, streams: bool) -> dict[Any, Any]:
    answers: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(schema, description="The answer")}
    if streams:
        # Of each event, as OpenAPI tools read it.
        event = titled("StreamEvent", data=STRING)
        answers[(200, "text/event-stream")] = OpenApiResponse(
            event, description="Server-sent events; the last data chunk has `credits_consumed`"
        )
    return answers


OPENAI: dict[str, Any] = {
    "operation_id": "openai_create_chat_completion",
    "summary": "Chat completion, as OpenAI's",
    "request": json_body(ChatCompletionBody),
    "responses": _answer(_completion("ChatCompletion"), streams=True),
}
API_IN_ONE: dict[str, Any] = {
    "operation_id": "create_chat_completion",
    "summary": "Chat completion; streams unless `stream` is false or only JSON is accepted",
    "request": json_body(ChatCompletionBody),
    "responses": _answer(
        _completion("PricedChatCompletion", credits_consumed={"type": "number"}), streams=True
    ),
}
LLM: dict[str, Any] = {
    "operation_id": "create_llm_chat_completion",
    "summary": "Chat completion from `input` or `messages`",
    "request": json_body(LlmChatBody),
    # `text` is there where `input` was asked.
    "responses": _answer(_llm_completion(), streams=True),
}
TEXT: dict[str, Any] = {
    "operation_id": "generate_text",
    "summary": "Text from a prompt",
    "request": json_body(TextChatBody),
    "responses": _answer(titled("GeneratedText", text=STRING), streams=False),
}

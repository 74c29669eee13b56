"""What the OpenAPI document says of Gemini's methods of chat."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from gateway.api.gemini.bodies import CountTokensBody, GenerateContentBody
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, array_of, json_body, titled

_PART = {"type": "object", "additionalProperties": True}
_CONTENT = titled("GeminiContent", "parts", "role", parts=array_of(_PART), role=STRING)
_CANDIDATE = titled(
    "GeminiCandidate",
    "content",
    "finishReason",
    "index",
    content=_CONTENT,
    finishReason=MAYBE_STRING,
    index=INTEGER,
)
_USAGE = titled(
    "GeminiUsage",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    promptTokenCount=INTEGER,
    candidatesTokenCount=INTEGER,
    thoughtsTokenCount=INTEGER,
    cachedContentTokenCount=INTEGER,
    totalTokenCount=INTEGER,
)
_RESPONSE = titled(
    "GenerateContentResponse",
    "candidates",
    "promptFeedback",
    "usageMetadata",
    "responseId",
    candidates=array_of(_CANDIDATE),
    promptFeedback={"type": "object", "additionalProperties": True},
    usageMetadata=_USAGE,
    modelVersion=STRING,
    responseId=STRING,
)

GENERATE: dict[str, Any] = {
    "operation_id": "gemini_generate_content",
    "summary": "An answer, as Gemini's",
    "request": json_body(GenerateContentBody),
    "responses": {(200, "application/json"): OpenApiResponse(_RESPONSE, description="The answer")},
}
STREAM: dict[str, Any] = {
    "operation_id": "gemini_generate_content_stream",
    "summary": "An answer as it is made, as Gemini's",
    "request": json_body(GenerateContentBody),
    "responses": {
        (200, "application/json"): OpenApiResponse(array_of(_RESPONSE), description="The answer in pieces"),
        (200, "text/event-stream"): OpenApiResponse(
            titled("GeminiEvent", data=STRING),
            description="With alt=sse: server-sent events, the last with `credits_consumed`",
        ),
    },
}
COUNT: dict[str, Any] = {
    "operation_id": "gemini_count_tokens",
    "summary": "How many tokens a prompt is, estimated; free of charge",
    "request": json_body(CountTokensBody),
    "responses": {
        (200, "application/json"): OpenApiResponse(
            titled("GeminiTokenCount", totalTokens=INTEGER), description="The answer"
        )
    },
}

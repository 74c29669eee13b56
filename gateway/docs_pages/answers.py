"""An example of an answer, made from its schema: every field is there, and there is no other."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.docs_pages.openapi import resolved
from gateway.schema_examples import KEY_ID, REQUEST_ID, TASK_ID

MOMENT = "2026-02-25T12:00:00Z"
_ASSISTANT = {
    "index": 0,
    "message": {"role": "assistant", "content": "Generated response text"},
    "finish_reason": "stop",
}
# What a schema cannot know: values that say more than "string".
NAMED: Mapping[str, Any] = {
    "task_id": TASK_ID,
    "request_id": REQUEST_ID,
    "key_id": KEY_ID,
    "key": "aio_Qm7fXc2pW9rT4vZ8kLb3Yn6sHd1gJ5e",
    "prefix": "aio_Qm7fXc2p",
    "last_four": "gJ5e",
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "model": "gemini",
    "choices": [_ASSISTANT],
    "text": "Generated response text",
    "embeddingVector": [0.012, -0.034],
    "embedding": [0.012, -0.034],
    "b64_json": "iVBORw0KGgoAAAANSUhEUgAA…",
    "response": ["https://cdn.example.com/generated-image.png"],
    "request": {"model": "flux-2", "prompt": "A serene Japanese garden with cherry blossoms"},
    "warnings": [],
    "error_message": None,
    "consumed_credits": 5,
    "credits_consumed": 2,
    "message": "success",
    "code": 200,
    "prompt_tokens": 12,
    "completion_tokens": 156,
    "total_tokens": 168,
    "created": 1772020800,
    "name": "production",
    "url": "https://example.com/hooks/aio",
    "email": "you@example.com",
    "currency": "credits",
    "segments": [],
    "words": [],
    "language": "en",
    "has_more": False,
    "next": None,
    "networks": None,
    "endpoints": ["chat"],
    "models": None,
    "timezone": "Asia/Seoul",
}

_COMPLETION = {"id": "chatcmpl_xyz", "object": "chat.completion"}
_RANKS = {"results": [{"index": 1, "relevance_score": 0.92}, {"index": 0, "relevance_score": 0.11}]}
BY_ADDRESS: Mapping[str, Mapping[str, Any]] = {
    "/v1/chat/completions": _COMPLETION,
    "/api/v1/chat/completions": _COMPLETION,
    "/llm/v1/chat/completions": _COMPLETION,
    "/v1/embeddings": {"object": "list", "model": "qwen3-embedding"},
    "/v1/rerank": {"id": "rerank_xyz", "model": "jina-reranker"},
    "/api/v1/keys": {"object": "api_key"},
}
# Where the schema leaves the answer to the model's server.
WHOLE: Mapping[tuple[str, str], Any] = {
    ("post", "/api/rerank"): _RANKS,
    ("post", "/api/stt"): {"text": "Text to read", "language": "en", "duration": 1.2, "segments": []},
    ("get", "/api/tts"): {"speakers": ["ryan", "vivian", "sohee"]},
    **{
        ("get", address): {
            "object": "list",
            "data": [
                {
                    "id": "gemini",
                    "object": "model",
                    "created": 1765929600,
                    "owned_by": "google",
                    "name": "Gemini 3 Flash",
                    "endpoints": ["chat", "vision"],
                    "aliases": ["gemini-3-flash"],
                }
            ],
        }
        for address in ("/v1/models", "/api/v1/models")
    },
}


def example_answer(method: str, address: str, schema: Mapping[str, Any]) -> str:
    """The example as indented JSON."""
    value = WHOLE.get((method, address))
    if value is None:
        value = value_of("", schema, {**NAMED, **BY_ADDRESS.get(address, {})})
    return json.dumps(value, indent=2, ensure_ascii=False)


def value_of(name: str, schema: Mapping[str, Any], named: Mapping[str, Any] = NAMED) -> Any:
    """A value that the schema allows; `named` are those of certain fields."""
    schema = resolved(schema)
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            if name in named:
                return named[name]
            return value_of(name, schema[alternatives][0], named)
    kinds = schema.get("type", "object")
    kind = next((each for each in kinds if each != "null"), "null") if isinstance(kinds, list) else kinds
    if "enum" in schema:
        return schema["enum"][0]
    if name in named and kind_fits(named[name], kinds):
        return named[name]
    if kind == "object":
        return {inner: value_of(inner, each, named) for inner, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [value_of(name, schema.get("items", {}), named)]
    if schema.get("format") == "date-time":
        return MOMENT
    return {"string": name or "…", "integer": 1, "number": 0.5, "boolean": True}.get(kind)


def kind_fits(value: Any, kinds: str | list[str]) -> bool:
    """Whether a JSON value is of one of the schema's types."""
    of_value = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    name = "null" if value is None else of_value[type(value)]
    allowed = kinds if isinstance(kinds, list) else [kinds]
    return name in allowed or (name == "integer" and "number" in allowed)

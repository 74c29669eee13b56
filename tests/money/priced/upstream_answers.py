"""One short answer with any counts, as each upstream protocol writes it on the wire, whole or as events."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from money.priced.truths import Truth

TEXT = "Hello there"


def whole(adapter: str, truth: Truth) -> bytes:
    """The raw HTTP of a whole answer."""
    body = json.dumps(_WHOLE[adapter](truth)).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


def streamed(adapter: str, truth: Truth) -> bytes:
    """The raw HTTP of the same as events."""
    body = b"".join(_EVENTS[adapter](truth))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def _event(values: Any, *, name: str = "") -> bytes:
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(values)}\n\n".encode()


def _chat_usage(truth: Truth) -> dict[str, Any]:
    """OpenAI's: cached tokens are in the prompt's count, reasoning is in the completion's."""
    return {
        "prompt_tokens": truth.prompt,
        "completion_tokens": truth.answer,
        "total_tokens": truth.prompt + truth.answer,
        "prompt_tokens_details": {
            "cached_tokens": truth.read,
            "audio_tokens": truth.heard,
            "cache_write_tokens": truth.written + truth.written_for_an_hour,
        },
        "completion_tokens_details": {"reasoning_tokens": truth.thought, "audio_tokens": truth.spoken},
        "cache_creation": {"ephemeral_1h_input_tokens": truth.written_for_an_hour},
    }


def _chat(truth: Truth) -> dict[str, Any]:
    message = {"role": "assistant", "content": TEXT}
    return {
        "id": "c", "object": "chat.completion", "created": 1, "model": "up", "usage": _chat_usage(truth),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip


def _chat_events(truth: Truth) -> Iterable[bytes]:
    def chunk(choices: list[Any], **more: Any) -> bytes:
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up"}
        return _event({**head, "choices": choices, **more})

    yield chunk([{"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}])
    yield chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    yield chunk([], usage=_chat_usage(truth))
    yield b"data: [DONE]\n\n"


def _response(truth: Truth) -> dict[str, Any]:
    text = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "r", "object": "response", "created_at": 1, "model": "up", "status": "completed", "output": [item],
        "usage": {
            "input_tokens": truth.prompt,
            "input_tokens_details": {
                "cached_tokens": truth.read,
                "cache_write_tokens": truth.written,
                "audio_tokens": truth.heard,
            },
            "output_tokens": truth.answer,
            "output_tokens_details": {"reasoning_tokens": truth.thought, "audio_tokens": truth.spoken},
            "total_tokens": truth.prompt + truth.answer,
        },
    }  # fmt: skip


def _response_events(truth: Truth) -> Iterable[bytes]:
    done = _response(truth)
    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    [item] = done["output"]
    [text] = item["content"]
    place = {"output_index": 0, "item_id": "m", "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": {**text, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": TEXT},
        {"type": "response.output_text.done", **place, "text": TEXT},
        {"type": "response.content_part.done", **place, "part": text},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    for number, event in enumerate(events):
        yield _event({**event, "sequence_number": number}, name=event["type"])


def _messages_usage(truth: Truth) -> dict[str, Any]:
    """Anthropic's: the input's count leaves out what was read from the cache and what was written there."""
    return {
        "input_tokens": truth.text,
        "cache_read_input_tokens": truth.read,
        "cache_creation_input_tokens": truth.written + truth.written_for_an_hour,
        "cache_creation": {
            "ephemeral_5m_input_tokens": truth.written,
            "ephemeral_1h_input_tokens": truth.written_for_an_hour,
        },
        "output_tokens": truth.answer,
        "output_tokens_details": {"thinking_tokens": truth.thought},
    }


def _message(truth: Truth) -> dict[str, Any]:
    return {
        "id": "m", "type": "message", "role": "assistant", "model": "up", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": TEXT}], "usage": _messages_usage(truth),
    }  # fmt: skip


def _message_events(truth: Truth) -> Iterable[bytes]:
    """The prompt's counts come first, and once more with the answer's, as Anthropic's newer streams have it."""
    usage = _messages_usage(truth)
    opening = _message(truth) | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": opening},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": ending,
            "usage": usage if truth.read % 2 else {"output_tokens": truth.answer, **_thought(truth)},
        },
        {"type": "message_stop"},
    ]
    for event in events:
        yield _event(event, name=event["type"])


def _thought(truth: Truth) -> dict[str, Any]:
    return {"output_tokens_details": {"thinking_tokens": truth.thought}}


def _gemini_usage(truth: Truth) -> dict[str, Any]:
    """Google's: cached tokens are in the prompt's count, thoughts are beside the candidates'."""
    usage = {
        "promptTokenCount": truth.prompt,
        "candidatesTokenCount": truth.said + truth.spoken,
        "totalTokenCount": truth.prompt + truth.answer,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": truth.text + truth.read},
            {"modality": "AUDIO", "tokenCount": truth.heard},
        ],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": truth.spoken}],
    }
    # Google leaves out what is none.
    parts = {"cachedContentTokenCount": truth.read, "thoughtsTokenCount": truth.thought}
    return usage | {name: count for name, count in parts.items() if count}


def _gemini(truth: Truth, *, text: str = TEXT, ends: bool = True) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
    if ends:
        candidate["finishReason"] = "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": _gemini_usage(truth),
        "modelVersion": "up",
        "responseId": "g",
    }


def _gemini_events(truth: Truth) -> Iterable[bytes]:
    yield _event(_gemini(truth, text=TEXT[:5], ends=False))
    yield _event(_gemini(truth, text=TEXT[5:]))


_WHOLE: dict[str, Callable[[Truth], dict[str, Any]]] = {
    "openai_chat": _chat,
    "openai_responses": _response,
    "anthropic_messages": _message,
    "gemini": _gemini,
}
_EVENTS: dict[str, Callable[[Truth], Iterable[bytes]]] = {
    "openai_chat": _chat_events,
    "openai_responses": _response_events,
    "anthropic_messages": _message_events,
    "gemini": _gemini_events,
}

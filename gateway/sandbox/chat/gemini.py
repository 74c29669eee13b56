"""Google's Gemini: the same answers as the chat's, in that dialect's own form, whole or in server-sent events."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import completions, prose, stream
from gateway.sandbox.chat.answer import Choice, Completion, ToolCall, nested
from gateway.sandbox.chat.gemini_request import as_chat, in_camel_case, inner, prompt_messages
from gateway.sandbox.magic import NO_MAGIC, Magic
from gateway.sandbox.wire import Answer, Call, Event, EventStream, Json, Reply, Route, Text, json_reply

FINISH_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}
MODELS_PATH = "/v1beta/models/{model:path}"


def routes() -> list[Route]:
    """Gemini's surface; the model and what is asked of it stand in the path."""
    return [
        Route("POST", MODELS_PATH + ":generateContent", generate, dialects.google),
        Route("POST", MODELS_PATH + ":streamGenerateContent", stream_generate, dialects.google),
        Route("POST", MODELS_PATH + ":countTokens", count_tokens, dialects.google),
    ]


def generate(call: Call) -> Answer:
    """Answer as one JSON document."""
    completion = completions.answer_for(as_chat(call.json(), call.params["model"]), call)
    candidates: list[Json] = []
    texts: list[Text] = []
    for index, choice in enumerate(completion.choices):
        said = list(_parts(choice))
        candidates.append(_candidate(index, [part for part, _ in said], FINISH_REASONS[choice.finish]))
        texts += [text for _, text in said]
    document = _response(completion, candidates) | _usage(completion)
    return Reply(_written(document, call.magic), text=_joined(texts))


def stream_generate(call: Call) -> Answer:
    """Answer in events with `alt=sse`; without it as one JSON array of the same responses, as Google does."""
    completion = completions.answer_for(as_chat(call.json(), call.params["model"]), call)
    responses = _responses(completion, call.magic)
    if call.query.get("alt") == "sse":
        return EventStream(
            Event(b"data: " + document + b"\n\n", text, is_done=text is None) for document, text in responses
        )
    told = list(responses)
    array = b"[" + b",".join(document for document, _ in told) + b"]"
    return Reply(array, text=_joined(text for _, text in told if text is not None))


def count_tokens(call: Call) -> Answer:
    """What the prompt would be counted as, given as contents or as a whole request."""
    body = in_camel_case(call.json())
    prompt = completions.read_prompt(prompt_messages(inner(body, "generateContentRequest") or body))
    return json_reply({"totalTokens": completions.prompt_tokens(prompt)})


def _responses(completion: Completion, magic: Magic) -> Iterator[tuple[bytes, Text | None]]:
    """The responses of a stream and what a caller reads in each; None of the last, which only ends and counts."""
    said = (
        (index, part, text)
        for index, choice in enumerate(completion.choices)
        for part, text in _pieces(choice, magic.integer("chunks", 0))
    )
    extras = magic
    for index, part, text in said:
        yield _written(_response(completion, [_candidate(index, [part])]), extras), text
        # Only the first response shows them.
        extras = NO_MAGIC
    ends = [
        _candidate(index, [{"text": ""}], FINISH_REASONS[choice.finish])
        for index, choice in enumerate(completion.choices)
    ]
    yield _written(_response(completion, ends) | _usage(completion), extras), None


def _response(completion: Completion, candidates: list[Json]) -> dict[str, Json]:
    return {
        "candidates": candidates,
        "modelVersion": completion.model,
        "responseId": completion.id.removeprefix("chatcmpl-"),
    }


def _candidate(index: int, parts: list[Json], finish: str | None = None) -> Json:
    candidate: dict[str, Json] = {"content": {"parts": parts, "role": "model"}, "index": index}
    if finish is not None:
        candidate["finishReason"] = finish
    return candidate


def _usage(completion: Completion) -> dict[str, Json]:
    """`usageMetadata`, where thoughts are counted beside the candidates' tokens; nothing where none is reported."""
    usage = completion.usage
    if usage is None:
        return {}
    details = usage.get("completion_tokens_details") or {}
    thoughts = min(details.get("reasoning_tokens", 0), usage["completion_tokens"])
    counted: dict[str, Json] = {
        "promptTokenCount": usage["prompt_tokens"],
        "candidatesTokenCount": usage["completion_tokens"] - thoughts,
        "totalTokenCount": usage["total_tokens"],
    }
    if thoughts:
        counted["thoughtsTokenCount"] = thoughts
    return {"usageMetadata": counted}


def _parts(choice: Choice) -> Iterator[tuple[Json, Text]]:
    """Thought, text and calls whole, in the order in which they are said, and what a caller reads in each."""
    if choice.reasoning:
        yield _thought(choice.reasoning)
    if choice.content:
        yield _text(choice.content)
    yield from _calls(choice)


def _pieces(choice: Choice, wanted: int) -> Iterator[tuple[Json, Text]]:
    """The same parts as a stream tells them: texts in pieces, the content in `wanted` ones; calls whole."""
    yield from map(_thought, stream.pieces(choice.reasoning, 0))
    yield from map(_text, stream.pieces(choice.content, wanted))
    yield from _calls(choice)


def _thought(text: str) -> tuple[Json, Text]:
    return {"text": text, "thought": True}, Text(reasoning=text)


def _text(text: str) -> tuple[Json, Text]:
    return {"text": text}, Text(content=text)


def _calls(choice: Choice) -> Iterator[tuple[Json, Text]]:
    for tool in choice.tools:
        try:
            arguments = orjson.loads(tool.arguments or "{}")
        except orjson.JSONDecodeError:
            # Cut at the token limit: Google spends the tokens and never shows half a call.
            continue
        called = {"id": tool.id.removeprefix("call_"), "name": tool.name, "args": arguments}
        part = {"functionCall": called, "thoughtSignature": _signature(tool)}
        yield part, Text(tool=tool.name + tool.arguments)


def _signature(tool: ToolCall) -> str:
    return base64.b64encode(prose.digest("signature", tool.id, tool.arguments)).decode("ascii")


def _joined(texts: Iterable[Text]) -> Text:
    reads = Text()
    for text in texts:
        reads.content += text.content
        reads.reasoning += text.reasoning
        reads.tool += text.tool
    return reads


def _written(document: dict[str, Json], magic: Magic) -> bytes:
    written = orjson.dumps(document)
    if "nested" not in magic:
        return written
    return written[:-1] + b',"nested":' + nested(magic) + b"}"

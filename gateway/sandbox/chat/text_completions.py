"""OpenAI's legacy completions: a prompt is answered as a chat of that one message would be."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import completions, prose, stream
from gateway.sandbox.chat.answer import CREATED, Choice
from gateway.sandbox.magic import Magic
from gateway.sandbox.wire import Answer, Call, Event, EventStream, Json, Refusal, Route, Text, json_reply

DEFAULT_MAX_TOKENS = 16
LOGPROB = -0.25


def routes() -> list[Route]:
    """The legacy surface."""
    return [Route("POST", "/v1/completions", complete, dialects.openai)]


def complete(call: Call) -> Answer:
    """Answer every prompt, `n` times, as JSON or as a stream."""
    body = call.json()
    if "messages" in body:
        raise Refusal(400, "messages belong to /v1/chat/completions")
    prompts = _prompts(body.get("prompt"))
    asked = {name: value for name, value in body.items() if name not in ("prompt", "logprobs")}
    asked["max_tokens"] = body.get("max_tokens") or DEFAULT_MAX_TOKENS
    choices: list[Choice] = []
    echoes: list[str] = []
    prompt, reads = completions.Prompt(), Text()
    for text in prompts:
        message = {"role": "user", "content": text}
        found = completions.answer_for({**asked, "messages": [message]}, call)
        choices += found.choices
        echoes += [text if body.get("echo") else ""] * len(found.choices)
        reads.content += found.reads.content
        prompt.bytes += completions.read_prompt([message]).bytes
    head: dict[str, Json] = {
        "id": f"cmpl-{prose.digest(call.body).hex()[:24]}",
        "object": "text_completion",
        "created": CREATED,
        "model": str(body.get("model") or "sbx-chat"),
    }
    usage = completions.usage_of(prompt, reads, call)
    with_logprobs = body.get("logprobs") is not None
    if body.get("stream"):
        options = body.get("stream_options") or {}
        told = usage if options.get("include_usage") else None
        return EventStream(_events(head, choices, echoes, told, with_logprobs, call.magic))
    document = head | {
        "choices": [
            _choice(index, echo + choice.content, choice.finish, with_logprobs)
            for index, (choice, echo) in enumerate(zip(choices, echoes, strict=True))
        ]
    }
    return json_reply(document | ({"usage": usage} if usage is not None else {}), text=reads)


def _prompts(given: Json) -> list[str]:
    prompts = [given] if isinstance(given, str) else given
    if not isinstance(prompts, list) or not prompts or not all(isinstance(each, str) for each in prompts):
        raise Refusal(400, "prompt must be a string or an array of strings")
    return prompts


def _events(
    head: dict[str, Json],
    choices: list[Choice],
    echoes: list[str],
    usage: dict[str, Json] | None,
    with_logprobs: bool,
    magic: Magic,
) -> Iterator[Event]:
    def event(chunk_choices: list[Json], text: Text | None = None, **more: Json) -> Event:
        return Event(b"data: " + orjson.dumps({**head, "choices": chunk_choices, **more}) + b"\n\n", text)

    for index, (choice, echo) in enumerate(zip(choices, echoes, strict=True)):
        if echo:
            yield event([_choice(index, echo, None, with_logprobs)])
        for piece in stream.pieces(choice.content, magic.integer("chunks", 0)):
            yield event([_choice(index, piece, None, with_logprobs)], Text(content=piece))
        yield event([_choice(index, "", choice.finish, False)])
    if usage is not None:
        yield event([], usage=usage)
    yield stream.DONE


def _choice(index: int, text: str, finish: str | None, with_logprobs: bool) -> dict[str, Json]:
    logprobs = _logprobs(text) if with_logprobs else None
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _logprobs(text: str) -> dict[str, Json]:
    """Each word's, always the same."""
    words = stream.pieces(text, 0)
    return {
        "tokens": words,
        "token_logprobs": [LOGPROB] * len(words),
        "top_logprobs": [{word: LOGPROB} for word in words],
        "text_offset": [sum(map(len, words[:place])) for place in range(len(words))],
    }

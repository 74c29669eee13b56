"""OpenAI's legacy completions, as vLLM and llama.cpp serve them beside chat: POST /v1/completions, text to text.

Sources: OpenAI's API reference, "Completions"; vLLM's docs, "OpenAI-compatible server"; llama.cpp's server README. An
answer is read as the chat answer that it would be, its texts as messages, so that it is counted alike.
"""

from functools import partial
from typing import Any

import orjson

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.openai_stream import ChatStream
from gateway.adapters.chat.text_choices import index_of, text_choice, text_completion, usage_of
from gateway.adapters.chat.text_request import TextCompletionRequest
from gateway.adapters.chat.text_stream import TextsAsDeltas, TextStream
from gateway.adapters.protocol import (
    AdapterRoute,
    EventAnswer,
    MalformedAnswer,
    Steps,
    UncountedAnswer,
    UpstreamCall,
)
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json, write_json
from usage.ledger.units import Units

PATH = "/v1/completions"


def ceiling(request: TextCompletionRequest, route: AdapterRoute) -> Units:
    """The most that all prompts can use, as of chats.

    Raises InvalidRequest for a stream in which prompts and answers could not be told apart.
    """
    if request.stream and _server_echoes(request):
        raise cannot_take("echo")
    return openai_chat.ceiling(request, route)


def steps(request: TextCompletionRequest, route: AdapterRoute) -> Steps:
    """One call, for all prompts: completions, or their events as they come."""
    request.prompt_may_be_cut = bool(route.options.get("truncate"))
    body = _body(request, route)
    if request.stream:
        yield UpstreamCall(PATH, body=body, accept=None, streamed=True)
        stream = TextsAsDeltas(ChatStream(request, route.model, route.upstream_model))
        return EventAnswer(TextStream(stream, request, route.model))
    received = yield UpstreamCall(PATH, body=body, accept=None, max_answer_bytes=openai_chat.MAX_ANSWER_BYTES)
    texts, as_chat = _read(received.body, request)
    answer = openai_chat.read_answer(as_chat)
    choices = [
        text_choice(index, text, told, len(request.echo_of(index)))
        for (index, text), told in zip(texts, answer.values["choices"], strict=True)
    ]
    values = text_completion(request, route.model, choices)
    usage = usage_of([answer.values])
    return UncountedAnswer(values | ({"usage": usage} if usage else {}), partial(answer.metered, request))


def cannot_take(param: str) -> InvalidRequest:
    """The refusal of a field that this model's server cannot be asked."""
    return InvalidRequest(
        _("%(param)s: the model's server has no way to take this. Leave it out, or name another model."),
        param=param,
        openai_code="unsupported_parameter",
    )


def _server_echoes(request: TextCompletionRequest) -> bool:
    """Whether the server repeats the prompt: only it knows the prompt's log probabilities. Else we do it."""
    return request.echoes and request.wants_logprobs


def _body(request: TextCompletionRequest, route: AdapterRoute) -> bytes:
    """What came, with the upstream's model, an output limit always, and usage always asked for."""
    body = {name: value for name, value in request.given.items() if name not in ("best_of", "echo")}
    most = request.output_limit(route)
    body["model"] = route.upstream_model
    body["max_tokens"] = body["max_tokens"] if most is None else min(body["max_tokens"], most)
    if _server_echoes(request):
        body["echo"] = True
    body["stream"] = request.stream
    if request.stream:
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    return orjson.dumps(body)


def _read(body: bytes, request: TextCompletionRequest) -> tuple[list[tuple[int, str]], bytes]:
    """Each choice's index and text as the caller gets it, and the answer with what was generated as messages.

    Raises MalformedAnswer for a choice without a text.
    """
    try:
        values = read_json(body, half_characters=True)
    except UnreadableJson as error:
        raise MalformedAnswer(str(error)) from None
    choices = values.get("choices") if isinstance(values, dict) else None
    texts = []
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        texts.append(_as_message(choice, place, request))
    return texts, write_json(values)


def _as_message(choice: Any, place: int, request: TextCompletionRequest) -> tuple[int, str]:
    text = choice.pop("text", None) if isinstance(choice, dict) else None
    if not isinstance(text, str):
        raise MalformedAnswer("a choice without a text")
    index = index_of(choice, place)
    echo = request.echo_of(index)
    generated = text.removeprefix(echo) if _server_echoes(request) else text
    choice["message"] = {"role": "assistant", "content": generated}
    return index, text if _server_echoes(request) else echo + text

"""Servers of other dialects than OpenAI's chat: what they are sent, what is held for it, and what they may answer."""

from typing import Any

import orjson
import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.chat import anthropic_messages, gemini, openai_responses
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import request_in
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import EventAnswer, EventStream, Received, UncountedAnswer
from gateway.adapters.shared.usage_counts import MOST_COUNTED
from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES
from gateway.dialects.anthropic_messages.thoughts import read_thinking, signature_of
from gateway.dialects.conversation import DialectName, Reasoning
from gateway.dialects.dialect import Dialect
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES
from gateway.dialects.reply import PartEnded, PartGrew, PartStarted
from tests.gateway.adapters.driving import Route, drive

USER = {"role": "user", "content": "Hi"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
MESSAGE = {"type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}


def asked(dialect: Dialect, body: bytes) -> ChatRequest:
    return request_in(CallerDialect(dialect, body, dialect.read_request(orjson.loads(body)), "id", 0))


def message(**more: Any) -> ChatRequest:
    values = {"model": "ours", "max_tokens": 9, "messages": [USER], **more}
    return asked(ANTHROPIC_MESSAGES, orjson.dumps(values))


def answered(answer: bytes) -> UncountedAnswer:
    told, _calls, _waits = drive(anthropic_messages, message(), Received("application/json", {}, answer))
    assert isinstance(told, UncountedAnswer)
    return told


@pytest.mark.parametrize("store", [b"", b',"store":true', b',"store":null', b',"store":false,"store":true'])
def test_responses_are_never_kept_by_their_server(store: bytes) -> None:
    request = asked(OPENAI_RESPONSES, b'{"model":"ours","input":"Hi"' + store + b"}")
    completed = orjson.dumps({"status": "completed", "output": []})
    _answer, [call], _waits = drive(openai_responses, request, Received("application/json", {}, completed))
    assert call.body is not None
    assert orjson.loads(call.body)["store"] is False
    assert openai_responses.left_out(request, Route()) == (["store"] if b"true" in store else [])


def test_of_a_field_that_stands_twice_a_server_is_sent_what_was_checked() -> None:
    body = b'{"model":"ours","tools":[{"type":"web_search"}],"input":"Hi","tools":[]}'
    completed = orjson.dumps({"status": "completed", "output": []})
    request = asked(OPENAI_RESPONSES, body)
    _answer, [call], _waits = drive(openai_responses, request, Received("application/json", {}, completed))
    assert call.body is not None
    assert b"web_search" not in call.body


@pytest.mark.parametrize("text", [b"aio.", b'\\"signature\\":\\"aio.'])
def test_a_text_that_begins_as_a_seal_does_passes_as_it_came(text: bytes) -> None:
    """It is no other provider's proof, so nothing is written anew."""
    body = b'{ "model":"ours" ,"max_tokens":9, "messages":[{"content": "' + text + b'", "role":"user" }]}'
    _answer, [call], _waits = drive(
        anthropic_messages,
        asked(ANTHROPIC_MESSAGES, body),
        Received("application/json", {}, orjson.dumps(MESSAGE)),
    )
    assert call.body is not None
    assert call.body.endswith(b', "messages":[{"content": "' + text + b'", "role":"user" }]}')


def test_what_a_server_says_before_tools_is_held_for() -> None:
    plain = anthropic_messages.ceiling(message(), Route()).tokens_in
    with_tool = anthropic_messages.ceiling(message(tools=[TOOL]), Route()).tokens_in
    own = anthropic_messages.ceiling(
        message(tools=[{"type": "bash_20250124", "name": "bash"}]), Route()
    ).tokens_in
    assert with_tool > plain + 1000
    assert own > plain + 2500


def test_an_image_that_a_model_showed_is_held_for() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}
    said = [USER, {"role": "assistant", "content": [image] * 3}, USER]
    request = message(messages=said)
    assert request.images()[0] == 3
    assert anthropic_messages.ceiling(request, Route()).tokens_in > 3 * Route().max_image_tokens


@pytest.mark.parametrize(
    ("dialect", "body", "param"),
    [
        (ANTHROPIC_MESSAGES, b'{"model":"m","max_tokens":999,"messages":[{"role":"user","content":"Hi"}]}',
         "max_tokens"),
        (OPENAI_RESPONSES, b'{"model":"ours","max_output_tokens":999,"input":"Hi"}', "max_output_tokens"),
    ],
)  # fmt: skip
def test_a_limit_that_is_refused_is_named_as_its_caller_does(
    dialect: Dialect, body: bytes, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        anthropic_messages.ceiling(asked(dialect, body), Route(options={"refuse_excess_tokens": True}))
    assert refused.value.param == param


def test_counts_that_no_book_can_hold_are_cut() -> None:
    run = {"type": "compaction", "input_tokens": 10**15, "output_tokens": 10**15}
    usage = {"input_tokens": 10**15, "output_tokens": 10**15, "iterations": [run] * 10_000}
    units, _estimated = answered(orjson.dumps({**MESSAGE, "usage": usage})).count()
    assert max(units) == MOST_COUNTED


def test_an_answer_that_only_tolerant_readers_take_is_passed_on() -> None:
    text = orjson.dumps(MESSAGE)[:-1] + b',"\\ud800":NaN,"model":"theirs"}'
    assert answered(text).values == text.replace(b"theirs", b"ours")


SAID: dict[Any, list[dict[str, Any]]] = {
    anthropic_messages: [
        {"type": "message_start", "message": {"model": "theirs"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
    openai_responses: [
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"},
        {"type": "response.completed", "response": {"model": "theirs", "output": []}},
    ],
    gemini: [
        {"modelVersion": "theirs", "candidates": [
            {"index": 0, "content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
    ],
}  # fmt: skip


def begun(server: Any, request: ChatRequest) -> EventStream:
    answer, _calls, _waits = drive(server, request, Received("text/event-stream", {}, b""))
    assert isinstance(answer, EventAnswer)
    return answer.events


@pytest.mark.parametrize("server", SAID, ids=lambda server: server.__name__.rpartition(".")[2])
def test_a_caller_of_openais_chat_is_streamed_openais_chunks(server: Any) -> None:
    values = {"model": "ours", "messages": [USER], "max_tokens": 9}
    stream = begun(server, ChatRequest(values, 100, stream=True, include_usage=False))
    sent = b"".join(stream.feed(b"data: " + orjson.dumps(event) + b"\n\n") for event in SAID[server])
    sent += stream.closing(1.5)
    *chunks, end = [event.removeprefix(b"data: ") for event in sent.strip().split(b"\n\n")]
    told = [orjson.loads(chunk) for chunk in chunks]
    assert end == b"[DONE]"
    assert {(chunk["object"], chunk["model"]) for chunk in told} == {("chat.completion.chunk", "ours")}
    said = [choice["delta"].get("content") or "" for chunk in told for choice in chunk["choices"]]
    assert ("".join(said), told[-1]["credits_consumed"]) == ("Hi", 1.5)


def test_half_a_character_in_a_models_name_breaks_no_stream() -> None:
    sent = begun(anthropic_messages, message(stream=True)).feed(
        b'data: {"type":"message_start","message":{"model":"\\ud800"}}\n\n'
    )
    assert orjson.loads(sent.removeprefix(b"data: "))["message"]["model"] == "ours"


def test_a_proof_with_half_a_character_comes_back_to_its_maker() -> None:
    thought = Reasoning("Hm", signature="\ud800", made_by=DialectName.GEMINI)
    assert read_thinking("Hm", signature_of(thought, is_summary=False)).signature == "\ud800"


def test_what_comes_of_a_part_that_has_ended_is_passed_over() -> None:
    came_as = message().came_as
    assert came_as is not None
    writer = ANTHROPIC_MESSAGES.event_writer(came_as.context("ours"))
    for event in (PartStarted(0, 0, Reasoning("Hm")), PartEnded(0, 0)):
        writer.write(event)
    assert writer.write(PartGrew(0, 0, "too late")) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=9hE5",
        "https://YouTu.be./9hE5",
        "https://generativelanguage.googleapis.com/v1beta/files/a",
        "https://storage.cloud.google.com/bucket/a.png",
    ],
)
def test_gemini_is_given_no_film_for_an_image_and_no_file_of_the_platforms(url: str) -> None:
    source = {"type": "url", "url": url}
    request = message(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}])
    with pytest.raises(InvalidRequest) as refused:
        gemini.ceiling(request, Route())
    assert refused.value.param == "messages.0.content.0"


def test_pings_after_its_end_neither_keep_a_stream_open_nor_are_kept() -> None:
    stream = begun(anthropic_messages, message(stream=True))
    for event in SAID[anthropic_messages][:-1]:
        stream.feed(b"data: " + orjson.dumps(event) + b"\n\n")
    chunks = stream.chunks
    for _number in range(1000):
        assert stream.feed(b'event: ping\ndata: {"type":"ping"}\n\n') == b""
    assert (stream.finished, stream.chunks) == (True, chunks)
    assert stream.closing(1.5).count(b"ping") <= 300


CONTENTS = b'{"contents":[{"parts":[{"text":"\\u0041"}]}]'
ANSWERED = b'{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}'


def sent_to_gemini(rest: bytes) -> bytes:
    body = CONTENTS + rest
    values = {**orjson.loads(body), "model": "ours", "stream": False}
    request = request_in(CallerDialect(GEMINI, body, GEMINI.read_request(values), "id", 0))
    _answer, [call], _waits = drive(gemini, request, Received("application/json", {}, ANSWERED))
    assert call.body is not None
    assert call.body.startswith(CONTENTS)
    return call.body.removeprefix(CONTENTS)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b"}", b',"generationConfig":{"maxOutputTokens":100}}'),
        (b',"a" : 1.0e2 }', b',"a" : 1.0e2 ,"generationConfig":{"maxOutputTokens":100}}'),
        (b',"generationConfig":null}', b',"generationConfig":{"maxOutputTokens":100}}'),
        (
            b',"generationConfig":{ "topP":1.0, "maxOutputTokens":"900"}}',
            b',"generationConfig":{ "topP":1.0, "maxOutputTokens":100}}',
        ),
        (b',"generation_config":{"max_output_tokens":7}}', b',"generation_config":{"max_output_tokens":7}}'),
        # What a server might take in place of what was checked goes.
        (
            b',"generationConfig":{"maxOutputTokens":900,"max_output_tokens":null}}',
            b',"generationConfig":{"maxOutputTokens":100}}',
        ),
        (
            b',"generation_config":{"max_output_tokens":900,"max_output_tokens":8},"generationConfig":null}',
            b',"generation_config":{"max_output_tokens":8,"max_output_tokens":8}}',
        ),
        (
            b',"generationConfig":{"maxOutputTokens":900},"generationConfig":{}}',
            b',"generationConfig":{"maxOutputTokens":100},"generationConfig":{"maxOutputTokens":100}}',
        ),
        (b',"model":"models/dearer","stream":true}', b',"generationConfig":{"maxOutputTokens":100}}'),
    ],
)
def test_of_a_body_for_gemini_the_limit_is_set_and_nothing_else_touched(body: bytes, sent: bytes) -> None:
    assert sent_to_gemini(body) == sent

"""What holds of every conversation and answer, drawn by Hypothesis."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from gateway.dialects.conversation import (
    Citation,
    Conversation,
    DialectName,
    Message,
    Part,
    Reasoning,
    ReasoningAsked,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolUse,
)
from gateway.dialects.dialect import AnswerContext, Event, UnreadableReply
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES
from gateway.dialects.reply import Finish, Gathering, Reply, ReplyEvent
from tests.gateway.dialects import conversations as drawn
from tests.gateway.dialects.openai_responses.putting_together import put_together

_HERE = DialectName.OPENAI_RESPONSES
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OWN_THOUGHTS = st.builds(
    Reasoning,
    text=st.just("") | drawn.WORDS,
    summary=st.lists(drawn.WORDS, max_size=2),
    encrypted=drawn.WORDS.map(lambda text: "gAAA" + text),
    item_id=drawn.NAMES.map(lambda name: "rs_" + name),
    made_by=st.just(_HERE),
)
OTHERS_THOUGHTS = st.builds(
    Reasoning,
    text=drawn.WORDS,
    signature=drawn.maybe(drawn.NAMES),
    encrypted=drawn.maybe(drawn.NAMES),
    made_by=st.just(DialectName.ANTHROPIC_MESSAGES),
)
CITED_TEXTS = st.builds(
    Text,
    text=drawn.WORDS,
    citations=st.lists(
        st.builds(
            lambda url, title: Citation(
                _HERE,
                {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 1},
                url=url,
                title=title or None,
                start=0,
                end=1,
            ),
            drawn.URLS,
            drawn.NAMES,
        ),
        max_size=2,
    ),
)
OWN_CALLS = st.builds(
    ToolCall,
    id=drawn.NAMES.map(lambda name: "call_" + name),
    name=drawn.NAMES,
    arguments=drawn.ARGUMENTS,
    namespace=drawn.maybe(drawn.NAMES),
    item_id=drawn.NAMES.map(lambda name: "fc_" + name),
)
CONVERSATIONS = drawn.conversations(
    user=[drawn.TEXTS, drawn.DETAILED_IMAGES, drawn.AUDIO_ASKED, drawn.PDFS],
    assistant=[drawn.TEXTS, drawn.REFUSALS, CITED_TEXTS, drawn.FREEFORM_CALLS, OWN_CALLS, OWN_THOUGHTS],
    results=[drawn.TEXTS, drawn.IMAGES, drawn.PDFS],
    tools=[drawn.FUNCTIONS, drawn.FREEFORM_TOOLS],
)
PARTS = (
    drawn.TEXTS,
    CITED_TEXTS,
    drawn.REFUSALS,
    drawn.TOOL_CALLS,
    OWN_CALLS,
    drawn.FREEFORM_CALLS,
    drawn.REASONING_ALOUD,
    OWN_THOUGHTS,
    OTHERS_THOUGHTS,
)


@given(asked=CONVERSATIONS)
def test_a_conversation_that_is_written_reads_back_as_it_was(asked: Conversation) -> None:
    asked.stop = ()
    written = OPENAI_RESPONSES.write_request(asked)
    assert not written.losses
    again = OPENAI_RESPONSES.read_request(json.loads(json.dumps(written.values)))
    assert again == _as_read(asked)


def _as_read(asked: Conversation) -> Conversation:
    """The conversation without what says the same as nothing here, and with what is always said."""
    choice, reasoning = asked.tool_choice, asked.reasoning
    return replace(
        asked,
        messages=[_message_as_read(message) for message in asked.messages],
        tools=[_tool_as_read(tool) for tool in asked.tools if isinstance(tool, Tool)],
        tool_choice=None if choice is not None and choice.use is ToolUse.AUTO else choice,
        parallel_tool_calls=asked.parallel_tool_calls and None,
        reasoning=None if reasoning is None else ReasoningAsked(effort=reasoning.effort),
    )


def _tool_as_read(tool: Tool) -> Tool:
    if tool.freeform:
        return tool
    parameters = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    return replace(tool, parameters=parameters, strict=bool(tool.strict))


def _message_as_read(message: Message) -> Message:
    return replace(message, parts=list(message.parts))


@given(body=_JSON)
def test_no_json_breaks_the_reading_of_a_request(body: Any) -> None:
    values = body if isinstance(body, dict) else {"model": "m", "input": body}
    assert _is_taken_or_refused(values)


def _is_taken_or_refused(values: dict[str, Any]) -> bool:
    """Whether the request is read, or an error names its field."""
    try:
        asked = OPENAI_RESPONSES.read_request(values)
        OPENAI_RESPONSES.write_request(asked)
    except InvalidRequest as error:
        return bool(error.param)
    return True


_FIELDS = (
    *("input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "stream"),
    *("stream_options", "temperature", "top_logprobs", "service_tier", "user", "background", "conversation"),
)
_ITEM_FIELDS = (
    *("type", "role", "content", "id", "call_id", "name", "arguments", "input", "output", "summary"),
    *("encrypted_content", "status", "caller", "namespace", "text", "image_url", "file_data", "input_audio"),
)
_WORDS = st.sampled_from(
    [
        "message",
        "function_call",
        "reasoning",
        "custom_tool_call_output",
        "user",
        "assistant",
        "input_image",
        "function",
    ]
)
_LIKELY = st.recursive(
    _JSON | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_ITEM_FIELDS), inner, max_size=5)
    ),
    max_leaves=10,
)


@given(fields=st.dictionaries(st.sampled_from(_FIELDS), _LIKELY), item=_LIKELY)
def test_no_value_of_a_known_field_breaks_the_reading_of_a_request(fields: dict[str, Any], item: Any) -> None:
    assert _is_taken_or_refused({"model": "m", "input": [item], **fields})


@given(body=_JSON, item=_LIKELY)
def test_no_json_breaks_the_reading_of_an_answer(body: Any, item: Any) -> None:
    for values in (body, {"output": body}, {"output": [item], "usage": body}):
        try:
            OPENAI_RESPONSES.read_reply(values)
        except UnreadableReply:
            pass


_EVENT_KINDS = (
    *("created", "in_progress", "completed", "incomplete", "failed", "output_item.added", "output_item.done"),
    *("content_part.added", "content_part.done", "output_text.delta", "output_text.done", "refusal.delta"),
    *("output_text.annotation.added", "function_call_arguments.delta", "function_call_arguments.done"),
    *("reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done"),
    *("reasoning_text.delta", "custom_tool_call_input.delta", "custom_tool_call_input.done", "unknown"),
)
_EVENT_FIELDS = {
    "output_index": st.integers(-1, 2) | _JSON,
    "content_index": st.integers(0, 2) | _JSON,
    "summary_index": st.integers(0, 2) | _JSON,
    "delta": st.text(max_size=4) | _JSON,
    "text": st.text(max_size=4) | _JSON,
    "item": _LIKELY
    | st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["message", "reasoning", "function_call", "custom_tool_call", "web_search_call"]
            )
        },
        optional={"id": drawn.NAMES, "content": _LIKELY, "summary": _LIKELY, "arguments": _JSON},
    ),
    "part": _LIKELY,
    "annotation": _LIKELY,
    "response": _LIKELY | st.fixed_dictionaries({"output": st.lists(_LIKELY, max_size=2)}),
}


@given(
    events=st.lists(
        st.tuples(st.sampled_from(_EVENT_KINDS), st.fixed_dictionaries({}, optional=_EVENT_FIELDS)),
        max_size=8,
    )
)
def test_no_event_breaks_the_reading_of_a_stream(events: list[tuple[str, dict[str, Any]]]) -> None:
    reader, gathering = OPENAI_RESPONSES.event_reader(), Gathering()
    for kind, fields in events:
        try:
            told = reader.read(Event("", {"type": f"response.{kind}", **fields}))
        except UnreadableReply:
            return
        for each in told:
            gathering.take(each)


@given(answer=drawn.replies_with_events(parts=PARTS))
def test_a_written_stream_reads_back_as_what_was_said(answer: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = answer
    sent = _streamed(events)
    put_together(sent)
    assert _told(_gathered(sent).reply) == _told(reply)


@given(answer=drawn.replies_with_events(parts=PARTS))
def test_the_last_event_of_a_stream_is_the_whole_answer(answer: tuple[Reply, list[ReplyEvent]]) -> None:
    sent = _streamed(answer[1])
    whole = OPENAI_RESPONSES.read_reply(sent[-1].values["response"])
    assert _gathered(sent).reply == whole


SIGNED = (
    st.builds(Text, text=drawn.WORDS, signature=drawn.maybe(drawn.NAMES)),
    st.builds(
        ToolCall,
        id=drawn.NAMES.map(lambda name: "call_" + name),
        name=drawn.NAMES,
        arguments=drawn.ARGUMENTS,
        signature=drawn.maybe(drawn.NAMES),
    ),
    OTHERS_THOUGHTS,
)


@given(answer=drawn.replies_with_events(parts=SIGNED, interleaved=False))
def test_signatures_of_others_come_back_on_the_parts_that_had_them(
    answer: tuple[Reply, list[ReplyEvent]],
) -> None:
    reply, events = answer
    sent = _streamed(events)
    whole = put_together(sent)
    assert _told(_gathered(sent).reply) == _told(reply)
    asked = OPENAI_RESPONSES.read_request({"model": "m", "input": whole["output"]})
    said = [
        replace(part, item_id=None) if isinstance(part, ToolCall) else part
        for part in asked.messages[0].parts
    ]
    assert said == reply.choices[0].parts


@given(
    answer=drawn.replies_with_events(
        parts=(drawn.REASONING_ALOUD, OTHERS_THOUGHTS, OWN_THOUGHTS, drawn.TEXTS)
    )
)
def test_thoughts_that_are_shown_as_summaries_come_back_as_thoughts(
    answer: tuple[Reply, list[ReplyEvent]],
) -> None:
    reply, events = answer
    asked = Conversation("m", [], reasoning=ReasoningAsked(summary="auto"))
    whole = put_together(_streamed(events, asked))
    for item in whole["output"]:
        assert item["type"] != "reasoning" or item["summary"] or not item.get("content")
    again = OPENAI_RESPONSES.read_request({"model": "m", "input": whole["output"]})
    others = [
        part
        for part in again.messages[0].parts
        if not isinstance(part, Reasoning) or part.made_by is not _HERE
    ]
    said = [
        part
        for part in reply.choices[0].parts
        if not isinstance(part, Reasoning) or part.made_by is not _HERE
    ]
    assert others == said


@given(reply=drawn.replies(parts=PARTS))
def test_a_whole_answer_reads_back_as_it_was(reply: Reply) -> None:
    again = OPENAI_RESPONSES.read_reply(OPENAI_RESPONSES.write_reply(reply, context()))
    assert _told(again) == _told(reply)


def context(asked: Conversation | None = None) -> AnswerContext:
    asked = asked or Conversation("shop/model", [Message(Role.USER, [Text("hi")])])
    return AnswerContext("shop/model", asked, "resp_ours", 1_700_000_000)


def _streamed(events: Iterable[ReplyEvent], asked: Conversation | None = None) -> list[Event]:
    writer = OPENAI_RESPONSES.event_writer(context(asked))
    sent = [each for event in events for each in writer.write(event)]
    sent += writer.closing({"credits_consumed": 1})
    return json_again(sent)


def json_again(events: list[Event]) -> list[Event]:
    return [Event(event.name, json.loads(json.dumps(event.values))) for event in events]


def _gathered(events: Iterable[Event]) -> Gathering:
    reader, gathering = OPENAI_RESPONSES.event_reader(), Gathering()
    for event in events:
        for each in reader.read(event):
            gathering.take(each)
    return gathering


def _told(reply: Reply) -> Any:
    """What an answer says: without its id and model, which are the caller's, and without ids that are made here."""
    choice = reply.choices[0]
    parts = [_without_made_up(part) for part in choice.parts]
    finish = Finish.STOP if choice.finish is Finish.REFUSAL else choice.finish
    return parts, finish, reply.counts, reply.created_s


def _without_made_up(part: Part) -> Part:
    if isinstance(part, ToolCall) and "_ours_" in (part.item_id or ""):
        return replace(part, item_id=None)
    if isinstance(part, Reasoning) and part.made_by is _HERE and "_ours_" in (part.item_id or ""):
        return replace(part, item_id=None, made_by=None)
    return part

"""Streams of the Messages API are read to their whole, and written in the grammar that Anthropic's clients assert."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES
from gateway.dialects.conversation import (
    Citation,
    Conversation,
    DialectName,
    Image,
    Native,
    Part,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Source,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, Event, UnreadableReply
from gateway.dialects.reply import (
    Choice,
    Counted,
    Failed,
    Finish,
    Finished,
    Gathering,
    PartEnded,
    PartGrew,
    PartStarted,
    Reply,
    ReplyEvent,
    Started,
    StreamEnded,
    TokenCounts,
)
from tests.gateway.dialects.anthropic_messages.snapshot import snapshot_of
from tests.gateway.dialects.anthropic_messages.test_reply import FOREIGN_THOUGHTS, NATIVES, REDACTED, SIGNED
from tests.gateway.dialects.conversations import (
    AUDIO_ANSWERED,
    FREEFORM_CALLS,
    IMAGES,
    REASONING_ALOUD,
    REFUSALS,
    TEXTS,
    TOOL_CALLS,
    replies_with_events,
)

HERE = DialectName.ANTHROPIC_MESSAGES
CONTEXT = AnswerContext("ours", Conversation("ours", []), "msg_ours", 1)
STARTED = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-opus-4-8",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 472,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 100,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 2,
            "service_tier": "standard",
        },
    },
}
STOPPED = {"type": "message_stop"}


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str | None = "end_turn", *, usage: Any = None, **fields: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None, **fields},
        "usage": {"output_tokens": 89} if usage is None else usage,
    }


def read(*values: Any) -> list[ReplyEvent]:
    reader = ANTHROPIC_MESSAGES.event_reader()
    return [told for each in values for told in reader.read(Event(each.get("type", ""), each))]


def gathered(events: Iterable[ReplyEvent]) -> Reply:
    gathering = Gathering()
    for event in events:
        gathering.take(event)
    return gathering.reply


def parts_of(*values: Any) -> list[Part]:
    return gathered(read(STARTED, *values, ended(), STOPPED)).choices[0].parts


def written(events: Iterable[ReplyEvent], context: AnswerContext = CONTEXT, **extra: Any) -> list[Event]:
    writer = ANTHROPIC_MESSAGES.event_writer(context)
    return [told for event in events for told in writer.write(event)] + writer.closing(extra)


# What is read


def test_a_stream_with_tools_is_read_event_by_event() -> None:
    """As in Anthropic's documentation, with the ping after the first block has begun."""
    events = read(
        STARTED,
        start(0, type="text", text=""),
        {"type": "ping"},
        delta(0, "text_delta", text="Okay"),
        delta(0, "text_delta", text=", let's check"),
        stop(0),
        start(1, type="tool_use", id="toolu_1", name="get_weather", input={}),
        delta(1, "input_json_delta", partial_json=""),
        delta(1, "input_json_delta", partial_json='{"location": "San'),
        delta(1, "input_json_delta", partial_json=' Francisco"}'),
        stop(1),
        ended("tool_use"),
        STOPPED,
    )
    at_start = TokenCounts(472, 100, 10, 20, 2)
    assert events == [
        Started("msg_1", "claude-opus-4-8", counts=at_start),
        PartStarted(0, 0, Text("")),
        PartGrew(0, 0, "Okay"),
        PartGrew(0, 0, ", let's check"),
        PartEnded(0, 0),
        PartStarted(0, 1, ToolCall("toolu_1", "get_weather", "")),
        PartGrew(0, 1, '{"location": "San'),
        PartGrew(0, 1, ' Francisco"}'),
        PartEnded(0, 1),
        Finished(0, Finish.TOOL_CALLS),
        Counted(at_start._replace(out=89)),
        StreamEnded(),
    ]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (
            [
                start(0, type="thinking", thinking="", signature=""),
                delta(0, "thinking_delta", thinking="Let me "),
                delta(0, "thinking_delta", thinking="see"),
                delta(0, "signature_delta", signature="EqoB"),
                stop(0),
            ],
            Reasoning("Let me see", signature="EqoB", made_by=HERE),
        ),
        (
            [start(0, type="redacted_thinking", data="EmwK"), stop(0)],
            Reasoning(encrypted="EmwK", made_by=HERE),
        ),
        (
            [
                start(0, type="text", text="", citations=[]),
                delta(0, "text_delta", text="Green."),
                delta(0, "citations_delta", citation={"type": "char_location", "cited_text": "Grass"}),
                stop(0),
            ],
            Text(
                "Green.",
                [Citation(HERE, {"type": "char_location", "cited_text": "Grass"}, cited_text="Grass")],
            ),
        ),
        (
            [start(0, type="tool_use", id="t", name="now", input={}), stop(0)],
            ToolCall("t", "now", "{}"),
        ),
        (
            [start(0, type="tool_use", id="t", name="f", input={"a": 1}), stop(0)],
            ToolCall("t", "f", '{"a":1}'),
        ),
        (
            [
                start(0, type="server_tool_use", id="s", name="web_search", input={}),
                delta(0, "input_json_delta", partial_json='{"query":'),
                delta(0, "input_json_delta", partial_json=' "x"}'),
                stop(0),
            ],
            Native(
                HERE, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
            ),
        ),
        (
            [
                start(0, type="compaction", content=None, encrypted_content=None),
                delta(0, "compaction_delta", content="Earlier: …", encrypted_content="EpwB"),
                stop(0),
            ],
            Native(HERE, {"type": "compaction", "content": "Earlier: …", "encrypted_content": "EpwB"}),
        ),
        ([start(0, type="text", text=""), delta(0, "text_delta", text="cut")], Text("cut")),
    ],
)
def test_a_block_is_read_as_it_grows(values: list[Any], part: Part) -> None:
    assert parts_of(*values) == [part]


def test_an_event_or_a_delta_of_a_kind_that_is_unknown_is_passed_over() -> None:
    assert parts_of(
        {"type": "brand_new"},
        start(0, type="text", text=""),
        delta(0, "brand_new_delta", x=1),
        delta(0, "text_delta", text="Hi"),
        stop(0),
    ) == [Text("Hi")]


def test_the_words_beside_a_refusal_are_read() -> None:
    refused = ended("refusal", stop_details={"type": "refusal", "explanation": "Due to policy."})
    reply = gathered(read(STARTED, start(0, type="text", text=""), stop(0), refused, STOPPED))
    assert reply.choices == [Choice(0, [Text(""), Refusal("Due to policy.")], Finish.REFUSAL)]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"output_tokens": 89}, TokenCounts(472, 100, 10, 20, 89)),
        ({"output_tokens": 0, "input_tokens": 0}, TokenCounts(472, 100, 10, 20, 2)),
        (
            {
                "input_tokens": 10682,
                "cache_creation_input_tokens": 30,
                "cache_read_input_tokens": 100,
                "output_tokens": 510,
                "server_tool_use": {"web_search_requests": 1},
            },
            TokenCounts(10682, 100, 10, 20, 510, web_searches=1),
        ),
        ({"output_tokens": 89, "input_tokens": None}, TokenCounts(472, 100, 10, 20, 89)),
        ("none", TokenCounts(472, 100, 10, 20, 2)),
    ],
)
def test_counts_grow_and_what_is_not_said_again_stays(usage: Any, counts: TokenCounts) -> None:
    assert gathered(read(STARTED, ended(usage=usage), STOPPED)).counts == counts


def test_an_error_in_the_stream_is_a_failure() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert read(error) == [Failed(error)]


def test_a_stream_that_says_not_why_it_ended_ended_for_another_reason() -> None:
    assert read(STARTED, STOPPED)[1:] == [Finished(0, Finish.OTHER), StreamEnded()]


@pytest.mark.parametrize(
    "values",
    [
        [[]],
        ["x"],
        [start(0, type="text", text="")],
        [{"type": "message_start"}],
        [STARTED, delta(0, "text_delta", text="x")],
        [STARTED, {"type": "content_block_start", "index": 0}],
        [STARTED, {"type": "content_block_start", "content_block": {"type": "text"}}],
        [STARTED, start(0, type="text", text=7)],
        [STARTED, start(0, type="text", text=""), delta(0, "text_delta", text=7)],
        [STARTED, start(0, type="text", text=""), {"type": "content_block_delta", "index": 0}],
        [STARTED, start(0, type="mcp_tool_use"), delta(0, "input_json_delta", partial_json="{"), stop(0)],
        [STARTED, {"type": "message_delta", "delta": None}],
    ],
)
def test_a_stream_that_breaks_the_grammar_is_unreadable(values: list[Any]) -> None:
    reader = ANTHROPIC_MESSAGES.event_reader()
    with pytest.raises(UnreadableReply):
        for each in values:
            reader.read(Event("", each))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_KINDS = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
)
_BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "tool_use", "new", "redacted_thinking"]) | _JSON},
    optional=dict.fromkeys(
        ("text", "thinking", "input", "id", "data", "signature"), _JSON | st.text(max_size=3)
    ),
)
_DELTA = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["text_delta", "thinking_delta", "input_json_delta", "citations_delta"])
        | _JSON
    },
    optional=dict.fromkeys(("text", "thinking", "partial_json", "citation", "stop_reason"), _JSON),
)
_EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*_KINDS, "message_stop", "error", "new"]) | _JSON},
    optional={
        "index": st.integers(0, 1) | _JSON,
        "content_block": _BLOCK | _JSON,
        "delta": _DELTA | _JSON,
        "message": _JSON,
        "usage": _JSON,
    },
)


@settings(max_examples=150)
@given(st.lists(_EVENTS | _JSON, max_size=6))
def test_any_json_is_read_or_unreadable(values: list[Any]) -> None:
    reader = ANTHROPIC_MESSAGES.event_reader()
    gathering = Gathering()
    try:
        for each in [STARTED, *values]:
            for told in reader.read(Event("", each)):
                gathering.take(told)
    except UnreadableReply:
        return


# What is written


def test_a_stream_is_written_event_by_event() -> None:
    events = written(
        [
            Started("a1", "theirs", counts=TokenCounts(uncached_in=5)),
            PartStarted(0, 0, Text("O")),
            PartGrew(0, 0, "k"),
            PartEnded(0, 0),
            PartStarted(0, 1, ToolCall("c1", "f", "")),
            PartGrew(0, 1, '{"a":1}'),
            PartEnded(0, 1),
            Finished(0, Finish.TOOL_CALLS),
            Counted(TokenCounts(uncached_in=5, out=9)),
            StreamEnded(),
        ],
        cost=7,
    )
    assert [event.name for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].values["message"]["usage"]["input_tokens"] == 5
    assert events[1].values == start(0, type="text", text="", citations=None)
    assert events[2].values == delta(0, "text_delta", text="O")
    assert events[5].values == start(1, type="tool_use", id="c1", name="f", input={})
    assert events[6].values == delta(1, "input_json_delta", partial_json="")
    assert events[7].values == delta(1, "input_json_delta", partial_json='{"a":1}')
    assert events[9].values["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert events[9].values["usage"]["output_tokens"] == 9
    assert events[9].values["usage"]["cost"] == 7


def test_a_text_is_sent_on_as_soon_as_it_comes() -> None:
    writer = ANTHROPIC_MESSAGES.event_writer(CONTEXT)
    writer.write(Started("a1", "theirs"))
    writer.write(PartStarted(0, 0, Text("")))
    first = writer.write(PartGrew(0, 0, "Hi"))
    assert [event.name for event in first] == ["content_block_start", "content_block_delta"]
    assert writer.write(PartGrew(0, 0, "!")) == [
        Event("content_block_delta", delta(0, "text_delta", text="!"))
    ]


def test_nothing_at_all_is_still_a_message() -> None:
    snapshot = snapshot_of(written([]))
    assert snapshot["id"] == "msg_ours"
    assert snapshot["model"] == "ours"
    assert snapshot["content"] == []
    assert snapshot["stop_reason"] == "end_turn"


def test_only_the_first_choice_is_written() -> None:
    events: list[ReplyEvent] = [
        Started("a", "m"),
        PartStarted(1, 0, Text("no")),
        PartStarted(0, 0, Text("yes")),
        PartEnded(1, 0),
        Finished(1, Finish.LENGTH),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    ]
    snapshot = snapshot_of(written(events))
    assert [block["text"] for block in snapshot["content"]] == ["yes"]
    assert snapshot["stop_reason"] == "end_turn"


def test_what_has_not_ended_when_the_answer_does_is_ended_with_it() -> None:
    events: list[ReplyEvent] = [
        Started("a", "m"),
        PartStarted(0, 0, Text("one")),
        PartStarted(0, 1, ToolCall("c", "f", '{"a"')),
        PartGrew(0, 1, ": 1}"),
        Finished(0, Finish.STOP),
        PartEnded(0, 1),
    ]
    snapshot = snapshot_of(written(events))
    assert snapshot["content"] == [
        {"type": "text", "text": "one", "citations": None},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
    ]
    assert snapshot["stop_reason"] == "tool_use"


def test_summaries_are_shown_one_after_the_other_and_their_secret_comes_back() -> None:
    thought = Reasoning(item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES)
    events: list[ReplyEvent] = [
        Started("a", "m"),
        PartStarted(0, 0, thought),
        PartGrew(0, 0, "One", summary=0),
        PartGrew(0, 0, " more", summary=0),
        PartGrew(0, 0, "Two", summary=1),
        PartGrew(0, 0, encrypted="gAAA"),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    ]
    [block] = snapshot_of(written(events))["content"]
    assert block["thinking"] == "One more\n\nTwo"
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "assistant", "content": [block]}]}
    assert ANTHROPIC_MESSAGES.read_request(body).messages[0].parts == [
        Reasoning(
            summary=["One more\n\nTwo"],
            encrypted="gAAA",
            item_id="rs_1",
            made_by=DialectName.OPENAI_RESPONSES,
        )
    ]


def test_thoughts_that_were_not_to_be_shown_are_not_streamed() -> None:
    asked = Conversation("ours", [], reasoning=ReasoningAsked(enabled=True, shown=False))
    events: list[ReplyEvent] = [
        Started("a", "m"),
        PartStarted(0, 0, Reasoning("Hm")),
        PartGrew(0, 0, " hm"),
        PartEnded(0, 0),
        PartStarted(0, 1, Text("Hi")),
        PartEnded(0, 1),
        Finished(0, Finish.STOP),
    ]
    snapshot = snapshot_of(written(events, AnswerContext("ours", asked, "msg_ours", 1)))
    assert [block["type"] for block in snapshot["content"]] == ["text"]


def test_a_whole_part_is_one_block() -> None:
    image = Image(Source(base64="iVBORw0KGgo=", media_type="image/png"))
    events: list[ReplyEvent] = [Started("a", "m"), PartStarted(0, 0, image), PartEnded(0, 0)]
    [block] = snapshot_of(written(events))["content"]
    assert block["type"] == "image"


ANY_PARTS = [
    TEXTS,
    TOOL_CALLS,
    SIGNED,
    REDACTED,
    NATIVES,
    REASONING_ALOUD,
    REFUSALS,
    IMAGES,
    AUDIO_ANSWERED,
    st.sampled_from(FOREIGN_THOUGHTS),
]


@settings(max_examples=100)
@given(replies_with_events(parts=ANY_PARTS, choices=2))
def test_any_order_of_events_is_written_in_the_grammar(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    """And says what the whole answer says, block for block."""
    reply, events = drawn
    snapshot = snapshot_of(written(events))
    whole = ANTHROPIC_MESSAGES.write_reply(reply, CONTEXT)
    assert snapshot["content"] == whole["content"]
    assert snapshot["stop_reason"] == whole["stop_reason"]
    if reply.counts is not None:
        assert snapshot["usage"].items() <= whole["usage"].items()


@settings(max_examples=50)
@given(replies_with_events(parts=[TEXTS, FREEFORM_CALLS], choices=1))
def test_arguments_that_are_no_json_break_no_stream(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    _reply, events = drawn
    names = [event.name for event in written(events)]
    assert names.count("content_block_start") == names.count("content_block_stop")


@settings(max_examples=100)
@given(replies_with_events(parts=[TEXTS, TOOL_CALLS, SIGNED, REDACTED, NATIVES], choices=1))
def test_what_is_written_reads_as_what_was_said(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn
    again = gathered(read(*(event.values for event in written(events))))
    assert again.choices == reply.choices
    assert again.counts == (reply.counts or TokenCounts())
    assert (again.id, again.model) == (reply.id, "ours")


@settings(max_examples=60)
@given(replies_with_events(parts=[TEXTS, TOOL_CALLS, SIGNED, REDACTED, NATIVES], choices=1))
def test_a_stream_reads_as_the_whole_that_it_tells(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    _reply, events = drawn
    stream = written(events)
    streamed = gathered(read(*(event.values for event in stream)))
    whole = ANTHROPIC_MESSAGES.read_reply(snapshot_of(stream))
    for part in streamed.choices[0].parts:
        if isinstance(part, ToolCall):
            part.arguments = orjson.dumps(orjson.loads(part.arguments)).decode()
    assert streamed.choices == whole.choices
    assert streamed.counts == whole.counts

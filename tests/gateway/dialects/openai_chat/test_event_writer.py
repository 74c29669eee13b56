"""Any dialect's streamed answer is written as chunks that OpenAI's own clients put together to the same answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from gateway.dialects.conversation import (
    Audio,
    Citation,
    DialectName,
    Image,
    Native,
    Reasoning,
    Refusal,
    Source,
    Text,
    Tool,
    ToolCall,
)
from gateway.dialects.dialect import Event
from gateway.dialects.openai_chat.dialect import OPENAI_CHAT
from gateway.dialects.openai_chat.reply import read_reply, write_reply
from gateway.dialects.reply import (
    Counted,
    Failed,
    Finish,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    Reply,
    ReplyEvent,
    Started,
    StreamEnded,
    TokenCounts,
)
from tests.gateway.dialects.conversations import (
    AUDIO_ANSWERED,
    FREEFORM_CALLS,
    IMAGES,
    REFUSALS,
    TEXTS,
    TOOL_CALLS,
    WORDS,
    maybe,
    replies_with_events,
)
from tests.gateway.dialects.openai_chat.chat_bodies import by_field, context, events_read, reply_of, stream_of

SIGNED = st.builds(
    Reasoning, text=WORDS, signature=maybe(WORDS), made_by=st.just(DialectName.ANTHROPIC_MESSAGES)
)
SUMMARISED = st.builds(
    Reasoning,
    summary=st.lists(WORDS, min_size=1, max_size=2),
    encrypted=maybe(WORDS),
    made_by=st.just(DialectName.OPENAI_RESPONSES),
)
EVERY_PART = [TEXTS, TOOL_CALLS, FREEFORM_CALLS, REFUSALS, IMAGES, SIGNED, SUMMARISED]
CLIENTS_PARTS = [TEXTS, TOOL_CALLS, REFUSALS, IMAGES, SIGNED, SUMMARISED]


def deltas_of(stream: list[Event]) -> list[dict[str, Any]]:
    return [choice["delta"] for event in stream if event.values for choice in event.values["choices"]]


def put_together(stream: list[Event]) -> dict[str, Any]:
    """The answer as openai-python makes it of the chunks, which it checks."""
    state = ChatCompletionStreamState()
    for event in stream:
        if event.values is not None:
            list(state.handle_chunk(ChatCompletionChunk.model_validate(event.values)))
    return state.current_completion_snapshot.model_dump()


def test_an_answer_is_told_chunk_by_chunk() -> None:
    events: list[ReplyEvent] = [
        Started("msg_1", "claude", None, TokenCounts(5)),
        PartStarted(0, 0, Reasoning("h")),
        PartGrew(0, 0, "m"),
        PartEnded(0, 0),
        PartStarted(0, 1, Text("")),
        PartGrew(0, 1, "Hi", logprobs=[{"token": "Hi"}]),
        PartEnded(0, 1),
        PartStarted(0, 2, ToolCall("c", "f", "")),
        PartGrew(0, 2, "{}"),
        PartEnded(0, 2),
        Finished(0, Finish.TOOL_CALLS),
        Counted(TokenCounts(5, out=7)),
        StreamEnded(),
    ]
    *chunks, usage, end = stream_of(events, context(), credits_consumed=3)
    assert end == Event("", None)
    assert [chunk.values["choices"][0] for chunk in chunks] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {"reasoning_content": "h"}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {"reasoning_content": "m"}, "logprobs": None, "finish_reason": None},
        {
            "index": 0,
            "delta": {"content": "Hi"},
            "logprobs": {"content": [{"token": "Hi"}], "refusal": None},
            "finish_reason": None,
        },
        {
            "index": 0,
            "delta": {
                "tool_calls": [
                    {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
                ]
            },
            "logprobs": None,
            "finish_reason": None,
        },
        {
            "index": 0,
            "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
            "logprobs": None,
            "finish_reason": None,
        },
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"},
    ]
    head = {"id": "msg_1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "small"}
    for chunk in chunks:
        assert chunk.values == {**head, "choices": chunk.values["choices"], "usage": None}
    assert usage.values.keys() == {*head, "choices", "usage", "credits_consumed"}
    assert (usage.values["choices"], usage.values["credits_consumed"]) == ([], 3)
    assert usage.values["usage"]["total_tokens"] == 12


def test_the_chunk_that_ends_the_answer_waits_for_the_price() -> None:
    writer = OPENAI_CHAT.event_writer(context(include_usage=False))
    for event in (Started("a", "m"), PartStarted(0, 0, Text("Hi")), PartEnded(0, 0)):
        writer.write(event)
    assert writer.write(Finished(0, Finish.STOP)) == []
    assert writer.write(Counted(TokenCounts(1))) == []
    last, end = writer.closing({"credits_consumed": 3})
    assert last.values["choices"][0]["finish_reason"] == "stop"
    assert last.values["credits_consumed"] == 3
    assert "usage" not in last.values
    assert end == Event("", None)


def test_an_answer_without_an_end_is_closed_all_the_same() -> None:
    events: list[ReplyEvent] = [Started("a", "m"), PartStarted(0, 0, Text("Hi"))]
    *_, last, end = stream_of(events, context(), credits_consumed=3)
    assert (last.values["choices"], last.values["credits_consumed"], end.values) == ([], 3, None)


def test_what_an_upstream_says_of_its_failure_is_not_handed_on() -> None:
    assert OPENAI_CHAT.event_writer(context()).write(Failed({"error": "secret"})) == []


def test_an_upstream_that_names_nothing_gets_our_id_and_moment() -> None:
    first = stream_of([Started("", "m")], context())[0]
    assert (first.values["id"], first.values["created"]) == ("chatcmpl-ours", 1_700_000_000)


def test_texts_that_grow_at_once_are_told_one_after_another() -> None:
    events: list[ReplyEvent] = [
        PartStarted(0, 0, Text("a")),
        PartStarted(0, 1, Text("c")),
        PartGrew(0, 1, "d"),
        PartGrew(0, 0, "b"),
        PartEnded(0, 1),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    ]
    stream = stream_of(events, context())
    assert [delta["content"] for delta in deltas_of(stream) if delta.get("content")] == ["a", "b", "c", "d"]


def test_calls_that_grow_at_once_each_have_their_number() -> None:
    events: list[ReplyEvent] = [
        PartStarted(0, 0, ToolCall("x", "f", "")),
        PartStarted(0, 1, ToolCall("y", "g", "", freeform=True)),
        PartGrew(0, 1, "b"),
        PartGrew(0, 0, "a"),
        Finished(0, Finish.STOP),
    ]
    stream = stream_of(events, context())
    assert [call for delta in deltas_of(stream) for call in delta.get("tool_calls", [])] == [
        {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "y", "type": "custom", "custom": {"name": "g", "input": ""}},
        {"index": 1, "custom": {"input": "b"}},
        {"index": 0, "function": {"arguments": "a"}},
    ]
    assert stream[-2].values["choices"][0]["finish_reason"] == "tool_calls"


def test_a_freeform_tools_text_is_taken_out_of_a_functions_arguments() -> None:
    told = context()
    told.asked.tools.append(Tool("patch", freeform=True))
    events: list[ReplyEvent] = [
        PartStarted(0, 0, ToolCall("x", "patch", '{"in')),
        PartGrew(0, 0, 'put": "a\\nb"}'),
        PartEnded(0, 0),
        Finished(0, Finish.TOOL_CALLS),
    ]
    stream = stream_of(events, told)
    assert [call for delta in deltas_of(stream) for call in delta.get("tool_calls", [])] == [
        {"index": 0, "id": "x", "type": "custom", "custom": {"name": "patch", "input": ""}},
        {"index": 0, "custom": {"input": "a\nb"}},
    ]
    whole = write_reply(reply_of(events), told)
    assert whole["choices"][0]["message"]["tool_calls"] == [
        {"id": "x", "type": "custom", "custom": {"name": "patch", "input": "a\nb"}}
    ]


def test_citations_come_when_all_texts_are_known() -> None:
    cited = Citation(DialectName.ANTHROPIC_MESSAGES, {"type": "web"}, "https://a", "A", "said")
    lost = Citation(DialectName.ANTHROPIC_MESSAGES, {"type": "char_location"})
    events: list[ReplyEvent] = [
        PartStarted(0, 0, Text("One. ", [lost])),
        PartEnded(0, 0),
        PartStarted(0, 1, Text("")),
        PartGrew(0, 1, citation=cited),
        PartGrew(0, 1, "Two."),
        PartEnded(0, 1),
        Finished(0, Finish.STOP),
    ]
    *_, annotated, _finish, _end = stream_of(events, context(include_usage=False))
    told = {"url": "https://a", "title": "A", "start_index": 5, "end_index": 9, "content": "said"}
    assert annotated.values["choices"][0]["delta"] == {
        "annotations": [{"type": "url_citation", "url_citation": told}]
    }


def test_choices_begin_in_their_order() -> None:
    events: list[ReplyEvent] = [PartStarted(2, 0, Text("c")), PartStarted(0, 0, Text("a"))]
    stream = stream_of(events, context(choices=3))
    told = [event.values["choices"][0]["index"] for event in stream[:5]]
    assert told == [0, 1, 2, 2, 0]


def test_hidden_thoughts_are_not_told() -> None:
    events: list[ReplyEvent] = [
        PartStarted(0, 0, Reasoning("h", signature="s", made_by=DialectName.ANTHROPIC_MESSAGES)),
        PartGrew(0, 0, "m"),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    ]
    assert deltas_of(stream_of(events, context(shown=False))) == [{"role": "assistant", "content": ""}, {}]


def test_what_only_another_dialect_has_is_passed_over() -> None:
    native = Native(DialectName.GEMINI, {"executableCode": {}})
    events: list[ReplyEvent] = [PartStarted(0, 0, native), PartGrew(0, 0, "x"), PartEnded(0, 0)]
    assert deltas_of(stream_of(events, context())) == [{"role": "assistant", "content": ""}]


def test_sound_names_itself_once() -> None:
    events: list[ReplyEvent] = [
        PartStarted(0, 0, Audio(Source(base64=""), transcript="", id="s")),
        PartGrew(0, 0, "Hi"),
        PartGrew(0, 0, audio="AAAA"),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    ]
    told = [delta["audio"] for delta in deltas_of(stream_of(events, context())) if "audio" in delta]
    assert told == [{"id": "s", "expires_at": 1_700_003_600}, {"transcript": "Hi"}, {"data": "AAAA"}]


def test_an_image_is_told_whole() -> None:
    image = Image(Source(base64="AAAA", media_type="image/png"))
    told = deltas_of(stream_of([PartStarted(0, 0, image), PartEnded(0, 0)], context()))
    url = "data:image/png;base64,AAAA"
    assert told[1] == {"images": [{"index": 0, "type": "image_url", "image_url": {"url": url}}]}


def thoughts(parts: list[Any]) -> list[Any]:
    return [part for part in parts if isinstance(part, Reasoning)]


@given(replies_with_events(parts=EVERY_PART, choices=2))
def test_what_is_streamed_reads_back_the_same_in_any_order(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn
    again = reply_of(events_read(stream_of(events, context(choices=2))))
    assert (again.id, again.model, again.created_s, again.counts) == (
        reply.id,
        "small",
        reply.created_s,
        reply.counts,
    )
    for choice, other in zip(reply.choices, again.choices, strict=True):
        assert (choice.index, choice.finish) == (other.index, other.finish)
        assert by_field(choice.parts) == by_field(other.parts)


@given(replies_with_events(parts=[SIGNED, SUMMARISED], interleaved=False))
def test_thoughts_that_must_come_back_are_streamed_untouched(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn
    again = reply_of(events_read(stream_of(events, context())))
    assert merged_summaries(again.choices[0].parts) == merged_summaries(reply.choices[0].parts)


def merged_summaries(parts: list[Any]) -> list[tuple[Any, ...]]:
    """What a provider needs back, in its order: unsigned texts and open summaries side by side are as good as one."""
    needed: list[tuple[Any, ...]] = []
    for part in parts:
        told = (part.made_by, part.text, "".join(part.summary), part.signature, part.encrypted)
        open_before = needed and needed[-1][0] is part.made_by and needed[-1][3] is needed[-1][4] is None
        if open_before:
            before = needed.pop()
            told = (part.made_by, before[1] + part.text, before[2] + told[2], part.signature, part.encrypted)
        needed.append(told)
    return needed


@given(replies_with_events(parts=[SIGNED, SUMMARISED, TEXTS], interleaved=False))
def test_openais_client_keeps_thoughts_that_must_come_back(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn
    (choice,) = read_reply(put_together(stream_of(events, context()))).choices
    assert merged_summaries(thoughts(choice.parts)) == merged_summaries(thoughts(reply.choices[0].parts))


@given(replies_with_events(parts=[AUDIO_ANSWERED, TEXTS], choices=2))
def test_sound_and_words_are_streamed_side_by_side(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn
    again = reply_of(events_read(stream_of(events, context(choices=2))))
    for choice, other in zip(reply.choices, again.choices, strict=True):
        said = [part for part in choice.parts if isinstance(part, Audio)]
        heard = [part for part in other.parts if isinstance(part, Audio)]
        assert "".join(part.transcript or "" for part in said) == "".join(
            part.transcript or "" for part in heard
        )
        assert "".join(part.source.base64 or "" for part in said) == "".join(
            part.source.base64 or "" for part in heard
        )


@given(replies_with_events(parts=CLIENTS_PARTS, choices=3), st.booleans())
def test_openais_client_puts_it_together_to_the_same(
    drawn: tuple[Reply, list[ReplyEvent]], usage: bool
) -> None:
    reply, events = drawn
    answer = put_together(stream_of(events, context(include_usage=usage, choices=3), credits_consumed=1))
    assert (answer["id"], answer["model"], answer["created"]) == (reply.id, "small", reply.created_s)
    assert (answer["usage"] is not None) == usage
    again = read_reply(answer)
    for choice, other in zip(reply.choices, again.choices, strict=True):
        assert (choice.index, choice.finish) == (other.index, other.finish)
        assert by_field(choice.parts) == by_field(other.parts)


@pytest.mark.parametrize("part", [Text("a"), Refusal("a"), Reasoning("a"), ToolCall("c", "f", "a")])
def test_what_a_part_holds_when_it_begins_is_told_once(part: Any) -> None:
    events: list[ReplyEvent] = [PartStarted(0, 0, part), PartEnded(0, 0), Finished(0, Finish.STOP)]
    assert reply_of(events_read(stream_of(events, context()))).choices[0].parts == [part]

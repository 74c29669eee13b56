"""A streamed answer, read from an upstream and written for a caller."""

from typing import Any

import pytest

from gateway.dialects.conversation import (
    Citation,
    Conversation,
    DialectName,
    Image,
    Message,
    Native,
    Reasoning,
    Refusal,
    Role,
    Source,
    Text,
    Tool,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, Event, UnreadableReply
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES
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
from tests.gateway.dialects.openai_responses.putting_together import put_together

_HERE = DialectName.OPENAI_RESPONSES
_BEGUN = {
    "id": "resp_1",
    "object": "response",
    "created_at": 5,
    "model": "gpt-5",
    "output": [],
    "service_tier": "flex",
}
_USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def stream(*events: dict[str, Any]) -> list[Event]:
    """An upstream's events, each with what every one of them has."""
    numbered = [{"sequence_number": number, **each} for number, each in enumerate(events)]
    return [Event(each["type"], each) for each in numbered]


def gathered(events: list[Event]) -> Gathering:
    reader, gathering = OPENAI_RESPONSES.event_reader(), Gathering()
    for event in events:
        for told in reader.read(event):
            gathering.take(told)
    return gathering


def created() -> dict[str, Any]:
    return {"type": "response.created", "response": _BEGUN | {"status": "in_progress"}}


def completed(*output: dict[str, Any]) -> dict[str, Any]:
    response = _BEGUN | {"status": "completed", "output": list(output), "usage": _USAGE}
    return {"type": "response.completed", "response": response}


def added(place: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": place, "item": item}


def done(place: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def of(kind: str, place: int, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": place, "item_id": f"item_{place}", **fields}


def test_a_text_is_read_as_it_comes() -> None:
    annotation = {
        "type": "url_citation",
        "url": "https://a.test",
        "title": "A",
        "start_index": 0,
        "end_index": 2,
    }
    logprob = {"token": "Hi", "logprob": -0.1, "top_logprobs": []}
    part = {"type": "output_text", "text": "Hi there", "annotations": [annotation]}
    events = stream(
        created(),
        {"type": "response.in_progress", "response": _BEGUN},
        added(0, id="item_0", type="message", role="assistant", content=[], status="in_progress"),
        of(
            "content_part.added",
            0,
            content_index=0,
            part={"type": "output_text", "text": "", "annotations": []},
        ),
        of("output_text.delta", 0, content_index=0, delta="Hi", logprobs=[logprob], obfuscation="x"),
        of("output_text.delta", 0, content_index=0, delta=" there", logprobs=[]),
        of("output_text.annotation.added", 0, content_index=0, annotation_index=0, annotation=annotation),
        of("output_text.done", 0, content_index=0, text="Hi there"),
        of("content_part.done", 0, content_index=0, part=part),
        done(0, id="item_0", type="message", role="assistant", content=[part], status="completed"),
        completed(),
    )
    reader = OPENAI_RESPONSES.event_reader()
    citation = Citation(_HERE, annotation, url="https://a.test", title="A", start=0, end=2)
    assert [told for event in events for told in reader.read(event)] == [
        Started("resp_1", "gpt-5", 5, service_tier="flex"),
        PartStarted(0, 0, Text("")),
        PartGrew(0, 0, "Hi", logprobs=[logprob]),
        PartGrew(0, 0, " there"),
        PartGrew(0, 0, citation=citation),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
        Counted(TokenCounts(3, out=4)),
        StreamEnded(),
    ]


def test_thoughts_and_calls_are_read_as_they_come() -> None:
    search = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}}
    events = stream(
        created(),
        added(0, id="rs_1", type="reasoning", summary=[], encrypted_content="half"),
        of("reasoning_summary_part.added", 0, summary_index=0, part={"type": "summary_text", "text": ""}),
        of("reasoning_summary_text.delta", 0, summary_index=0, delta="Think"),
        of("reasoning_summary_text.delta", 0, summary_index=0, delta="ing."),
        of("reasoning_summary_text.done", 0, summary_index=0, text="Thinking."),
        of(
            "reasoning_summary_part.done",
            0,
            summary_index=0,
            part={"type": "summary_text", "text": "Thinking."},
        ),
        of("reasoning_summary_part.added", 0, summary_index=1, part={"type": "summary_text", "text": ""}),
        of("content_part.added", 0, content_index=0, part={"type": "reasoning_text", "text": ""}),
        of("reasoning_text.delta", 0, content_index=0, delta="One."),
        of("reasoning_text.delta", 0, content_index=1, delta="Two."),
        done(
            0,
            id="rs_1",
            type="reasoning",
            summary=[{"type": "summary_text", "text": "Thinking."}, {"type": "summary_text", "text": ""}],
            content=[{"type": "reasoning_text", "text": "One."}, {"type": "reasoning_text", "text": "Two."}],
            encrypted_content="gAAA",
        ),
        added(1, id="ws_1", type="web_search_call", status="in_progress"),
        {"type": "response.web_search_call.searching", "output_index": 1, "item_id": "ws_1"},
        {"type": "response.output_item.done", "output_index": 1, "item": search},
        added(2, id="fc_1", type="function_call", call_id="c1", name="a", arguments="", status="in_progress"),
        added(3, id="ctc_1", type="custom_tool_call", call_id="c2", name="b", input="", namespace="n"),
        of("function_call_arguments.delta", 2, delta='{"a"'),
        of("custom_tool_call_input.delta", 3, delta="*** "),
        of("function_call_arguments.delta", 2, delta=":1}"),
        of("function_call_arguments.done", 2, arguments='{"a":1}', name="a"),
        of("custom_tool_call_input.done", 3, input="*** Begin"),
        done(2, id="fc_1", type="function_call", call_id="c1", name="a", arguments='{"a":1}'),
        done(
            3, id="ctc_1", type="custom_tool_call", call_id="c2", name="b", input="*** Begin", namespace="n"
        ),
        completed(),
    )
    assert gathered(events).reply == Reply(
        "resp_1",
        "gpt-5",
        [
            Choice(
                0,
                [
                    Reasoning("One.\n\nTwo.", ["Thinking.", ""], None, "gAAA", "rs_1", _HERE),
                    Native(_HERE, search),
                    ToolCall("c1", "a", '{"a":1}', item_id="fc_1"),
                    ToolCall("c2", "b", "*** Begin", freeform=True, namespace="n", item_id="ctc_1"),
                ],
                Finish.TOOL_CALLS,
            )
        ],
        TokenCounts(3, out=4, web_searches=1),
        5,
        "flex",
    )


def test_a_refusal_is_read_as_it_comes() -> None:
    events = stream(
        created(),
        added(0, id="item_0", type="message", content=[]),
        of("content_part.added", 0, content_index=0, part={"type": "refusal", "refusal": ""}),
        of("refusal.delta", 0, content_index=0, delta="I can"),
        of("refusal.done", 0, content_index=0, refusal="I can't."),
        completed(),
    )
    (choice,) = gathered(events).reply.choices
    assert (choice.parts, choice.finish) == ([Refusal("I can't.")], Finish.REFUSAL)


_MESSAGE = {"id": "item_0", "type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
_CALL = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}


@pytest.mark.parametrize(
    "events",
    [
        # Servers that tell all of it at its end, or leave out what begins a thing, or where it is.
        [completed(_MESSAGE, _CALL)],
        [created(), done(0, **_MESSAGE), done(1, **_CALL), completed()],
        [
            created(),
            of("output_text.delta", 0, content_index=0, delta="Hi"),
            {"type": "response.output_item.done", "output_index": 1, "item": _CALL},
            completed(),
        ],
        [
            created(),
            {"type": "response.output_item.added", "item": {"id": "item_0", "type": "message"}},
            {"type": "response.output_text.delta", "item_id": "item_0", "delta": "H"},
            {"type": "response.output_text.done", "item_id": "item_0", "text": "Hi"},
            {"type": "response.output_item.added", "item": _CALL | {"arguments": ""}},
            {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "{}"},
            {"type": "response.of_tomorrow", "output_index": "?"},
            completed(_MESSAGE, _CALL),
        ],
    ],
)
def test_a_stream_that_leaves_things_out_is_read_all_the_same(events: list[dict[str, Any]]) -> None:
    (choice,) = gathered(stream(*events)).reply.choices
    assert choice.parts == [Text("Hi"), ToolCall("c", "n", "{}", item_id="fc_1")]
    assert choice.finish is Finish.TOOL_CALLS


def test_an_answer_that_is_cut_short_says_why() -> None:
    response = _BEGUN | {"incomplete_details": {"reason": "max_output_tokens"}, "usage": _USAGE}
    events = stream(
        created(),
        of("output_text.delta", 0, content_index=0, delta="Hi"),
        {"type": "response.incomplete", "response": response},
    )
    (choice,) = gathered(events).reply.choices
    assert (choice.parts, choice.finish) == ([Text("Hi")], Finish.LENGTH)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}},
            {"code": "server_error"},
        ),
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "m", "param": None},
            {
                "sequence_number": 1,
                "type": "error",
                "code": "rate_limit_exceeded",
                "message": "m",
                "param": None,
            },
        ),
    ],
)
def test_a_failure_is_told(event: dict[str, Any], expected: dict[str, Any]) -> None:
    failure = gathered(stream(created(), event, completed())).failure
    assert failure == Failed(expected)


def test_an_error_without_a_type_is_a_failure() -> None:
    (told,) = OPENAI_RESPONSES.event_reader().read(Event("", {"error": {"message": "m"}}))
    assert isinstance(told, Failed)


def test_an_end_mark_is_an_end_once() -> None:
    reader = OPENAI_RESPONSES.event_reader()
    last = [told for event in stream(created(), completed()) for told in reader.read(event)][-1]
    assert last == StreamEnded()
    assert reader.read(Event("", None)) == []
    assert OPENAI_RESPONSES.event_reader().read(Event("", None)) == [StreamEnded()]


@pytest.mark.parametrize(
    "values",
    [
        [],
        "hi",
        {"type": "response.created"},
        {"type": "response.completed", "response": []},
        {"type": "response.output_item.added", "item": "a"},
        {"type": "response.output_text.delta", "delta": {}},
    ],
)
def test_what_is_no_event_is_said_to_be_none(values: Any) -> None:
    with pytest.raises(UnreadableReply):
        OPENAI_RESPONSES.event_reader().read(Event("", values))


def written(*events: ReplyEvent, **fields: Any) -> list[Event]:
    asked = Conversation("m", [Message(Role.USER, [Text("hi")])], **fields)
    writer = OPENAI_RESPONSES.event_writer(AnswerContext("shop/model", asked, "resp_a", 7))
    sent = [each for event in events for each in writer.write(event)]
    return sent + writer.closing({"credits_consumed": 12})


def names(events: list[Event]) -> list[str]:
    return [event.name.removeprefix("response.") for event in events]


def test_a_text_is_written_in_openais_grammar() -> None:
    events = written(
        Started("msg_1", "claude", 5, TokenCounts(3)),
        PartStarted(0, 0, Text("")),
        PartGrew(0, 0, "Hi"),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
        Counted(TokenCounts(3, out=1)),
        StreamEnded(),
    )
    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[4].values == {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "item_id": "msg_a_0",
        "output_index": 0,
        "content_index": 0,
        "delta": "Hi",
        "logprobs": [],
    }
    last = put_together(events)
    assert (last["id"], last["model"], last["created_at"]) == ("resp_a", "shop/model", 5)
    assert last["usage"]["credits_consumed"] == 12
    assert last["usage"]["total_tokens"] == 4


def test_the_price_stands_in_the_answer_where_nothing_was_counted() -> None:
    last = put_together(written(Finished(0, Finish.STOP)))
    assert (last["usage"], last["credits_consumed"]) == (None, 12)


def test_an_answer_that_never_began_is_whole_all_the_same() -> None:
    assert names(written()) == ["created", "in_progress", "completed"]


def test_texts_that_follow_one_another_are_one_message() -> None:
    last = put_together(
        written(
            PartStarted(0, 0, Text("a")),
            PartEnded(0, 0),
            PartStarted(0, 1, Text("b")),
            PartEnded(0, 1),
            PartStarted(0, 2, ToolCall("c", "n", "{}")),
            PartEnded(0, 2),
            PartStarted(0, 3, Text("d")),
            PartEnded(0, 3),
        )
    )
    assert [item["type"] for item in last["output"]] == ["message", "function_call", "message"]
    assert [part["text"] for part in last["output"][0]["content"]] == ["a", "b"]


def test_calls_that_come_at_once_are_kept_apart() -> None:
    events = written(
        PartStarted(0, 0, ToolCall("c1", "a", "")),
        PartStarted(0, 1, ToolCall("c2", "b", "")),
        PartGrew(0, 1, "[2]"),
        PartGrew(0, 0, "[1]"),
        PartEnded(0, 1),
        PartEnded(0, 0),
        Finished(0, Finish.TOOL_CALLS),
    )
    assert [item["arguments"] for item in put_together(events)["output"]] == ["[1]", "[2]"]


def test_a_call_that_is_cut_short_is_not_said_to_be_complete() -> None:
    events = written(
        PartStarted(0, 0, ToolCall("c1", "a", "{}")),
        PartEnded(0, 0),
        PartStarted(0, 1, ToolCall("c2", "b", "{")),
        PartEnded(0, 1),
        Finished(0, Finish.LENGTH),
    )
    last = put_together(events)
    assert last["status"] == "incomplete"
    assert [item["status"] for item in last["output"]] == ["completed", "incomplete"]


def test_the_text_of_a_freeform_call_comes_when_it_can_be_read() -> None:
    events = written(
        PartStarted(0, 0, ToolCall("c1", "patch", "")),
        PartGrew(0, 0, '{"input": "*** Be'),
        PartGrew(0, 0, 'gin"}'),
        PartEnded(0, 0),
        Finished(0, Finish.TOOL_CALLS),
        tools=[Tool("patch", freeform=True)],
    )
    assert [event.values.get("delta") for event in events if event.name.endswith(".delta")] == ["*** Begin"]
    assert put_together(events)["output"][0]["input"] == "*** Begin"


def test_other_choices_are_left_out() -> None:
    events = written(
        PartStarted(1, 0, Text("b")), PartGrew(1, 0, "b"), PartEnded(1, 0), Finished(1, Finish.LENGTH)
    )
    assert names(events) == ["created", "in_progress", "completed"]


def test_what_never_began_does_not_grow() -> None:
    events = written(PartGrew(0, 3, "b"), PartEnded(0, 3))
    assert names(events) == ["created", "in_progress", "completed"]


def test_images_come_whole() -> None:
    last = put_together(written(PartStarted(0, 0, Image(Source(base64="AAAA"))), PartEnded(0, 0)))
    assert last["output"][0]["result"] == "AAAA"


def test_a_failure_ends_the_answer_and_tells_nothing_of_its_server() -> None:
    events = written(
        PartStarted(0, 0, Text("Hi")),
        Failed({"message": "secret"}),
        PartGrew(0, 0, "more"),
        Finished(0, Finish.STOP),
    )
    assert names(events)[-1] == "failed"
    assert events[-1].values["response"]["status"] == "failed"
    assert "secret" not in repr(events)

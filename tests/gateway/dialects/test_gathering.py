"""A streamed answer, put together from its events, is the whole one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ToolCall,
)
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

CITATION = Citation(DialectName.OPENAI_CHAT, {"type": "url_citation"}, url="https://a.test", start=0, end=2)
CITING = st.builds(
    Text, text=WORDS, citations=st.lists(st.just(CITATION), max_size=2), signature=maybe(WORDS)
)
THOUGHTS = st.builds(
    Reasoning,
    text=WORDS,
    summary=st.lists(WORDS, max_size=2),
    signature=maybe(WORDS),
    encrypted=maybe(WORDS),
    made_by=st.sampled_from(DialectName),
)
EVERY_PART = [TEXTS, CITING, THOUGHTS, TOOL_CALLS, FREEFORM_CALLS, REFUSALS, AUDIO_ANSWERED, IMAGES]


def gathered(events: list[ReplyEvent]) -> Reply:
    gathering = Gathering()
    for event in events:
        gathering.take(event)
    return gathering.reply


@given(replies_with_events(parts=EVERY_PART, choices=3))
def test_any_order_of_a_replys_events_makes_the_reply(drawn: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn
    whole = gathered(events)
    whole.choices.sort(key=lambda choice: choice.index)
    assert whole == reply


def test_an_answer_of_a_thought_a_text_and_a_call_is_put_together() -> None:
    events: list[ReplyEvent] = [
        Started("a1", "m", 7, TokenCounts(uncached_in=3)),
        PartStarted(0, 0, Reasoning()),
        PartGrew(0, 0, "hm"),
        PartGrew(0, 0, "first", summary=0),
        PartGrew(0, 0, " of all", summary=0),
        PartGrew(0, 0, "then", summary=1),
        PartGrew(0, 0, signature="sig"),
        PartEnded(0, 0),
        PartStarted(0, 1, Text("Go")),
        PartGrew(0, 1, "od", logprobs=[{"token": "od"}]),
        PartGrew(0, 1, citation=CITATION),
        PartStarted(0, 2, ToolCall("c1", "look", "")),
        PartGrew(0, 2, '{"a"'),
        PartEnded(0, 1),
        PartGrew(0, 2, ":1}"),
        PartEnded(0, 2),
        Finished(0, Finish.TOOL_CALLS),
        Counted(TokenCounts(uncached_in=3, out=5)),
        StreamEnded(),
    ]
    parts = [
        Reasoning(text="hm", summary=["first of all", "then"], signature="sig"),
        Text("Good", citations=[CITATION]),
        ToolCall("c1", "look", '{"a":1}'),
    ]
    logprobs = {"content": [{"token": "od"}], "refusal": []}
    choice = Choice(0, list(parts), Finish.TOOL_CALLS, logprobs=logprobs)
    assert gathered(events) == Reply("a1", "m", [choice], TokenCounts(uncached_in=3, out=5), 7)


def test_log_probabilities_of_a_refusal_stand_under_refusal() -> None:
    events: list[ReplyEvent] = [
        PartStarted(0, 0, Refusal("N")),
        PartGrew(0, 0, "o", logprobs=[{"token": "o"}]),
    ]
    assert gathered(events).choices[0].logprobs == {"content": [], "refusal": [{"token": "o"}]}


def test_what_is_whole_when_it_begins_stays_as_it_is() -> None:
    picture = Image(Source(url="https://files.test/a.png"))
    native = Native(DialectName.GEMINI, {"executableCode": {}})
    spoken = Audio(Source(base64="AAAA"), transcript="hi", id="audio_1")
    events: list[ReplyEvent] = [
        PartStarted(0, index, part) for index, part in enumerate((picture, native, spoken))
    ]
    assert gathered(events).choices[0].parts == [picture, native, spoken]


def test_the_parts_that_events_hold_are_not_grown_themselves() -> None:
    text = Text("a", citations=[])
    gathered([PartStarted(0, 0, text), PartGrew(0, 0, "b", citation=CITATION)])
    assert text == Text("a")


def test_a_failure_is_kept_beside_what_came_before() -> None:
    gathering = Gathering()
    for event in (PartStarted(0, 0, Text("half")), Failed({"message": "overloaded"})):
        gathering.take(event)
    assert gathering.failure == Failed({"message": "overloaded"})
    assert gathering.reply.choices == [Choice(0, [Text("half")])]


def test_growth_of_a_part_that_never_began_is_an_error() -> None:
    with pytest.raises(KeyError):
        gathered([PartGrew(0, 3, "x")])

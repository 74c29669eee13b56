"""Streamed answers: chunks as Google's API sends them, and as its clients gather them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.conversation import (
    Audio,
    Citation,
    Conversation,
    DialectName,
    Image,
    Reasoning,
    ReasoningAsked,
    Source,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext, Event, UnreadableReply
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.reply import (
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


def chunk(*parts: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    """A response with one candidate; `more` is of the candidate, but for what stands beside it."""
    beside = {
        name: more.pop(name) for name in ("usageMetadata", "responseId", "modelVersion") if name in more
    }
    content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    return {"candidates": [{**content, "index": index, **more}], **beside}


def read(*chunks: Any) -> list[ReplyEvent]:
    reader = GEMINI.event_reader()
    return [event for each in chunks for event in reader.read(Event("", each))]


def gathered(events: list[ReplyEvent]) -> Reply:
    gathering = Gathering()
    for event in events:
        gathering.take(event)
    return gathering.reply


def context(*, shows_thoughts: bool = True) -> AnswerContext:
    asked = Conversation(model="m", messages=[], reasoning=ReasoningAsked(shown=shows_thoughts))
    return AnswerContext(model="our-model", asked=asked, answer_id="ours", created_s=1)


def written(*events: ReplyEvent, shows_thoughts: bool = True, **extra: Any) -> list[dict[str, Any]]:
    writer = GEMINI.event_writer(context(shows_thoughts=shows_thoughts))
    sent = [event for each in events for event in writer.write(each)] + writer.closing(extra)
    assert {event.name for event in sent} == {""}
    return [event.values for event in sent]


def parts_sent(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for each in chunks for part in each["candidates"][0]["content"]["parts"]]


def test_a_stream_as_google_sends_it() -> None:
    usage = {"promptTokenCount": 4, "totalTokenCount": 4}
    events = read(
        chunk({"text": "Hel"}, usageMetadata=usage, responseId="r1", modelVersion="gemini-2.5-flash"),
        chunk({"text": "lo"}, usageMetadata=usage, responseId="r1"),
        chunk(
            {"text": ""},
            finishReason="STOP",
            usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6},
        ),
    )
    early = TokenCounts(uncached_in=4)
    assert events == [
        Started("r1", "gemini-2.5-flash", None, early),
        PartStarted(0, 0, Text(text="Hel")),
        Counted(early),
        PartGrew(0, 0, "lo"),
        PartEnded(0, 0),
        Counted(TokenCounts(uncached_in=4, out=2)),
        Finished(0, Finish.STOP),
    ]


def test_thoughts_then_a_call_then_its_signature() -> None:
    events = read(
        chunk({"text": "hm", "thought": True}),
        chunk({"text": "…", "thought": True}),
        chunk({"functionCall": {"name": "f", "args": {"a": 1}, "id": "1"}, "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"name": "g"}}, finishReason="STOP"),
    )
    (choice,) = gathered(events).choices
    assert choice.finish is Finish.TOOL_CALLS
    thought, first, second = choice.parts
    assert thought == Reasoning(text="hm…", made_by=DialectName.GEMINI)
    assert first == ToolCall(id="1", name="f", arguments='{"a":1}', signature="c2ln")
    assert isinstance(second, ToolCall)
    assert (second.name, second.arguments) == ("g", "{}")
    assert [type(event) for event in events[1:]] == [
        PartStarted,
        PartGrew,
        PartEnded,
        PartStarted,
        PartEnded,
        PartStarted,
        PartEnded,
        Finished,
    ]


def test_a_signed_text_is_not_joined_with_what_follows() -> None:
    events = read(
        chunk({"text": "a"}), chunk({"text": "b", "thoughtSignature": "c2ln"}), chunk({"text": "c"})
    )
    assert gathered(events).choices[0].parts == [Text(text="ab", signature="c2ln"), Text(text="c")]


def test_sources_at_the_end_are_those_of_the_whole_text() -> None:
    grounding = {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 6, "text": "나"}, "groundingChunkIndices": [0]}
        ],
    }
    reply = gathered(
        read(
            chunk({"text": "가"}),
            chunk({"text": "나"}),
            chunk(
                {"text": ""},
                finishReason="STOP",
                groundingMetadata=grounding,
                usageMetadata={"promptTokenCount": 1},
            ),
        )
    )
    (text,) = reply.choices[0].parts
    assert isinstance(text, Text)
    assert [(each.url, each.start, each.end) for each in text.citations] == [("https://a.test", 1, 2)]
    assert reply.counts == TokenCounts(uncached_in=1, web_searches=1)


def test_a_failure_in_a_stream_is_the_upstreams_own() -> None:
    failure = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    assert read(failure) == [Failed(failure)]


def test_a_blocked_prompt_finishes_without_a_part() -> None:
    events = read({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r"})
    assert events == [Started("r", ""), Finished(0, Finish.CONTENT_FILTER)]


def test_an_end_mark_of_openais_ends_it() -> None:
    assert read(None) == [StreamEnded()]


def test_an_event_that_says_nothing_known_is_passed_over() -> None:
    assert read(chunk({"text": "a"}), {}, {"modelStatus": {"a": 1}})[2:] == []


@pytest.mark.parametrize("values", [[], "a", 1, {"candidates": [None]}, {"candidates": {"a": 1}}])
def test_an_event_that_is_no_response_is_unreadable(values: Any) -> None:
    with pytest.raises(UnreadableReply):
        read(values)


PIECES = st.sampled_from(
    [
        {"text": "a"},
        {"text": "b", "thought": True},
        {"text": ""},
        {"text": "c", "thoughtSignature": "c2ln"},
        {"text": "d", "thought": True, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f", "args": {"x": 1}, "id": "1"}},
        {"functionCall": {"name": "g"}},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"executableCode": {"code": "1"}},
    ]
)


@given(st.lists(st.lists(PIECES, max_size=3), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_stream_says_what_the_whole_answer_says(chunks: list[list[dict[str, Any]]]) -> None:
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 2}
    end = {"finishReason": "MAX_TOKENS", "usageMetadata": usage}
    events = read(*(chunk(*parts, responseId="r") for parts in chunks), chunk(**end))
    whole = [part for parts in chunks for part in parts]
    assert gathered(events) == GEMINI.read_reply(chunk(*whole, responseId="r", **end))
    _check_grammar(events)


def _check_grammar(events: list[ReplyEvent]) -> None:
    """Parts begin in their order, one at a time, and all have ended when the choice has."""
    assert isinstance(events[0], Started)
    began, is_open = 0, False
    for event in events[1:]:
        match event:
            case PartStarted(_, index, _part):
                assert (index, is_open) == (began, False)
                began, is_open = began + 1, True
            case PartGrew(_, index):
                assert (index, is_open) == (began - 1, True)
            case PartEnded(_, index):
                assert (index, is_open) == (began - 1, True)
                is_open = False
            case Finished():
                assert not is_open


def test_a_written_stream_as_googles_clients_want_it() -> None:
    chunks = written(
        Started("r1", "theirs", 1),
        PartStarted(0, 0, Text(text="")),
        PartGrew(0, 0, "Hel"),
        PartGrew(0, 0, "lo"),
        PartEnded(0, 0),
        Finished(0, Finish.LENGTH),
        Counted(TokenCounts(uncached_in=3, out=2)),
        StreamEnded(),
        credits_consumed=5,
    )
    named = {"modelVersion": "our-model", "responseId": "r1"}

    def content(text: str) -> dict[str, Any]:
        return {"parts": [{"text": text}], "role": "model"}

    assert chunks == [
        {"candidates": [{"content": content("Hel"), "index": 0}], **named},
        {"candidates": [{"content": content("lo"), "index": 0}], **named},
        {
            "candidates": [{"content": content(""), "finishReason": "MAX_TOKENS", "index": 0}],
            **named,
            "usageMetadata": {
                "promptTokenCount": 3,
                "candidatesTokenCount": 2,
                "totalTokenCount": 5,
                "credits_consumed": 5,
            },
        },
    ]


def test_a_call_is_sent_whole_when_it_has_ended() -> None:
    chunks = written(
        Started("r1", "theirs"),
        PartStarted(0, 0, ToolCall(id="1", name="f", arguments="")),
        PartStarted(0, 1, ToolCall(id="2", name="g", arguments="")),
        PartGrew(0, 1, '{"b":'),
        PartGrew(0, 0, '{"a"'),
        PartGrew(0, 1, "2}"),
        PartEnded(0, 1),
        PartGrew(0, 0, ": 1}"),
        PartEnded(0, 0),
        Finished(0, Finish.TOOL_CALLS),
    )
    assert parts_sent(chunks) == [
        {"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}},
        {"functionCall": {"id": "2", "name": "g", "args": {"b": 2}}},
        {"text": ""},
    ]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_call_that_was_cut_off_is_left_out() -> None:
    chunks = written(
        Started("r1", "theirs"),
        PartStarted(0, 0, ToolCall(id="1", name="f", arguments='{"a"')),
        PartEnded(0, 0),
        Finished(0, Finish.TOOL_CALLS),
    )
    assert parts_sent(chunks) == [{"text": ""}]
    assert chunks[-1]["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"


def test_thoughts_are_shown_and_their_proof_travels_with_the_call() -> None:
    events: list[ReplyEvent] = [
        Started("r1", "theirs"),
        PartStarted(0, 0, Reasoning(made_by=DialectName.ANTHROPIC_MESSAGES)),
        PartGrew(0, 0, "hm"),
        PartGrew(0, 0, "!"),
        PartGrew(0, 0, signature="s=="),
        PartEnded(0, 0),
        PartStarted(0, 1, Reasoning(made_by=DialectName.OPENAI_RESPONSES, item_id="rs_1")),
        PartGrew(0, 1, "one", summary=0),
        PartGrew(0, 1, "two", summary=1),
        PartGrew(0, 1, encrypted="secret"),
        PartEnded(0, 1),
        PartStarted(0, 2, ToolCall(id="1", name="f", arguments="{}")),
        PartEnded(0, 2),
        Finished(0, Finish.TOOL_CALLS),
    ]
    shown = parts_sent(written(*events))
    hidden = parts_sent(written(*events, shows_thoughts=False))
    assert [part["text"] for part in shown if part.get("thought")] == ["hm", "!", "one", "\n\ntwo"]
    assert not any(part.get("thought") for part in hidden)
    for sent in (shown, hidden):
        asked = GEMINI.read_request({"model": "m", "contents": [{"role": "model", "parts": sent[:-1]}]})
        *_shown, signed, summarised, call = asked.messages[0].parts
        assert signed == Reasoning(text="hm!", signature="s==", made_by=DialectName.ANTHROPIC_MESSAGES)
        assert summarised == Reasoning(
            summary=["one", "two"],
            encrypted="secret",
            item_id="rs_1",
            made_by=DialectName.OPENAI_RESPONSES,
        )
        assert call == ToolCall(id="1", name="f", arguments="{}")


def test_what_is_cited_is_told_with_the_last_chunk() -> None:
    chunks = written(
        Started("r1", "theirs"),
        PartStarted(0, 0, Text(text="가")),
        PartEnded(0, 0),
        PartStarted(0, 1, Text(text="나")),
        PartGrew(0, 1, citation=Citation(DialectName.ANTHROPIC_MESSAGES, {}, url="https://a.test")),
        PartEnded(0, 1),
        Finished(0, Finish.STOP),
    )
    assert chunks[-1]["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.test"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 6, "text": "나"}, "groundingChunkIndices": [0]}
        ],
    }


def test_log_probabilities_come_with_their_piece() -> None:
    logprobs = [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}]
    first, _last = written(
        Started("r1", "theirs"),
        PartStarted(0, 0, Text(text="")),
        PartGrew(0, 0, "a", logprobs=logprobs),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    )
    assert first["candidates"][0]["logprobsResult"]["chosenCandidates"] == [
        {"token": "a", "logProbability": -1.0}
    ]


def test_sounds_and_pictures_are_sent_whole() -> None:
    chunks = written(
        Started("r1", "theirs"),
        PartStarted(0, 0, Audio(source=Source(base64=""), format="wav", transcript="")),
        PartGrew(0, 0, "hi", audio="aGlo"),
        PartGrew(0, 0, audio="aWhp"),
        PartEnded(0, 0),
        PartStarted(0, 1, Image(source=Source(base64="aGk=", media_type="image/png"))),
        PartEnded(0, 1),
        Finished(0, Finish.STOP),
    )
    assert parts_sent(chunks)[:2] == [
        {"inlineData": {"mimeType": "audio/wav", "data": "aGloaWhp"}},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
    ]


def test_each_choice_is_its_own_candidate() -> None:
    chunks = written(
        Started("r1", "theirs"),
        PartStarted(1, 0, Text(text="b")),
        PartStarted(0, 0, Text(text="a")),
        PartEnded(1, 0),
        Finished(1, Finish.LENGTH),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
    )
    assert [each["candidates"][0]["index"] for each in chunks] == [1, 0, 0]
    assert [(each["index"], each["finishReason"]) for each in chunks[-1]["candidates"]] == [
        (0, "STOP"),
        (1, "MAX_TOKENS"),
    ]


def test_an_answer_without_a_part_still_says_why_it_ended() -> None:
    (last,) = written(Started("", "theirs"), Finished(0, Finish.CONTENT_FILTER))
    assert last["candidates"] == [
        {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "SAFETY", "index": 0}
    ]
    assert last["responseId"] == "ours"


def test_an_upstreams_own_words_of_failure_are_not_sent_on() -> None:
    assert GEMINI.event_writer(context()).write(Failed({"error": "secret"})) == []

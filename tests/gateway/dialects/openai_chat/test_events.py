"""A streamed answer of any server is read as it comes, and is the whole one when put together."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.conversation import (
    Audio,
    Citation,
    DialectName,
    Image,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import Event, UnreadableReply
from gateway.dialects.openai_chat.dialect import OPENAI_CHAT
from gateway.dialects.openai_chat.reply import read_reply
from gateway.dialects.reply import (
    Choice,
    Counted,
    Failed,
    Finish,
    Finished,
    PartEnded,
    PartGrew,
    PartStarted,
    Started,
    StreamEnded,
    TokenCounts,
)
from tests.gateway.dialects.openai_chat.chat_bodies import (
    CORPUS,
    chunks_read,
    corpus_stream,
    events_read,
    reply_of,
)
from tests.gateway.dialects.openai_chat.wild_json import ANY_JSON, MESSAGES_ANSWERED, NEARLY_ANSWERED, USAGES

MORNING = "Good morning."
HM = Reasoning("A greeting.")
PICTURE = Image(Source(base64="iVBORw0KGgoAAAANSUhEUg==", media_type="image/png"))


def delta(index: int = 0, reason: str | None = None, **said: Any) -> dict[str, Any]:
    return {"id": "a", "choices": [{"index": index, "delta": said, "finish_reason": reason}]}


def choice_of(*chunks: Any) -> Choice:
    (choice,) = reply_of(chunks_read(*chunks, None)).choices
    return choice


def parts_of(*deltas: dict[str, Any]) -> list[Any]:
    return choice_of(*(delta(**each) for each in deltas), delta(reason="stop")).parts


@pytest.mark.parametrize(
    ("file", "parts", "counts"),
    [
        ("azure.sse", [Text(MORNING)], TokenCounts(11, out=4)),
        ("deepseek.sse", [Reasoning("인사"), Text("좋은 아침")], TokenCounts(0, 64, out=9, reasoning=5)),
        (
            "gemini-call.sse",
            [ToolCall("jm4owj31", "get_weather", '{"city":"Seoul"}', signature="EjQKMgEMOdbH")],
            TokenCounts(5, out=75),
        ),
        ("gemini.sse", [Text(MORNING, signature="EjQKMgEMOdbH")], TokenCounts(5, out=203)),
        ("groq.sse", [Text(MORNING)], TokenCounts(38, out=4)),
        ("llamacpp.sse", [Text(MORNING)], TokenCounts(12, out=4)),
        ("mistral.sse", [HM, Text(MORNING)], TokenCounts(10, out=9)),
        ("moonshot.sse", [Text(MORNING)], TokenCounts(19, out=4)),
        ("ollama.sse", [Text(MORNING)], TokenCounts(26, out=4)),
        (
            "openrouter.sse",
            [Reasoning("A greeting.", made_by=DialectName.OPENAI_CHAT), Text(MORNING)],
            TokenCounts(13, out=9, reasoning=4),
        ),
        ("openrouter-image.sse", [PICTURE], None),
        ("vllm.sse", [HM, Text(MORNING)], TokenCounts(9, out=8)),
        ("xai.sse", [Reasoning("Thinking... "), Text(MORNING)], TokenCounts(32, 4, out=700, reasoning=690)),
    ],
)
def test_streams_of_servers_in_use_are_read(file: str, parts: list[Any], counts: TokenCounts | None) -> None:
    events = events_read(corpus_stream(file))
    reply = reply_of(events)
    assert [choice.parts for choice in reply.choices] == [parts]
    called = isinstance(parts[0], ToolCall)
    assert reply.choices[0].finish is (Finish.TOOL_CALLS if called else Finish.STOP)
    assert reply.counts == counts
    assert reply.id
    assert isinstance(events[0], Started)
    assert events[-1] == StreamEnded()


def test_every_stream_of_the_corpus_is_in_that_table() -> None:
    named = {row[0] for row in test_streams_of_servers_in_use_are_read.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert named | {"openrouter-error.sse"} == {path.name for path in CORPUS.glob("*.sse")}


def test_an_error_in_a_stream_is_a_failure_and_nothing_follows_it() -> None:
    *said, failed = events_read([*corpus_stream("openrouter-error.sse"), Event("", delta(content="more"))])
    assert [type(event) for event in said] == [Started, PartStarted, PartGrew]
    assert isinstance(failed, Failed)
    assert failed.values["error"]["code"] == 502


@pytest.mark.parametrize(
    "event",
    [
        Event("", {"error": {"message": "x"}}),
        Event("error", {"message": "x"}),
        Event("", {"type": "error", "message": "x"}),
        Event("", {"object": "error", "message": "x", "code": 500}),
        Event("", {"detail": "x"}),
    ],
)
def test_each_way_to_tell_an_error_is_known(event: Event) -> None:
    assert events_read([event]) == [Failed(event.values)]


@pytest.mark.parametrize("event", [Event("ping", "x"), Event("", {"type": "ping"}), Event("keepalive", {})])
def test_what_keeps_a_connection_awake_says_nothing(event: Event) -> None:
    assert events_read([event]) == []


@pytest.mark.parametrize(
    "chunk",
    [
        "x",
        5,
        [],
        {"choices": 5},
        delta(10**9),
        delta(-1),
        {"choices": [5]},
        delta() | {"choices": [{"delta": [1]}]},
    ],
)
def test_what_is_no_chunk_is_unreadable(chunk: Any) -> None:
    with pytest.raises(UnreadableReply):
        chunks_read(chunk)


def test_a_null_error_is_none() -> None:
    assert choice_of({**delta(content="a"), "error": None}).parts == [Text("a")]


def test_parts_begin_grow_and_end_in_their_order() -> None:
    events = chunks_read(
        delta(role="assistant", content=""),
        delta(reasoning_content="h"),
        delta(reasoning_content="m"),
        delta(content="a"),
        delta(
            tool_calls=[
                {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        ),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]),
        delta(reason="tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        None,
    )
    assert events == [
        Started("a", ""),
        PartStarted(0, 0, Reasoning()),
        PartGrew(0, 0, "h"),
        PartGrew(0, 0, "m"),
        PartEnded(0, 0),
        PartStarted(0, 1, Text("")),
        PartGrew(0, 1, "a"),
        PartEnded(0, 1),
        PartStarted(0, 2, ToolCall("c", "f", "")),
        PartGrew(0, 2, "{}"),
        PartEnded(0, 2),
        Finished(0, Finish.TOOL_CALLS),
        Counted(TokenCounts(1, out=2)),
        StreamEnded(),
    ]


def call(id: str | None = None, name: str | None = None, arguments: str | None = None, **rest: Any) -> Any:
    return {"id": id, "function": {"name": name, "arguments": arguments}, **rest}


@pytest.mark.parametrize(
    "pieces",
    [
        # As OpenAI does; interleaved; the name repeated; the arguments null at first.
        [
            call("x", "f", "", index=0),
            call(arguments="{}", index=0),
            call("y", "g", "[", index=1),
            call(arguments="]", index=1),
        ],
        [
            call("x", "f", "", index=0),
            call("y", "g", "[", index=1),
            call(arguments="{}", index=0),
            call(arguments="]", index=1),
        ],
        [
            call("x", "f", None, index=0),
            call("x", "f", "{}", index=0),
            call("y", "g", None, index=1),
            call("y", "g", "[]", index=1),
        ],
        # Whole calls: without a number, all of number 0, or with a number that is no number.
        [call("x", "f", "{}"), call("y", "g", "[]")],
        [call("x", "f", "{}", index=0), call("y", "g", "[]", index=0)],
        [call("x", "f", "{}", index=None), call("y", "g", "[]", index=None)],
        # Pieces without a number.
        [call("x", "f", "{"), call(arguments="}"), call("y", "g", "["), call("y", None, "]")],
        # The name comes after the id, and after the first arguments.
        [
            call("x", index=0),
            call(None, "f", "{}", index=0),
            call("y", None, "[", index=1),
            call(None, "g", "]", index=1),
        ],
    ],
)
def test_pieces_of_calls_find_their_call(pieces: list[Any]) -> None:
    assert parts_of(*({"tool_calls": [piece]} for piece in pieces)) == [
        ToolCall("x", "f", "{}"),
        ToolCall("y", "g", "[]"),
    ]
    together = parts_of({"tool_calls": pieces})
    assert together == [ToolCall("x", "f", "{}"), ToolCall("y", "g", "[]")]


def test_calls_without_ids_get_ids_that_differ() -> None:
    first, second = parts_of({"tool_calls": [call("", "f", "{}", index=0), call(None, "f", "{}", index=1)]})
    assert first.id
    assert second.id
    assert first.id != second.id


def test_an_older_function_call_is_a_call() -> None:
    (made,) = parts_of(
        {"function_call": {"name": "f", "arguments": "{"}}, {"function_call": {"arguments": "}"}}
    )
    assert (made.name, made.arguments, bool(made.id)) == ("f", "{}", True)


def test_a_signed_thought_is_gathered_from_its_details() -> None:
    format = "anthropic-claude-v1"
    pieces = [
        {
            "reasoning": "Let ",
            "reasoning_details": [{"type": "reasoning.text", "text": "Let ", "format": format, "index": 0}],
        },
        {
            "reasoning": "me.",
            "reasoning_details": [{"type": "reasoning.text", "text": "me.", "format": format, "index": 0}],
        },
        {
            "reasoning_details": [
                {"type": "reasoning.text", "signature": "Es8=", "format": format, "index": 0}
            ]
        },
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "Emw=", "format": format, "index": 1}
            ]
        },
    ]
    maker = DialectName.ANTHROPIC_MESSAGES
    assert parts_of(*pieces, {"content": "a"}) == [
        Reasoning("Let me.", signature="Es8=", made_by=maker),
        Reasoning(encrypted="Emw=", made_by=maker),
        Text("a"),
    ]


def test_googles_thoughts_are_taken_out_of_the_content() -> None:
    mark = {"google": {"thought": True}}
    pieces = [
        {"content": "<thought>h", "extra_content": mark},
        {"content": "m", "extra_content": mark},
        {"content": "</thought>a"},
        {"content": "b"},
    ]
    assert parts_of(*pieces) == [Reasoning("hm"), Text("ab")]


def test_thought_between_words_is_a_part_between_them() -> None:
    pieces = [{"content": "a"}, {"reasoning": "hm"}, {"content": "b"}]
    assert parts_of(*pieces) == [Text("a"), Reasoning("hm"), Text("b")]


def test_sound_images_refusals_and_citations_are_gathered() -> None:
    cited = {
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 1},
    }
    pieces: list[dict[str, Any]] = [
        {"content": "a"},
        {"annotations": [cited]},
        {"refusal": "n"},
        {"refusal": "o"},
        {"audio": {"id": "s", "transcript": "H"}},
        {"audio": {"data": "AAAA", "transcript": "i"}},
        {"audio": {"data": "BBBB", "expires_at": 5}},
        {"images": [{"type": "image_url", "image_url": {"url": "https://a"}, "index": 0}]},
    ]
    assert parts_of(*pieces) == [
        Text("a", [Citation(DialectName.OPENAI_CHAT, cited, "https://a", "A", None, 0, 1)]),
        Refusal("no"),
        Audio(Source(base64="AAAABBBB"), transcript="Hi", id="s"),
        Image(Source(url="https://a")),
    ]


def test_log_probabilities_go_with_their_piece() -> None:
    logged = [{"token": "a"}]
    chunk = delta(content="a")
    chunk["choices"][0]["logprobs"] = {"content": logged}
    assert choice_of(chunk, delta(reason="stop")).logprobs == {"content": logged, "refusal": []}


def test_a_message_in_place_of_deltas_is_the_answer_and_after_them_a_repetition() -> None:
    message = {"id": "a", "choices": [{"message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert choice_of(message).parts == [Text("ab")]
    assert choice_of(delta(content="ab"), message).parts == [Text("ab")]


def test_counts_only_grow() -> None:
    usages = [(5, 0), (5, 3), (0, 0)]
    chunks = [{"choices": [], "usage": {"prompt_tokens": p, "completion_tokens": c}} for p, c in usages]
    counted = [event.counts for event in chunks_read(*chunks) if isinstance(event, Counted)]
    assert counted == [TokenCounts(5), TokenCounts(5, out=3), TokenCounts(5, out=3)]


def test_an_end_mark_ends_what_has_no_reason_to_end() -> None:
    *_, ended, finished, last = chunks_read(delta(content="a"), None)
    assert (ended, finished, last) == (PartEnded(0, 0), Finished(0, Finish.STOP), StreamEnded())


def test_after_its_end_a_choice_and_a_stream_say_nothing() -> None:
    assert choice_of(delta(content="a"), delta(reason="stop"), delta(content="b", reason="length")) == Choice(
        0, [Text("a")]
    )
    assert chunks_read(delta(content="a"), None, delta(content="b"), None)[-1] == StreamEnded()


def test_choices_are_told_apart() -> None:
    chunks = [
        delta(1, content="b"),
        delta(0, content="a"),
        delta(1, content="b", reason="stop"),
        delta(0, reason="length"),
    ]
    assert reply_of(chunks_read(*chunks)).choices == [
        Choice(0, [Text("a")], Finish.LENGTH),
        Choice(1, [Text("bb")]),
    ]


@given(MESSAGES_ANSWERED, st.sampled_from([None, "stop", "length"]))
def test_a_message_in_one_chunk_is_what_it_is_whole(message: dict[str, Any], reason: str | None) -> None:
    told = {"index": 0, "finish_reason": reason}
    streamed = reply_of(chunks_read({"id": "a", "choices": [{**told, "delta": message}]}, None))
    with suppress(UnreadableReply):
        whole = read_reply({"id": "a", "choices": [{**told, "message": message}]})
        assert streamed.choices == whole.choices


CHUNKS = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"delta": MESSAGES_ANSWERED, "index": st.integers(0, 1)}), max_size=2
        )
        | NEARLY_ANSWERED
    },
    optional={"id": NEARLY_ANSWERED, "usage": USAGES, "error": st.none() | ANY_JSON},
)


@settings(max_examples=300)
@given(st.lists(CHUNKS | ANY_JSON, max_size=6))
def test_whatever_comes_is_read_in_legal_order_or_is_unreadable(chunks: list[Any]) -> None:
    reader = OPENAI_CHAT.event_reader()
    begun: dict[tuple[int, int], bool] = {}
    finished: set[int] = set()
    with suppress(UnreadableReply):
        for chunk in [*chunks, None]:
            for event in reader.read(Event("", chunk)):
                match event:
                    case PartStarted(choice, part):
                        assert (choice, part) not in begun
                        begun[choice, part] = True
                    case PartGrew(choice, part):
                        assert begun[choice, part]
                    case PartEnded(choice, part):
                        assert begun[choice, part]
                        begun[choice, part] = False
                    case Finished(choice):
                        assert choice not in finished
                        assert not any(is_open for (of, _), is_open in begun.items() if of == choice)
                        finished.add(choice)

"""Whole answers as Google's API gives them, and as its clients want them."""

from typing import Any

import pytest

from gateway.dialects.conversation import (
    Audio,
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
from gateway.dialects.dialect import AnswerContext, UnreadableReply
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.reply import Choice, Finish, Reply, TokenCounts


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0, **more}


def read(*candidates: dict[str, Any], **more: Any) -> Reply:
    return GEMINI.read_reply({"candidates": list(candidates), **more})


def parts_of(*parts: dict[str, Any]) -> list[Part]:
    return read(candidate(*parts)).choices[0].parts


def context(*, shows_thoughts: bool = False) -> AnswerContext:
    reasoning = ReasoningAsked(shown=True) if shows_thoughts else None
    asked = Conversation(model="m", messages=[], reasoning=reasoning)
    return AnswerContext(model="our-model", asked=asked, answer_id="ours", created_s=1)


def write(
    *parts: Part, finish: Finish = Finish.STOP, shows_thoughts: bool = False, **more: Any
) -> dict[str, Any]:
    reply = Reply("r", "theirs", [Choice(0, list(parts), finish, **more)])
    written = GEMINI.write_reply(reply, context(shows_thoughts=shows_thoughts))
    (only,) = written["candidates"]
    return only


def test_an_answer_as_google_gives_it() -> None:
    reply = GEMINI.read_reply(
        {
            "candidates": [candidate({"text": "Hello"}, avgLogprobs=-0.1)],
            "usageMetadata": {
                "promptTokenCount": 9,
                "candidatesTokenCount": 3,
                "totalTokenCount": 12,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
            },
            "modelVersion": "gemini-2.5-flash",
            "responseId": "w5Zc",
            "createTime": "2026-01-02T03:04:05.123456Z",
        }
    )
    assert reply == Reply(
        "w5Zc",
        "gemini-2.5-flash",
        [Choice(0, [Text(text="Hello")], Finish.STOP)],
        TokenCounts(uncached_in=9, out=3),
        created_s=1767323045,
    )


def test_thoughts_texts_calls_and_files_are_told_apart() -> None:
    assert parts_of(
        {"text": "hm", "thought": True},
        {"text": "so", "thought": True},
        {"text": "yes"},
        {"text": "!"},
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}, "thoughtSignature": "c2ln"},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "aGk="}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ) == [
        Reasoning(text="hmso", made_by=DialectName.GEMINI),
        Text(text="yes!"),
        ToolCall(id="c1", name="f", arguments='{"a":1}', signature="c2ln"),
        Image(source=Source(base64="aGk=", media_type="image/png")),
        Audio(source=Source(base64="aGk=", media_type="audio/L16;codec=pcm;rate=24000"), format="pcm16"),
        Native(dialect=DialectName.GEMINI, values={"executableCode": {"language": "PYTHON", "code": "1"}}),
    ]


def test_the_signature_of_an_empty_text_belongs_to_the_text_before_it() -> None:
    assert parts_of({"text": "yes"}, {"text": "", "thoughtSignature": "c2ln"}) == [
        Text(text="yes", signature="c2ln")
    ]


def test_a_draft_among_the_thoughts_is_no_answer() -> None:
    draft = {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thought": True}
    assert parts_of(draft) == [Native(dialect=DialectName.GEMINI, values=draft)]


def test_calls_without_ids_get_ones_that_no_other_answer_has() -> None:
    answer = candidate({"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}})
    first, second = (read(answer, responseId=name).choices[0].parts for name in ("r1", "r2"))
    ids = [part.id for part in (*first, *second) if isinstance(part, ToolCall)]
    assert len(set(ids)) == 4
    assert read(answer, responseId="r1").choices[0].parts == first
    assert all(len(each) <= 40 and each.replace("-", "").isalnum() for each in ids)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", Finish.STOP),
        ("MAX_TOKENS", Finish.LENGTH),
        ("SAFETY", Finish.CONTENT_FILTER),
        ("RECITATION", Finish.CONTENT_FILTER),
        ("PROHIBITED_CONTENT", Finish.CONTENT_FILTER),
        ("IMAGE_SAFETY", Finish.CONTENT_FILTER),
        ("MALFORMED_FUNCTION_CALL", Finish.OTHER),
        ("LANGUAGE", Finish.OTHER),
        ("A_NEW_ONE", Finish.OTHER),
    ],
)
def test_why_an_answer_ended(reason: str, finish: Finish) -> None:
    assert read(candidate({"text": "a"}, finishReason=reason)).choices[0].finish is finish


def test_an_answer_with_calls_ended_for_them() -> None:
    assert read(candidate({"functionCall": {"name": "f"}})).choices[0].finish is Finish.TOOL_CALLS
    cut = candidate({"functionCall": {"name": "f"}}, finishReason="MAX_TOKENS")
    assert read(cut).choices[0].finish is Finish.LENGTH


def test_a_blocked_prompt_is_an_answer_that_was_filtered() -> None:
    reply = GEMINI.read_reply(
        {
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
        }
    )
    assert reply.choices == [Choice(0, [], Finish.CONTENT_FILTER)]
    assert reply.counts == TokenCounts(uncached_in=7)


def test_an_answer_that_only_thought_has_no_content() -> None:
    reply = read({"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0})
    assert reply.choices == [Choice(0, [], Finish.LENGTH)]


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "text",
        {},
        {"choices": []},
        {"candidates": "a"},
        {"candidates": [1]},
        {"candidates": [{"content": {"parts": "a"}}]},
        {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}},
    ],
)
def test_what_is_no_answer_is_unreadable(values: Any) -> None:
    with pytest.raises(UnreadableReply):
        GEMINI.read_reply(values)


def test_sources_are_cited_in_characters() -> None:
    (choice,) = read(
        candidate(
            {"text": "서울은 맑다. Yes."},
            groundingMetadata={
                "webSearchQueries": ["weather seoul", "날씨"],
                "groundingChunks": [
                    {"web": {"uri": "https://a.test", "title": "A"}},
                    {"retrievedContext": {"uri": "gs://b", "title": "B", "text": "fine"}},
                ],
                "groundingSupports": [
                    {
                        "segment": {"endIndex": 17, "text": "서울은 맑다."},
                        "groundingChunkIndices": [0, 1, 9],
                    },
                    {
                        "segment": {"startIndex": 1, "endIndex": 4, "text": "elsewhere"},
                        "groundingChunkIndices": [0],
                    },
                ],
            },
            citationMetadata={"citations": [{"startIndex": 18, "endIndex": 22, "uri": "https://c.test"}]},
        ),
        usageMetadata={"promptTokenCount": 1},
    ).choices
    (text,) = choice.parts
    assert isinstance(text, Text)
    assert [(each.url, each.title, each.cited_text, each.start, each.end) for each in text.citations] == [
        ("https://a.test", "A", None, 0, 7),
        ("gs://b", "B", "fine", 0, 7),
        ("https://a.test", "A", None, None, None),
        ("https://c.test", None, None, 8, 12),
    ]


def test_log_probabilities_have_openais_form() -> None:
    (choice,) = read(
        candidate(
            {"text": "é"},
            logprobsResult={
                "chosenCandidates": [{"token": "é", "tokenId": 5, "logProbability": -0.5}, {"token": "b"}],
                "topCandidates": [{"candidates": [{"token": "e", "logProbability": -1}]}],
            },
        )
    ).choices
    assert choice.logprobs == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [{"token": "e", "logprob": -1, "bytes": [101]}],
            },
            {"token": "b", "logprob": 0.0, "bytes": [98], "top_logprobs": []},
        ],
        "refusal": [],
    }
    written = write(*choice.parts, logprobs=choice.logprobs)
    assert written["avgLogprobs"] == -0.25
    assert written["logprobsResult"]["chosenCandidates"] == [
        {"token": "é", "logProbability": -0.5},
        {"token": "b", "logProbability": 0.0},
    ]


def test_an_answer_as_googles_clients_want_it() -> None:
    reply = Reply(
        "",
        "theirs",
        [Choice(0, [Text(text="a"), Text(text="b"), Refusal(text="c")], Finish.STOP_SEQUENCE)],
        TokenCounts(uncached_in=5, cache_read=3, cache_write_5m=2, out=7, reasoning=4),
    )
    assert GEMINI.write_reply(reply, context()) == {
        "candidates": [
            {
                "content": {"parts": [{"text": "abc"}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "cachedContentTokenCount": 3,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 4,
            "totalTokenCount": 17,
        },
        "modelVersion": "our-model",
        "responseId": "ours",
    }


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (Finish.STOP, "STOP"),
        (Finish.STOP_SEQUENCE, "STOP"),
        (Finish.TOOL_CALLS, "STOP"),
        (Finish.LENGTH, "MAX_TOKENS"),
        (Finish.CONTENT_FILTER, "SAFETY"),
        (Finish.REFUSAL, "SAFETY"),
        (Finish.PAUSED, "OTHER"),
        (Finish.OTHER, "OTHER"),
    ],
)
def test_why_an_answer_ended_in_geminis_words(finish: Finish, reason: str) -> None:
    assert write(Text(text="a"), finish=finish)["finishReason"] == reason


def test_a_call_that_nobody_can_read_is_left_out_and_said_to_be_malformed() -> None:
    written = write(Text(text="a"), ToolCall(id="1", name="f", arguments='{"a"'), finish=Finish.TOOL_CALLS)
    assert written["content"]["parts"] == [{"text": "a"}]
    assert written["finishReason"] == "MALFORMED_FUNCTION_CALL"
    cut = write(ToolCall(id="1", name="f", arguments='{"a"'), finish=Finish.LENGTH)
    assert cut["finishReason"] == "MAX_TOKENS"
    assert cut["content"] == {"role": "model"}


def test_thoughts_are_shown_to_those_who_asked() -> None:
    thought = Reasoning(text="hm", signature="s", made_by=DialectName.ANTHROPIC_MESSAGES)
    assert write(thought, Text(text="a"))["content"]["parts"] == [{"text": "a"}]
    assert write(thought, Text(text="a"), shows_thoughts=True)["content"]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "a"},
    ]


@pytest.mark.parametrize("shows_thoughts", [True, False])
@pytest.mark.parametrize("keeps_thoughts", [True, False])
@pytest.mark.parametrize("other_alphabet", [True, False])
def test_another_providers_thoughts_come_back_with_the_call_that_followed_them(
    shows_thoughts: bool, keeps_thoughts: bool, other_alphabet: bool
) -> None:
    thoughts = [
        Reasoning(text="음??>>", signature="s+/=", made_by=DialectName.ANTHROPIC_MESSAGES),
        Reasoning(encrypted="x", made_by=DialectName.ANTHROPIC_MESSAGES),
        Reasoning(
            summary=["one", "two"], encrypted="y", item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES
        ),
    ]
    said, call = Text(text="let me see"), ToolCall(id="toolu_1", name="f", arguments="{}")
    answer = write(*thoughts, said, call, finish=Finish.TOOL_CALLS, shows_thoughts=shows_thoughts)
    sent_back = [
        {**part, "thoughtSignature": part["thoughtSignature"].replace("+", "-").replace("/", "_")}
        if other_alphabet and "thoughtSignature" in part
        else part
        for part in answer["content"]["parts"]
        if keeps_thoughts or not part.get("thought")
    ]
    asked = GEMINI.read_request({"model": "m", "contents": [{"role": "model", "parts": sent_back}]})
    assert asked.messages[0].parts == [*thoughts, said, call]
    assert asked.other == []


def test_geminis_own_signatures_come_back_untouched() -> None:
    parts: list[Part] = [
        Reasoning(text="hm", made_by=DialectName.GEMINI),
        ToolCall(id="1", name="f", arguments="{}", signature="CikB+/x="),
    ]
    written = write(*parts, shows_thoughts=True)
    assert written["content"]["parts"][1]["thoughtSignature"] == "CikB+/x="


def test_citations_are_written_in_bytes_with_their_sources() -> None:
    written = write(
        Text(text="서울 "),
        Text(
            text="맑음",
            citations=[
                Citation(DialectName.ANTHROPIC_MESSAGES, {}, title="doc", cited_text="맑다"),
                Citation(DialectName.OPENAI_RESPONSES, {}, url="https://a.test", title="A", start=1, end=2),
            ],
        ),
    )
    assert written["content"]["parts"] == [{"text": "서울 맑음"}]
    assert written["groundingMetadata"] == {
        "groundingChunks": [
            {"retrievedContext": {"title": "doc", "text": "맑다"}},
            {"web": {"uri": "https://a.test", "title": "A"}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 7, "endIndex": 13, "text": "맑음"}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 10, "endIndex": 13, "text": "음"}, "groundingChunkIndices": [1]},
        ],
    }


def test_files_of_an_answer_are_written_inline() -> None:
    assert write(
        Image(source=Source(base64="aGk=", media_type="image/png")),
        Audio(source=Source(base64="aGk="), format="wav", transcript="hi", id="audio_1"),
        Native(dialect=DialectName.ANTHROPIC_MESSAGES, values={"type": "server_tool_use"}),
    )["content"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
    ]

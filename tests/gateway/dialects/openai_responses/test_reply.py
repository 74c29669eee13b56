"""A whole answer, read from an upstream and written for a caller."""

from typing import Any

import pytest
from openai.types.responses import Response

from gateway.dialects.conversation import (
    Audio,
    Citation,
    Conversation,
    DialectName,
    Image,
    Message,
    Native,
    NativeTool,
    OutputFormat,
    Part,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Role,
    Sampling,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolUse,
)
from gateway.dialects.dialect import AnswerContext, UnreadableReply
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES
from gateway.dialects.reply import Choice, Finish, Reply, TokenCounts

_HERE = DialectName.OPENAI_RESPONSES
_LOGPROB = {"token": "Hi", "bytes": [72, 105], "logprob": -0.1, "top_logprobs": []}
_ANNOTATION = {
    "type": "url_citation",
    "url": "https://a.test",
    "title": "A",
    "start_index": 0,
    "end_index": 2,
}
_SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "q"},
}
# OpenAI's own example of an answer, with an item of every kind that a caller's own tools make.
ANSWER = {
    "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "object": "response",
    "created_at": 1741476542.0,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "gpt-4.1-2025-04-14",
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Think."}],
            "encrypted_content": "gAAA",
        },
        _SEARCH,
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hi", "annotations": [_ANNOTATION], "logprobs": [_LOGPROB]},
                {"type": "refusal", "refusal": "No."},
                {"type": "of_tomorrow", "value": 1},
            ],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "status": "completed",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": "{}",
        },
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "patch", "input": "x"},
    ],
    "parallel_tool_calls": True,
    "service_tier": "default",
    "usage": {
        "input_tokens": 36,
        "input_tokens_details": {"cached_tokens": 6},
        "output_tokens": 87,
        "output_tokens_details": {"reasoning_tokens": 40},
        "total_tokens": 123,
    },
}


def test_an_answer_is_read() -> None:
    assert OPENAI_RESPONSES.read_reply(ANSWER) == Reply(
        id="resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        model="gpt-4.1-2025-04-14",
        choices=[
            Choice(
                0,
                [
                    Reasoning(summary=["Think."], encrypted="gAAA", item_id="rs_1", made_by=_HERE),
                    Native(_HERE, _SEARCH),
                    Text(
                        "Hi", [Citation(_HERE, _ANNOTATION, url="https://a.test", title="A", start=0, end=2)]
                    ),
                    Refusal("No."),
                    ToolCall("call_1", "get_weather", "{}", item_id="fc_1"),
                    ToolCall("call_2", "patch", "x", freeform=True, item_id="ctc_1"),
                ],
                Finish.TOOL_CALLS,
                logprobs={"content": [_LOGPROB], "refusal": []},
            )
        ],
        counts=TokenCounts(uncached_in=30, cache_read=6, out=87, reasoning=40, web_searches=1),
        created_s=1741476542,
        service_tier="default",
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Finish.STOP),
        ({"status": "completed"}, Finish.STOP),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Finish.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Finish.CONTENT_FILTER),
        ({"status": "incomplete"}, Finish.OTHER),
        (
            {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
            Finish.REFUSAL,
        ),
    ],
)
def test_why_an_answer_ended_is_read(fields: dict[str, Any], expected: Finish) -> None:
    assert OPENAI_RESPONSES.read_reply({"output": []} | fields).choices[0].finish is expected


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "hi",
        {},
        {"output": None},
        {"output": ["hi"]},
        {"output": [], "status": "failed", "error": {"code": "server_error", "message": "m"}},
        {"output": [], "error": {"code": "server_error"}},
        {"output": [], "status": "in_progress"},
        {"output": [], "status": "queued"},
        {"output": [], "status": "cancelled"},
        {"output": [{"type": "message", "content": ["hi"]}]},
    ],
)
def test_what_is_no_answer_is_said_to_be_none(values: Any) -> None:
    with pytest.raises(UnreadableReply):
        OPENAI_RESPONSES.read_reply(values)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": "5", "output_tokens": 7.0}, TokenCounts(5, out=7)),
        ({"input_tokens": 5}, TokenCounts(5)),
        (
            {
                "input_tokens": 10,
                "output_tokens": 1,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5},
            },
            TokenCounts(1, cache_read=4, cache_write_5m=5, out=1),
        ),
        # A server that leaves cached tokens out of its prompt's count.
        (
            {"input_tokens": 3, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 4}},
            TokenCounts(3, cache_read=4, out=1),
        ),
        # Servers that leave reasoning out of what was generated.
        (
            {"input_tokens": 3, "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 9}},
            TokenCounts(3, out=10, reasoning=9),
        ),
        (
            {
                "input_tokens": 3,
                "output_tokens": 10,
                "output_tokens_details": {"reasoning_tokens": 9},
                "total_tokens": 22,
            },
            TokenCounts(3, out=19, reasoning=9),
        ),
        ({"input_tokens": -1, "output_tokens": None, "input_tokens_details": 5}, TokenCounts()),
    ],
)
def test_every_token_is_counted_once(usage: Any, expected: TokenCounts | None) -> None:
    assert OPENAI_RESPONSES.read_reply({"output": [], "usage": usage}).counts == expected


def context(**fields: Any) -> AnswerContext:
    asked = Conversation("shop/model", [Message(Role.USER, [Text("hi")])], **fields)
    return AnswerContext("shop/model", asked, "resp_ours", 1_700_000_000)


def reply(*parts: Part, finish: Finish = Finish.STOP, counts: TokenCounts | None = None) -> Reply:
    return Reply("msg_theirs", "claude", [Choice(0, list(parts), finish)], counts)


def write(*parts: Part, **fields: Any) -> dict[str, Any]:
    return OPENAI_RESPONSES.write_reply(reply(*parts), context(**fields))


def test_an_answer_is_written_as_openais_own_client_has_it() -> None:
    answered = reply(Text("Hi"), counts=TokenCounts(30, cache_read=6, cache_write_1h=4, out=87, reasoning=40))
    values = OPENAI_RESPONSES.write_reply(answered, context())
    Response.model_validate(values)
    assert values == {
        "id": "resp_ours",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": "shop/model",
        "output": [
            {
                "id": "msg_ours_0",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}],
            }
        ],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": None,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 40,
            "input_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 4},
            "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 40},
            "total_tokens": 127,
        },
        "user": None,
    }


def test_an_answer_repeats_what_was_asked() -> None:
    search = {"type": "web_search"}
    asked = Conversation(
        "shop/model",
        [Message(Role.SYSTEM, [Text("Be brief.")], path="instructions"), Message(Role.USER, [Text("hi")])],
        tools=[
            Tool("a", parameters={"type": "object"}, strict=True),
            NativeTool(_HERE, "web_search", search),
        ],
        tool_choice=ToolChoice(ToolUse.REQUIRED, ("a",)),
        parallel_tool_calls=False,
        output_format=OutputFormat({"type": "object"}, "answer"),
        reasoning=ReasoningAsked(effort="low", summary="auto"),
        verbosity="low",
        max_output_tokens=9,
        sampling=Sampling(0.5, 0.9),
        top_logprobs=2,
        user="u",
        service_tier="flex",
        metadata={"a": "b"},
    )
    values = OPENAI_RESPONSES.write_reply(reply(Text("Hi")), AnswerContext("shop/model", asked, "abc", 5))
    Response.model_validate(values)
    repeated = {name: values[name] for name in values if name not in ("output", "usage", "object", "status")}
    assert repeated == {
        "id": "resp_abc",
        "created_at": 5,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": "Be brief.",
        "max_output_tokens": 9,
        "max_tool_calls": None,
        "metadata": {"a": "b"},
        "model": "shop/model",
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": None,
        "service_tier": "flex",
        "store": False,
        "temperature": 0.5,
        "text": {
            "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}},
            "verbosity": "low",
        },
        "tool_choice": {"type": "function", "name": "a"},
        "tools": [
            {"type": "function", "name": "a", "parameters": {"type": "object"}, "strict": True},
            search,
        ],
        "top_logprobs": 2,
        "top_p": 0.9,
        "truncation": "disabled",
        "user": "u",
    }


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        (Finish.LENGTH, "incomplete", "max_output_tokens"),
        (Finish.CONTENT_FILTER, "incomplete", "content_filter"),
        (Finish.STOP, "completed", None),
        (Finish.STOP_SEQUENCE, "completed", None),
        (Finish.REFUSAL, "completed", None),
        (Finish.PAUSED, "completed", None),
        (Finish.OTHER, "completed", None),
    ],
)
def test_why_an_answer_ended_is_written(finish: Finish, status: str, reason: str | None) -> None:
    values = OPENAI_RESPONSES.write_reply(reply(Text("a"), ToolCall("c", "n", "{"), finish=finish), context())
    Response.model_validate(values)
    assert values["status"] == status
    assert (values["incomplete_details"] or {}).get("reason") == reason
    # Only the last item was cut short.
    assert [item["status"] for item in values["output"]] == ["completed", status]


def test_items_keep_the_ids_that_they_have() -> None:
    values = write(
        Reasoning(encrypted="gAAA", item_id="rs_1", made_by=_HERE),
        ToolCall("call_1", "n", "{}", item_id="fc_1"),
        ToolCall("call_2", "n", "{}"),
        Native(_HERE, _SEARCH),
    )
    assert [item["id"] for item in values["output"]] == ["rs_1", "fc_1", "fc_ours_2", "ws_1"]


def test_calls_without_ids_and_with_the_same_are_told_apart() -> None:
    values = write(ToolCall("", "n", ""), ToolCall("c", "n", "{}"), ToolCall("c", "n", "{}"))
    assert [item["call_id"] for item in values["output"]] == ["call_ours_0", "c", "c_"]
    assert values["output"][0]["arguments"] == "{}"


def test_a_tool_is_called_by_the_name_its_caller_knows() -> None:
    tools = [Tool("list", namespace="mcp__files"), Tool("shell"), Tool("patch", freeform=True)]
    values = write(
        ToolCall("1", "list", "{}"),
        ToolCall("2", "mcp__files__list", "{}"),
        ToolCall("3", "shell", "{}"),
        ToolCall("4", "patch", '{"input": "*** Begin"}'),
        ToolCall("5", "patch", "*** End", freeform=True),
        ToolCall("6", "patch", "no JSON"),
        ToolCall("7", "other", "{}", namespace="elsewhere"),
        tools=tools,
    )
    told = [
        (item["type"], item.get("namespace"), item["name"], item.get("arguments", item.get("input")))
        for item in values["output"]
    ]
    assert told == [
        ("function_call", "mcp__files", "list", "{}"),
        ("function_call", "mcp__files", "list", "{}"),
        ("function_call", None, "shell", "{}"),
        ("custom_tool_call", None, "patch", "*** Begin"),
        ("custom_tool_call", None, "patch", "*** End"),
        ("custom_tool_call", None, "patch", "no JSON"),
        ("function_call", "elsewhere", "other", "{}"),
    ]


def test_what_has_no_item_is_shown_as_text() -> None:
    values = write(
        Audio(Source(base64="AAAA"), transcript="Hello."),
        Image(Source(url="https://a.test/i.png")),
        Image(Source(base64="AAAA", media_type="image/png")),
        Native(DialectName.ANTHROPIC_MESSAGES, {"type": "server_tool_use"}),
    )
    Response.model_validate(values)
    assert [part["text"] for part in values["output"][0]["content"]] == [
        "Hello.",
        "![](https://a.test/i.png)",
    ]
    assert values["output"][1:] == [
        {"id": "item_ours_1", "type": "image_generation_call", "status": "completed", "result": "AAAA"}
    ]


def test_citations_of_others_are_annotations_where_they_name_a_page() -> None:
    claude = DialectName.ANTHROPIC_MESSAGES
    text = Text(
        "Hi there",
        [
            Citation(claude, {}, url="https://a.test", title="A"),
            Citation(claude, {}, cited_text="of a document"),
        ],
    )
    (part,) = write(text)["output"][0]["content"]
    assert part["annotations"] == [
        {"type": "url_citation", "start_index": 0, "end_index": 8, "url": "https://a.test", "title": "A"}
    ]


def test_log_probabilities_are_of_the_text() -> None:
    answered = Reply("a", "m", [Choice(0, [Text("Hi")], logprobs={"content": [_LOGPROB], "refusal": []})])
    values = OPENAI_RESPONSES.write_reply(answered, context(top_logprobs=0))
    assert values["output"][0]["content"][0]["logprobs"] == [_LOGPROB]


def test_an_answer_of_nothing_is_an_answer() -> None:
    values = OPENAI_RESPONSES.write_reply(Reply("a", "m", []), context())
    Response.model_validate(values)
    assert values["output"] == []
    assert values["usage"] is None

"""What is written in Gemini's dialect means the same when it is read back, and nothing that comes breaks a reader."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from gateway.dialects.conversation import (
    Conversation,
    DialectName,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    ReasoningAsked,
    Refusal,
    Role,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import AnswerContext, Event, UnreadableReply
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.reply import Gathering, Reply, ReplyEvent
from tests.gateway.dialects import conversations as drawn

OWN_THOUGHTS = st.builds(
    Reasoning, text=drawn.WORDS, signature=drawn.BASE64, made_by=st.just(DialectName.GEMINI)
)
SIGNED_TEXTS = st.builds(Text, text=drawn.WORDS, signature=drawn.BASE64)
SIGNED_CALLS = st.builds(
    lambda call, signature: replace(call, signature=signature), drawn.TOOL_CALLS, drawn.BASE64
)
OWN_FILES = st.builds(
    drawn.Image,
    source=st.builds(
        Source,
        file_id=st.just("https://generativelanguage.googleapis.com/v1beta/files/a1"),
        media_type=st.just("image/png"),
    ),
)
BUDGETS = st.builds(
    ReasoningAsked,
    budget_tokens=st.integers(1, 30_000),
    shown=drawn.maybe(st.booleans()),
    enabled=st.just(True),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(
    drawn.conversations(
        user=[drawn.TEXTS, drawn.DETAILED_IMAGES, drawn.AUDIO_ASKED, drawn.PDFS, OWN_FILES],
        assistant=[drawn.TEXTS, drawn.TOOL_CALLS, SIGNED_TEXTS, SIGNED_CALLS, OWN_THOUGHTS],
        results=[drawn.TEXTS],
        sampling=drawn.ALL_SAMPLINGS,
        reasoning=drawn.MAYBE_EFFORTS | BUDGETS,
    ),
    st.sampled_from(
        ["gemini-3-flash-preview", "gemini-2.5-flash", "gemini-2.0-flash", "gemini-flash-latest"]
    ),
)
@settings(max_examples=25, deadline=None)
def test_a_written_request_reads_back_with_its_meaning(asked: Conversation, model: str) -> None:
    asked = replace(asked, model=model)
    written = GEMINI.write_request(asked)
    json.dumps(written.values)
    read = GEMINI.read_request({**written.values, "model": model, "stream": asked.stream})
    assert _without_what_gemini_has_not(read) == _without_what_gemini_has_not(asked)
    again = GEMINI.write_request(read).values
    assert GEMINI.read_request({**again, "model": model, "stream": asked.stream}) == read


def _without_what_gemini_has_not(asked: Conversation) -> Conversation:
    """The conversation with what is reported as lost, or said in another way, made alike."""
    messages: list[Message] = []
    names: dict[str, str] = {}
    for message in asked.messages:
        parts = [_plain(part, names) for part in message.parts]
        if messages and messages[-1].role == message.role:
            messages[-1].parts += parts
        else:
            messages.append(Message(message.role, parts))
    for message in messages:
        if message.role is Role.ASSISTANT:
            message.parts = _texts_joined(message.parts)
    output = asked.output_format
    if output is not None:
        schema = dict(output.schema) if output.schema is not None else None
        if schema is not None:
            for ours, value in (("title", output.name), ("description", output.description)):
                if value is not None:
                    schema.setdefault(ours, value)
            schema.pop("additionalProperties", None)
        output = OutputFormat(schema=schema)
    reasoning = asked.reasoning and replace(asked.reasoning, enabled=None)
    if reasoning is not None and reasoning.effort is not None:
        # Older models are told a budget.
        budgets = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
        reasoning = ReasoningAsked(budget_tokens=budgets[reasoning.effort])
    tools = [
        replace(tool, strict=None, parameters=_open(tool.parameters))
        for tool in asked.tools
        if isinstance(tool, Tool)
    ]
    return replace(
        asked,
        messages=messages,
        output_format=output,
        reasoning=reasoning,
        tools=tools,
        parallel_tool_calls=None,
        user=None,
        other=[],
    )


def _open(schema: Any) -> dict[str, Any] | None:
    if not schema:
        return None
    return {name: value for name, value in schema.items() if name != "additionalProperties"}


def _plain(part: Part, names: dict[str, str]) -> Part:
    match part:
        case ToolCall():
            names[part.id] = part.name
            return replace(part, arguments=json.dumps(json.loads(part.arguments)))
        case ToolResult():
            text = "\n".join(each.text for each in part.parts if isinstance(each, Text))
            return replace(part, name=names[part.call_id], parts=[Text(text=text)])
        case drawn.Document():
            return replace(part, file_name=None)
        case drawn.Image() if part.source.url is not None:
            return replace(part, source=replace(part.source, media_type="image/jpeg"), detail=None)
        case drawn.Image():
            return replace(part, detail=None)
    return part


ANSWERED = [
    drawn.TEXTS,
    drawn.TOOL_CALLS,
    drawn.REFUSALS,
    drawn.REASONING_ALOUD,
    SIGNED_TEXTS,
    SIGNED_CALLS,
    OWN_THOUGHTS,
    drawn.IMAGES.filter(lambda image: image.source.base64 is not None),
]


@given(drawn.replies_with_events(parts=ANSWERED, choices=3, interleaved=False))
@settings(max_examples=25, deadline=None)
def test_a_written_stream_gathers_to_what_was_said(drawn_reply: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn_reply
    assert _joined(_streamed(events)) == _joined(reply)


@given(drawn.replies_with_events(parts=ANSWERED, choices=3, interleaved=True))
@settings(max_examples=25, deadline=None)
def test_parts_that_grow_side_by_side_are_not_mixed(drawn_reply: tuple[Reply, list[ReplyEvent]]) -> None:
    reply, events = drawn_reply
    streamed = sorted(_streamed(events).choices, key=lambda choice: choice.index)
    for said, meant in zip(streamed, reply.choices, strict=True):
        assert said.finish == meant.finish
        for kind in (Text, Reasoning, ToolCall, drawn.Image):
            assert _of_kind(said.parts, kind) == _of_kind(meant.parts, kind)


def _of_kind(parts: Iterable[Part], kind: type) -> Any:
    found = [_answered(part) for part in parts]
    if kind in (Text, Reasoning):
        return "".join(part.text for part in found if isinstance(part, kind))
    return [part for part in found if isinstance(part, kind)]


@given(drawn.replies(parts=ANSWERED, choices=3))
@settings(max_examples=25, deadline=None)
def test_a_written_answer_reads_back(reply: Reply) -> None:
    written = GEMINI.write_reply(reply, _context())
    json.dumps(written)
    assert _joined(GEMINI.read_reply(written)) == _joined(reply)


def _streamed(events: list[ReplyEvent]) -> Reply:
    writer, reader, gathering = GEMINI.event_writer(_context()), GEMINI.event_reader(), Gathering()
    sent = [event for each in events for event in writer.write(each)] + writer.closing({"credits": 1})
    assert sent[-1].values.get("usageMetadata", sent[-1].values)["credits"] == 1
    for event in sent:
        assert event.name == ""
        for read in reader.read(Event("", json.loads(json.dumps(event.values)))):
            gathering.take(read)
    return gathering.reply


def _context() -> AnswerContext:
    asked = Conversation(model="m", messages=[], reasoning=ReasoningAsked(shown=True))
    return AnswerContext(model="our-model", asked=asked, answer_id="answer", created_s=1)


def _joined(reply: Reply) -> Reply:
    """The reply as Gemini can say it: texts in a row are one, and nobody says when it was made."""
    choices = [
        replace(choice, parts=_texts_joined(map(_answered, choice.parts)))
        for choice in sorted(reply.choices, key=lambda choice: choice.index)
    ]
    return replace(reply, model="our-model", created_s=None, choices=choices)


def _texts_joined(parts: Iterable[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if (
            type(last) is type(part)
            and isinstance(last, Text | Reasoning)
            and isinstance(part, Text | Reasoning)
            and last.signature is None
        ):
            joined[-1] = replace(last, text=last.text + part.text, signature=part.signature)
        else:
            joined.append(part)
    return joined


def _answered(part: Part) -> Part:
    match part:
        case Refusal():
            return Text(text=part.text)
        case Reasoning():
            return replace(part, made_by=DialectName.GEMINI)
        case ToolCall():
            # Another dialect's thoughts travel with the call that follows them.
            signature = part.signature if part.signature and not part.signature.startswith("YWlv") else None
            return replace(part, arguments=json.dumps(json.loads(part.arguments)), signature=signature)
    return part


@given(JSON)
@settings(max_examples=60, deadline=None)
def test_any_json_is_a_request_or_is_refused(values: Any) -> None:
    _read_or_refused({"model": "m", "contents": values})
    _read_or_refused({"model": "m", "contents": [{"parts": values}]})
    _read_or_refused({"model": "m", "contents": [{"parts": [{"text": "a"}]}], "generationConfig": values})


@given(JSON, st.data())
@settings(max_examples=80, deadline=None)
def test_any_json_in_a_field_is_read_or_refused(values: Any, data: st.DataObject) -> None:
    body = _changed(WHOLE_BODY, values, data)
    _read_or_refused({**body, "model": "m"} if isinstance(body, dict) else {"model": "m"})


def _read_or_refused(values: dict[str, Any]) -> None:
    try:
        asked = GEMINI.read_request(values)
    except InvalidRequest:
        return
    GEMINI.write_request(asked)


@given(JSON, st.data())
@settings(max_examples=80, deadline=None)
def test_any_json_is_an_answer_or_unreadable(values: Any, data: st.DataObject) -> None:
    for answer in (values, _changed(WHOLE_ANSWER, values, data)):
        try:
            reply = GEMINI.read_reply(answer)
        except UnreadableReply:
            continue
        GEMINI.write_reply(reply, _context())


def _changed(values: Any, other: Any, data: st.DataObject) -> Any:
    """The values with one of them, wherever it is, put in the place of another."""
    if isinstance(values, dict) and values and data.draw(st.integers(0, 5)):
        name = data.draw(st.sampled_from(sorted(values)))
        return {**values, name: _changed(values[name], other, data)}
    if isinstance(values, list) and values and data.draw(st.integers(0, 5)):
        place = data.draw(st.integers(0, len(values) - 1))
        return [*values[:place], _changed(values[place], other, data), *values[place + 1 :]]
    return other


WHOLE_BODY: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "hi"},
                {
                    "inlineData": {"mimeType": "image/png", "data": "aGk="},
                    "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                },
                {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}, "videoMetadata": {"fps": 1}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True, "thoughtSignature": "aGk="},
                {"functionCall": {"name": "f", "args": {"a": [1, {}]}}, "thoughtSignature": "aGk="},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "name": "f",
                        "response": {"output": "x"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
                    }
                }
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"a": {"type": "ARRAY", "items": {"type": "STRING", "nullable": True}}},
                        "required": ["a"],
                        "propertyOrdering": ["a"],
                    },
                }
            ]
        },
        {"googleSearch": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
    "labels": {"a": "b"},
    "serviceTier": "flex",
    "generationConfig": {
        "maxOutputTokens": 5,
        "temperature": 1,
        "topP": 0.5,
        "topK": 4,
        "seed": 7,
        "stopSequences": ["a"],
        "candidateCount": 2,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "STRING", "enum": ["a"]},
        "responseLogprobs": True,
        "logprobs": 2,
        "thinkingConfig": {"thinkingBudget": 5, "includeThoughts": True},
        "responseModalities": ["TEXT"],
    },
}
WHOLE_ANSWER: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True},
                    {"text": "yes", "thoughtSignature": "aGk="},
                    {"functionCall": {"name": "f", "args": {}, "id": "1"}},
                    {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "groundingMetadata": {
                "webSearchQueries": ["q"],
                "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}],
                "groundingSupports": [
                    {"segment": {"endIndex": 3, "text": "yes"}, "groundingChunkIndices": [0]}
                ],
            },
            "citationMetadata": {"citations": [{"startIndex": 1, "endIndex": 2, "uri": "https://b.test"}]},
            "logprobsResult": {
                "chosenCandidates": [{"token": "yes", "logProbability": -0.1}],
                "topCandidates": [{"candidates": [{"token": "no", "logProbability": -2}]}],
            },
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "totalTokenCount": 20,
        "thoughtsTokenCount": 5,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
    "createTime": "2026-01-01T00:00:00Z",
}

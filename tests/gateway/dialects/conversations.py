"""Hypothesis strategies for the inner form: legal conversations, replies, and the orders in which a reply may stream.

What a dialect cannot say is left out by the caller's choice of parts: `conversations(user=[TEXTS, IMAGES])`,
`replies(parts=[TEXTS, TOOL_CALLS], choices=1)`. `path` is left empty; it is no part of equality.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from gateway.dialects.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Message,
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
    ToolResult,
    ToolUse,
)
from gateway.dialects.reply import (
    Choice,
    Counted,
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

_T = TypeVar("_T")

NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,15}", fullmatch=True)
WORDS = st.one_of(
    st.text(min_size=1, max_size=12), st.sampled_from(["hello", "안녕하세요", " a\n", "{", '"', "🙂"])
)
BASE64 = st.binary(min_size=3, max_size=24).map(lambda data: base64.b64encode(data).decode())
# Base64 without padding, so that it can be cut at every fourth character.
WHOLE_BASE64 = st.binary(min_size=1, max_size=8).map(lambda data: base64.b64encode(data * 3).decode())
URLS = NAMES.map(lambda name: f"https://files.test/{name}")
_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
JSON_OBJECTS: SearchStrategy[dict[str, Any]] = st.dictionaries(NAMES, _JSON_VALUES, max_size=3)
ARGUMENTS = JSON_OBJECTS.map(partial(json.dumps, ensure_ascii=False))
SCHEMAS = st.dictionaries(NAMES, st.sampled_from(["string", "number"]), max_size=3).map(
    lambda kinds: {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in kinds.items()},
        "required": sorted(kinds),
        "additionalProperties": False,
    }
)


def maybe(strategy: SearchStrategy[_T]) -> SearchStrategy[_T | None]:
    return st.none() | strategy


def sources(media_types: Sequence[str], *, urls: bool = True) -> SearchStrategy[Source]:
    """Bytes of one of these kinds, or a web address. A `file_id` belongs to one provider: none is drawn."""
    held = st.builds(Source, base64=BASE64, media_type=st.sampled_from(media_types))
    return held | st.builds(Source, url=URLS) if urls else held


TEXTS = st.builds(Text, text=WORDS)
IMAGES = st.builds(Image, source=sources(["image/png", "image/jpeg"]))
DETAILED_IMAGES = st.builds(
    Image, source=sources(["image/png", "image/webp"]), detail=maybe(st.sampled_from(["low", "high", "auto"]))
)
# A question's sound has no transcript; an answer's has.
AUDIO_ASKED = st.sampled_from(["wav", "mp3"]).flatmap(
    lambda kind: st.builds(Audio, source=sources([f"audio/{kind}"], urls=False), format=st.just(kind))
)
PDFS = st.builds(
    Document, source=sources(["application/pdf"], urls=False), file_name=NAMES.map(lambda name: name + ".pdf")
)
TEXT_DOCUMENTS = st.builds(Document, text=WORDS, file_name=maybe(NAMES))
REASONING_ALOUD = st.builds(Reasoning, text=WORDS)
REFUSALS = st.builds(Refusal, text=WORDS)
TOOL_CALLS = st.builds(ToolCall, id=NAMES.map(lambda name: "call_" + name), name=NAMES, arguments=ARGUMENTS)
FREEFORM_CALLS = st.builds(
    ToolCall, id=NAMES.map(lambda name: "call_" + name), name=NAMES, arguments=WORDS, freeform=st.just(True)
)
AUDIO_ANSWERED = st.builds(
    Audio,
    source=st.builds(Source, base64=WHOLE_BASE64),
    transcript=WORDS,
    id=NAMES.map(lambda name: "audio_" + name),
)


def with_cache_marks(parts: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Some of these parts are the end of what the model shall keep."""
    marks = maybe(st.sampled_from(["5m", "1h"]))
    return st.builds(lambda part, ttl: replace(part, cache_ttl=ttl), parts, marks)


FUNCTIONS = st.builds(
    Tool, name=NAMES, description=maybe(WORDS), parameters=maybe(SCHEMAS), strict=maybe(st.booleans())
)
FREEFORM_TOOLS = st.builds(Tool, name=NAMES, description=maybe(WORDS), freeform=st.just(True))
OUTPUT_FORMATS = st.just(OutputFormat()) | st.builds(
    OutputFormat, schema=SCHEMAS, name=NAMES, description=maybe(WORDS), strict=maybe(st.booleans())
)
EFFORTS = st.builds(ReasoningAsked, effort=st.sampled_from(["minimal", "low", "medium", "high"]))

MAYBE_OUTPUT_FORMATS = maybe(OUTPUT_FORMATS)
MAYBE_EFFORTS = maybe(EFFORTS)


def _unit(most: float, least: float = 0) -> SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False, width=16)


SAMPLINGS = st.builds(Sampling, temperature=maybe(_unit(1)), top_p=maybe(_unit(1)))
ALL_SAMPLINGS = st.builds(
    Sampling,
    temperature=maybe(_unit(2)),
    top_p=maybe(_unit(1)),
    seed=maybe(st.integers(0, 2**31 - 1)),
    presence_penalty=maybe(_unit(2, -2)),
    frequency_penalty=maybe(_unit(2, -2)),
)


@st.composite
def _turns(
    draw: st.DrawFn,
    user: SearchStrategy[Part],
    assistant: SearchStrategy[Part],
    results: SearchStrategy[Text | Image | Document],
) -> list[Message]:
    """What the user says, what the model answers, and the results of all that it called, in their order."""
    said = draw(st.lists(assistant, min_size=1, max_size=4, unique_by=_identity))
    messages = [
        Message(Role.USER, draw(st.lists(user, min_size=1, max_size=3))),
        Message(Role.ASSISTANT, said),
    ]
    answers: list[Part] = [
        ToolResult(
            part.id, draw(st.lists(results, min_size=1, max_size=2)), name=None, freeform=part.freeform
        )
        for part in said
        if isinstance(part, ToolCall)
    ]
    if answers:
        messages.append(Message(Role.USER, answers))
    return messages


def _identity(part: Part) -> object:
    return part.id if isinstance(part, ToolCall) else id(part)


@st.composite
def conversations(
    draw: st.DrawFn,
    *,
    user: Sequence[SearchStrategy[Any]] = (TEXTS, IMAGES),
    assistant: Sequence[SearchStrategy[Any]] = (TEXTS, TOOL_CALLS),
    results: Sequence[SearchStrategy[Any]] = (TEXTS,),
    tools: Sequence[SearchStrategy[Any]] = (FUNCTIONS,),
    sampling: SearchStrategy[Sampling] = SAMPLINGS,
    output_format: SearchStrategy[OutputFormat | None] = MAYBE_OUTPUT_FORMATS,
    reasoning: SearchStrategy[ReasoningAsked | None] = MAYBE_EFFORTS,
    system: bool = True,
) -> Conversation:
    """A conversation that any provider would take: system texts first, turns in order, the last word the user's.

    Ids of calls are unique within it; a tool choice is only made where there are tools.
    """
    messages: list[Message] = []
    if system and draw(st.booleans()):
        messages.append(Message(Role.SYSTEM, list(draw(st.lists(TEXTS, min_size=1, max_size=2)))))
    turn = _turns(st.one_of(*user), st.one_of(*assistant), st.one_of(*results))
    for number, messages_of_turn in enumerate(draw(st.lists(turn, max_size=2))):
        messages += [_told_apart(message, number) for message in messages_of_turn]
    messages.append(Message(Role.USER, draw(st.lists(st.one_of(*user), min_size=1, max_size=3))))
    offered = draw(st.lists(st.one_of(*tools), max_size=3, unique_by=lambda tool: tool.name)) if tools else []
    return Conversation(
        model=draw(NAMES),
        messages=messages,
        tools=list(offered),
        tool_choice=draw(maybe(tool_choices([tool.name for tool in offered]))) if offered else None,
        parallel_tool_calls=draw(maybe(st.booleans())) if offered else None,
        output_format=draw(output_format),
        reasoning=draw(reasoning),
        max_output_tokens=draw(maybe(st.integers(1, 100_000))),
        stop=tuple(draw(st.lists(NAMES, max_size=3))),
        sampling=draw(sampling),
        stream=draw(st.booleans()),
        user=draw(maybe(NAMES)),
    )


def _told_apart(message: Message, number: int) -> Message:
    """The message with ids of calls that no other turn has."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            part = replace(part, id=f"{part.id}_{number}")
        elif isinstance(part, ToolResult):
            part = replace(part, call_id=f"{part.call_id}_{number}")
        parts.append(part)
    return replace(message, parts=parts)


def tool_choices(names: list[str]) -> SearchStrategy[ToolChoice]:
    """Any use of all tools, or one of them that must be called."""
    uses = st.builds(ToolChoice, use=st.sampled_from(ToolUse))
    return uses | st.builds(
        ToolChoice, use=st.just(ToolUse.REQUIRED), names=st.sampled_from(names).map(lambda name: (name,))
    )


@st.composite
def token_counts(draw: st.DrawFn, *, cache_writes: bool = False, audio: bool = False) -> TokenCounts:
    """Counts that agree with one another: no part is larger than its whole."""
    small = st.integers(0, 1000)
    out = draw(small)
    reasoning = draw(st.integers(0, out))
    uncached_in = draw(small)
    return TokenCounts(
        uncached_in=uncached_in,
        cache_read=draw(small),
        cache_write_5m=draw(small) if cache_writes else 0,
        cache_write_1h=draw(small) if cache_writes else 0,
        out=out,
        reasoning=reasoning,
        audio_in=draw(st.integers(0, uncached_in)) if audio else 0,
        audio_out=draw(st.integers(0, out - reasoning)) if audio else 0,
    )


@st.composite
def replies(
    draw: st.DrawFn,
    *,
    parts: Sequence[SearchStrategy[Any]] = (TEXTS, TOOL_CALLS),
    choices: int = 1,
    counts: SearchStrategy[TokenCounts | None] | None = None,
) -> Reply:
    """A whole answer of one to `choices` choices, of one to four parts each, with a finish that fits them."""
    made = []
    for index in range(draw(st.integers(1, choices))):
        said = draw(st.lists(st.one_of(*parts), min_size=1, max_size=4, unique_by=_identity))
        if any(isinstance(part, ToolCall) for part in said):
            finish = Finish.TOOL_CALLS
        else:
            finish = draw(st.sampled_from([Finish.STOP, Finish.LENGTH]))
        made.append(Choice(index, list(said), finish))
    return Reply(
        id=draw(NAMES),
        model=draw(NAMES),
        choices=made,
        counts=draw(token_counts() if counts is None else counts),
        created_s=draw(st.integers(1, 2**31)),
    )


@st.composite
def events_of(draw: st.DrawFn, reply: Reply, *, interleaved: bool = True) -> list[ReplyEvent]:
    """One legal order of events that tell of the reply: `Started` first, then each choice's parts, `StreamEnded` last.

    Parts of a choice begin in their order. Choices mix in any order; where `interleaved`, so do the parts of one choice
    (a part may go on when the next has begun). Every part is cut at places that are drawn, and may begin empty. A
    choice finishes when all its parts have ended; counts come before, among and after, the last of them right.
    """
    queues = [_choice_events(draw, choice, interleaved=interleaved) for choice in reply.choices]
    if reply.counts is not None:
        queues.append([Counted(counts) for counts in draw(_growing_counts(reply.counts))])
    early = draw(maybe(st.just(reply.counts))) if reply.counts is not None else None
    events: list[ReplyEvent] = [Started(reply.id, reply.model, reply.created_s, early)]
    events += _mixed(draw, queues)
    events.append(StreamEnded())
    return events


@st.composite
def replies_with_events(
    draw: st.DrawFn,
    *,
    parts: Sequence[SearchStrategy[Any]] = (TEXTS, TOOL_CALLS),
    choices: int = 1,
    interleaved: bool = True,
) -> tuple[Reply, list[ReplyEvent]]:
    """A reply and one order of its events."""
    reply = draw(replies(parts=parts, choices=choices))
    return reply, draw(events_of(reply, interleaved=interleaved))


def _growing_counts(last: TokenCounts) -> SearchStrategy[list[TokenCounts]]:
    earlier = last._replace(out=0, reasoning=0, audio_out=0)
    return st.sampled_from([[last], [earlier, last], [last, last]])


def _choice_events(draw: st.DrawFn, choice: Choice, *, interleaved: bool) -> list[ReplyEvent]:
    queues = [_part_events(draw, choice.index, index, part) for index, part in enumerate(choice.parts)]
    finished = Finished(choice.index, choice.finish, choice.stop_sequence)
    if not interleaved:
        return [*(event for queue in queues for event in queue), finished]
    events: list[ReplyEvent] = []
    waiting = list(queues)
    running: list[list[ReplyEvent]] = []
    while waiting or running:
        place = draw(st.integers(0, len(running) - (not waiting)))
        if place == len(running):
            running.append(waiting.pop(0))
        events.append(running[place].pop(0))
        running = [queue for queue in running if queue]
    return [*events, finished]


def _mixed(draw: st.DrawFn, queues: list[list[ReplyEvent]]) -> list[ReplyEvent]:
    """The events of all queues, each queue's in its order."""
    events: list[ReplyEvent] = []
    running = [list(queue) for queue in queues if queue]
    while running:
        events.append(running[draw(st.integers(0, len(running) - 1))].pop(0))
        running = [queue for queue in running if queue]
    return events


def _part_events(draw: st.DrawFn, choice: int, index: int, part: Part) -> list[ReplyEvent]:
    grew = partial(PartGrew, choice, index)
    begun, growth = part, []
    match part:
        case Text(text=text, citations=citations, signature=signature):
            first, *pieces = draw(_cuts(text))
            begun = replace(part, text=first, citations=[], signature=None)
            growth = [grew(piece) for piece in pieces] + [grew(citation=citation) for citation in citations]
            growth += [grew(signature=signature)] if signature else []
        case Refusal(text=text):
            first, *pieces = draw(_cuts(text))
            begun, growth = replace(part, text=first), [grew(piece) for piece in pieces]
        case ToolCall(arguments=arguments):
            first, *pieces = draw(_cuts(arguments))
            begun, growth = replace(part, arguments=first), [grew(piece) for piece in pieces]
        case Reasoning(text=text, summary=summary, signature=signature, encrypted=encrypted):
            first, *pieces = draw(_cuts(text))
            begun = replace(part, text=first, summary=[], signature=None, encrypted=None)
            growth = [grew(piece) for piece in pieces]
            for number, whole in enumerate(summary):
                growth += [grew(piece, summary=number) for piece in draw(_cuts(whole))]
            growth += [grew(signature=signature)] if signature else []
            growth += [grew(encrypted=encrypted)] if encrypted else []
        case Audio(transcript=str(transcript), source=Source(base64=str(data))):
            begun = replace(part, transcript="", source=replace(part.source, base64=""))
            quarters = draw(_cuts(data, every=4))
            growth = [grew(piece) for piece in draw(_cuts(transcript))] + [
                grew(audio=piece) for piece in quarters
            ]
    return [PartStarted(choice, index, begun), *growth, PartEnded(choice, index)]


@st.composite
def _cuts(draw: st.DrawFn, text: str, every: int = 1) -> list[str]:
    """The text in pieces, cut at up to three places that are drawn; the first and others may be empty."""
    places = draw(st.lists(st.integers(0, len(text) // every), max_size=3).map(sorted))
    ends = [0, *(place * every for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]

"""Bodies for the four chat addresses: mostly such as are taken, with any value in every field nobody checks."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from money.delivered.catalog import MAX_OUTPUT_TOKENS
from money.delivered.odd_values import ABSENT, ODD, PLAIN_TEXTS, TEXTS, to_json, without_absent

OPENAI = "/v1/chat/completions"
API_IN_ONE = "/api/v1/chat/completions"
LLM = "/llm/v1/chat/completions"
TEXT = "/api/chat"
MOUNTS = (OPENAI, API_IN_ONE, LLM, TEXT)
IMAGE_URL = "data:image/png;base64,iVBORw0KGgo="

# Read where they were not checked, if anywhere: fields beside those of a part's, a message's or a tool's own kind.
_EXTRA_NAMES = st.sampled_from(
    ("text", "refusal", "image_url", "url", "detail", "cache_control", "type2", "content", "function", "x")
)
_EXTRAS = st.dictionaries(_EXTRA_NAMES, ODD, max_size=2)
_TOP_LEVEL_NAMES = st.sampled_from(
    (
        "user",
        "metadata",
        "store",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "parallel_tool_calls",
        "top_k",
        "min_p",
        "repetition_penalty",
        "verbosity",
        "thinking",
        "service_tier",
        "function_call",
        "modalities",
        "error",
        "usage",
        "credits_consumed",
        "extra_body",
        "x",
    )
)
_CALLS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "id": st.just("call_1"),
                "type": st.just("function"),
                "function": st.fixed_dictionaries({"name": PLAIN_TEXTS, "arguments": st.one_of(TEXTS, ODD)}),
            }
        ),
        st.dictionaries(st.sampled_from(("id", "type", "function", "index")), ODD, max_size=3),
    ),
    max_size=2,
)
_TOOLS = st.lists(
    st.builds(
        lambda function, extra: {**extra, "type": "function", "function": function},
        st.one_of(
            st.fixed_dictionaries(
                {"name": st.just("look_up"), "parameters": st.one_of(ODD, st.just({"type": "object"}))}
            ),
            ODD,
        ),
        _EXTRAS,
    ),
    max_size=2,
)


@dataclass(frozen=True)
class ChatAsked:
    """A request: its body as bytes, whether its answer is to be a stream, and the most tokens it may have."""

    path: str
    body: bytes
    headers: dict[str, str]
    streamed: bool
    output_limit: int


@st.composite
def _parts(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(("text", "text", "image_url", "refusal")))
    extras = draw(_EXTRAS)
    if kind == "image_url":
        own: Any = {"url": draw(st.sampled_from((IMAGE_URL, "https://example.com/cat.png"))), **draw(_EXTRAS)}
        own["url"] = (
            own["url"] if isinstance(own["url"], str) and own["url"].startswith("http") else IMAGE_URL
        )
    else:
        own = draw(TEXTS)
    return {**extras, "type": kind, kind: own}


@st.composite
def _messages(draw: st.DrawFn) -> dict[str, Any]:
    role = draw(st.sampled_from(("user", "user", "system", "assistant", "tool", "developer")))
    content: Any = draw(st.one_of(TEXTS, TEXTS, st.lists(_parts(), min_size=1, max_size=3), st.none()))
    if content is None and role != "assistant":
        content = "hello"
    message: dict[str, Any] = {"role": role, "content": content}
    if draw(st.integers(0, 3)) == 0:
        message["tool_calls"] = draw(st.one_of(st.none(), _CALLS))
    if draw(st.integers(0, 3)) == 0:
        message["name"] = draw(st.one_of(st.none(), TEXTS))
    if draw(st.integers(0, 3)) == 0:
        message |= {name: value for name, value in draw(_EXTRAS).items() if name != "content"}
    return message


@st.composite
def chat_requests(draw: st.DrawFn) -> ChatAsked:
    """Any address, any fields. One in a dozen has something in a checked field too, and is refused."""
    path = draw(st.sampled_from((OPENAI, OPENAI, API_IN_ONE, LLM, TEXT)))
    stream = (
        draw(st.sampled_from((ABSENT, None, True, True, False)))
        if path != TEXT
        else draw(st.sampled_from((ABSENT, False)))
    )
    values: dict[str, Any] = {"model": "lane-@lane@", "stream": stream}
    if path == TEXT or (path == LLM and draw(st.booleans())):
        values["input"] = draw(TEXTS) or "hello"
    else:
        values["messages"] = draw(st.lists(_messages(), min_size=1, max_size=3))
    if draw(st.booleans()):
        values |= without_absent(
            {
                "n": draw(st.sampled_from((ABSENT, None, 1, 2, 3))),
                "max_tokens": draw(st.sampled_from((ABSENT, None, 1, 5, 64, 4096))),
                "max_completion_tokens": draw(st.sampled_from((ABSENT, ABSENT, None, 7, 300))),
                "stream_options": draw(
                    st.one_of(
                        st.just(ABSENT),
                        st.none(),
                        st.just({"include_usage": True}),
                        st.builds(lambda extra: {"include_usage": None, **extra}, _EXTRAS),
                    )
                ),
                "temperature": draw(st.sampled_from((ABSENT, None, 0, 1.5))),
                "tools": draw(st.one_of(st.just(ABSENT), st.none(), _TOOLS)),
                "tool_choice": draw(st.one_of(st.just(ABSENT), st.none(), st.just("auto"), _EXTRAS)),
                "response_format": draw(st.one_of(st.just(ABSENT), st.none(), _EXTRAS)),
                "stop": draw(st.one_of(st.just(ABSENT), st.none(), TEXTS, st.lists(TEXTS, max_size=2))),
                "seed": draw(st.sampled_from((ABSENT, None, 0, -(2**63), 2**63 - 1))),
            }
        )
        values |= draw(st.dictionaries(_TOP_LEVEL_NAMES, ODD, max_size=2))
    if draw(st.integers(0, 19)) == 19:
        values[draw(st.sampled_from(sorted(values)))] = draw(ODD)
    headers = {"Content-Type": "application/json"}
    accept = draw(st.sampled_from(("", "", "application/json", "text/event-stream", "*/*")))
    if accept:
        headers["Accept"] = accept
    body = to_json(without_absent(values), ascii_only=draw(st.booleans()))
    asks_stream = stream is True or (
        path == API_IN_ONE and stream in (ABSENT, None) and accept != "application/json"
    )
    limits = [
        limit
        for name in ("max_tokens", "max_completion_tokens")
        if isinstance(limit := values.get(name), int)
    ]
    return ChatAsked(path, body, headers, asks_stream, max(limits, default=MAX_OUTPUT_TOKENS))

"""What an upstream of chat may say: a plain answer, or one with any value in any place, whole or streamed."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from money.delivered.catalog import price_of
from money.delivered.chat_requests import ChatAsked
from money.delivered.http_script import FRAMINGS, STATUSES, http_answer, scripts
from money.delivered.odd_values import ABSENT, LAX, PLAIN_TEXTS, TEXTS, to_json, without_absent
from money.delivered.scripted_upstream import Script

_FINISHES = st.sampled_from(("stop", "stop", "length", "content_filter", "tool_calls"))
_TOOL_CALL = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "look_up", "arguments": '{"q": 1}'},
}


@dataclass(frozen=True)
class UpstreamSays:
    """The script of an answer, and what it truly costs where it is a plain one that came whole."""

    script: Script
    true_price: int | None
    can_deliver: bool


@dataclass(frozen=True)
class _Truth:
    """The tokens that an answer used."""

    tokens_in: int
    tokens_out: int


@dataclass
class _Oddities:
    """Replaces values on the way: never, or one time in `rarity`."""

    draw: st.DrawFn
    rarity: int

    def __call__(self, value: Any) -> Any:
        if not self.rarity:
            return value
        choice = self.draw(st.integers(0, self.rarity))
        if choice == self.rarity:
            return self.draw(LAX)
        return ABSENT if choice == self.rarity - 1 else value


@st.composite
def chat_answers(draw: st.DrawFn, asked: ChatAsked) -> UpstreamSays:
    """An answer of the kind that was asked for, most times."""
    odd = _Oddities(draw, draw(st.sampled_from((0, 0, 40, 40, 12))))
    is_plain = odd.rarity == 0
    texts = draw(st.lists(PLAIN_TEXTS if is_plain else TEXTS, min_size=1, max_size=4))
    truth = _believable(draw, asked, "".join(texts))
    usage = _usage(draw, odd, truth)
    is_true = usage == _plain_usage(truth)
    as_stream = asked.streamed if is_plain or draw(st.integers(0, 15)) else not asked.streamed
    if as_stream:
        body, content_type = _streamed(draw, odd, texts, usage), "text/event-stream"
    else:
        body, content_type = _whole(draw, odd, "".join(texts), usage), "application/json"
    status = 200
    if not is_plain and draw(st.integers(0, 9)) == 9:
        status = draw(STATUSES)
        content_type = draw(st.sampled_from((content_type, "text/html", "text/plain; charset=utf-8", None)))  # type: ignore[assignment]
        body = body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body
    framing = draw(FRAMINGS)
    ends_well = draw(st.integers(0, 5)) < 5
    raw = http_answer(body, content_type, status=status, framing=framing)
    script = draw(scripts(raw, framing=framing, ends_well=ends_well))
    is_plain = is_plain and is_true and truth.tokens_out <= asked.output_limit
    price = price_of(tokens_in=truth.tokens_in, tokens_out=truth.tokens_out)
    return UpstreamSays(script, price if is_plain and script.stop is None else None, 200 <= status < 300)


def _believable(draw: st.DrawFn, asked: ChatAsked, text: str) -> _Truth:
    """Counts that such texts can have: a token is from one to five bytes or so."""
    size = len(text.encode())
    return _Truth(
        1 + draw(st.integers(len(asked.body) // 5, len(asked.body) // 2)),
        draw(st.integers(-(-size // 4), max(size, 1))),
    )


def _plain_usage(truth: _Truth) -> dict[str, Any]:
    return {
        "prompt_tokens": truth.tokens_in,
        "completion_tokens": truth.tokens_out,
        "total_tokens": truth.tokens_in + truth.tokens_out,
    }


def _usage(draw: st.DrawFn, odd: _Oddities, truth: _Truth) -> Any:
    usage = _plain_usage(truth)
    if odd.rarity == 0 and draw(st.integers(0, 3)):
        return usage
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from((ABSENT, None)))
    if kind == 1:
        return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    if kind == 2:
        return draw(LAX)
    if kind == 3:
        return {name: draw(st.one_of(LAX, st.integers(-(10**20), 10**20))) for name in usage}
    if kind == 4:
        return {
            name: draw(st.sampled_from((float(count), str(count), -count, 0)))
            for name, count in usage.items()
        }
    if kind == 5:
        del usage[draw(st.sampled_from(sorted(usage)))]
        return usage
    if kind == 6:
        usage["completion_tokens"] = 1
        usage["completion_tokens_details"] = {"reasoning_tokens": draw(st.one_of(st.just(690), LAX))}
        return usage
    return usage


def _message(draw: st.DrawFn, odd: _Oddities, text: str, *, is_delta: bool) -> Any:
    message: dict[str, Any] = {"role": odd("assistant"), "content": odd(text)}
    if odd.rarity:
        kind = draw(st.integers(0, 11))
        if kind == 0:
            message["content"] = [{"type": odd("text"), "text": odd(text)}, odd({"type": "thinking"})]
        elif kind == 1:
            message |= {
                "content": odd(None),
                "tool_calls": odd([{**_TOOL_CALL, "function": odd(_TOOL_CALL["function"])}]),
            }
        elif kind == 2:
            message |= (
                {odd("reasoning_content") or "x": text, "content": odd(None)}
                if not is_delta
                else {"reasoning": odd(text)}
            )
        elif kind == 3:
            message["refusal"] = odd(text)
        elif kind == 4:
            message |= {"content": odd(None), "function_call": odd({"name": "f", "arguments": text})}
        elif kind == 5:
            message["images"] = odd(
                [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
            )
        elif kind == 6:
            message["content"] = ""
    return odd(without_absent({name: value for name, value in message.items() if isinstance(name, str)}))


def _whole(draw: st.DrawFn, odd: _Oddities, text: str, usage: Any) -> bytes:
    number = 1 if odd.rarity == 0 else draw(st.sampled_from((1, 1, 1, 1, 0, 2, 3)))
    choices = [
        odd(
            without_absent(
                {
                    "index": odd(index),
                    "message": _message(draw, odd, text, is_delta=False),
                    "finish_reason": odd(draw(_FINISHES)),
                    "logprobs": odd(None),
                }
            )
        )
        for index in range(number)
    ]
    values = {
        "id": odd("c1"),
        "object": odd("chat.completion"),
        "created": odd(1_700_000_000),
        "model": odd("upstream/small"),
        "choices": odd([choice for choice in choices if choice is not ABSENT]),
        "usage": usage,
    }
    if odd.rarity and draw(st.integers(0, 19)) == 19:
        values["error"] = draw(LAX)
    body = to_json(odd(without_absent(values)), ascii_only=draw(st.booleans()))
    if odd.rarity and draw(st.integers(0, 11)) == 0:
        return draw(
            st.sampled_from(
                (b"", b"null", b"\xef\xbb\xbf" + body, body[:-1], body + b"\n", body + body, b"<html>")
            )
        )
    return body


def _streamed(draw: st.DrawFn, odd: _Oddities, texts: list[str], usage: Any) -> bytes:
    number = 1 if odd.rarity == 0 else draw(st.sampled_from((1, 1, 1, 2)))
    chunks = [
        _chunk(
            odd,
            odd(
                {
                    "index": place % number,
                    "delta": _message(draw, odd, text, is_delta=True),
                    "finish_reason": odd(None),
                }
            ),
        )
        for place, text in enumerate(texts)
    ]
    if odd.rarity and draw(st.booleans()):
        chunks.insert(0, _chunk(odd, {"index": 0, "delta": {"role": "assistant", "content": odd("")}}))
    chunks += [
        _chunk(odd, {"index": index, "delta": odd({}), "finish_reason": odd(draw(_FINISHES))})
        for index in range(number)
    ]
    _place_usage(draw, odd, chunks, usage)
    chunks = [chunk for chunk in chunks if chunk is not ABSENT]
    if odd.rarity and draw(st.integers(0, 7)) == 0:
        extra = draw(
            st.sampled_from(
                ({"type": "ping"}, {"error": {"message": "overloaded"}}, {"choices": None}, [], 5, {})
            )
        )
        chunks.insert(draw(st.integers(0, len(chunks))), extra)
    style = 0 if odd.rarity == 0 else draw(st.integers(0, 9))
    ascii_only = draw(st.booleans())
    events = [_event(draw, style, to_json(chunk, ascii_only=ascii_only)) for chunk in chunks]
    if odd.rarity == 0 or draw(st.integers(0, 5)):
        events.append(b"data: [DONE]\n\n")
    if odd.rarity and draw(st.integers(0, 9)) == 0:
        events.append(
            draw(
                st.sampled_from(
                    (b"data: {not json}\n\n", b": comment\n\n", b"data: {}\n\n", b"data: [DONE]\n\n")
                )
            )
        )
    body = b"".join(events)
    if odd.rarity and draw(st.integers(0, 9)) == 0:
        body = draw(
            st.sampled_from((body.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + body, body.rstrip(b"\n"), b""))
        )
    return body


def _place_usage(draw: st.DrawFn, odd: _Oddities, chunks: list[Any], usage: Any) -> None:
    """At the end as OpenAI does it; or early, in the finishing chunk, in a choice, or growing with every chunk."""
    place = 0 if odd.rarity == 0 else draw(st.integers(0, 7))
    if usage is ABSENT:
        return
    if place <= 2:
        chunks.append({"choices": [], "usage": usage})
    elif place == 3:
        chunks.insert(draw(st.integers(0, len(chunks))), {"choices": [], "usage": usage})
    elif place == 4 and isinstance(chunks[-1], dict):
        chunks[-1]["usage"] = usage
    elif place == 5:
        for number, chunk in enumerate(chunks):
            if isinstance(chunk, dict):
                chunk["usage"] = {"prompt_tokens": 3, "completion_tokens": number}
        chunks.append({"choices": [], "usage": usage})
    elif place == 6:
        chunks.insert(0, {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 0}})
    elif place == 7 and isinstance(chunks[-1], dict):
        chunks[-1]["choices"] = [{"index": 0, "delta": {}, "usage": usage, "finish_reason": "stop"}]


def _chunk(odd: _Oddities, choice: Any) -> Any:
    choices = [] if choice is ABSENT else [without_absent(choice) if isinstance(choice, dict) else choice]
    return odd(
        without_absent(
            {
                "id": odd("c1"),
                "object": odd("chat.completion.chunk"),
                "model": odd("upstream/small"),
                "choices": odd(choices),
            }
        )
    )


def _event(draw: st.DrawFn, style: int, payload: bytes) -> bytes:
    if style == 1:
        return b"data:" + payload + b"\n\n"
    if style == 2:
        return b"event: message\nid: 7\ndata: " + payload + b"\n\n"
    if style == 3:
        return b": keep-alive\n\ndata: " + payload + b"\n\n"
    if style == 4:
        return b"retry: 10\ndata: " + payload + b"\n\n\n"
    return b"data: " + payload + b"\n\n"

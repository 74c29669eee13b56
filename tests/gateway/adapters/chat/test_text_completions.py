"""Legacy completions, by servers that know only chat and by those that have them: what is sent, read and counted."""

import time
from typing import Any

import orjson
import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.chat import anthropic_messages, openai_chat
from gateway.adapters.chat.text_completions import in_text_completions
from gateway.adapters.chat.text_request import TextCompletionRequest, text_completion_request
from gateway.adapters.protocol import EventAnswer, MalformedAnswer, Received, UncountedAnswer
from gateway.adapters.registry import CALL_ADAPTERS
from tests.gateway.adapters.driving import Route, as_json, drive
from usage.ledger.units import Units

ADAPTERS = in_text_completions(CALL_ADAPTERS)
CHAT = ADAPTERS["openai_chat"]
ITSELF = Route(options={"completions": True})
PROMPT = "Once upon a time"


def asking(prompt: str | list[str] = PROMPT, **more: Any) -> TextCompletionRequest:
    values = {"model": "ours", "prompt": prompt, **more}
    return text_completion_request(values, len(orjson.dumps(values)), "cmpl-1", 1_750_000_000)


def chat_saying(*texts: str, tokens: tuple[int, int] = (4, 3), **more: Any) -> Received:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
        for index, text in enumerate(texts)
    ]
    return as_json({"id": "chatcmpl-9", "choices": choices, "usage": usage(*tokens)})


def usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def carried(
    request: TextCompletionRequest, *answers: Received, adapter: Any = CHAT, route: Route | None = None
) -> tuple[dict[str, Any], tuple[Units, bool], list[dict[str, Any]]]:
    """The answer's values, what it used, and the bodies that were sent."""
    answer, calls, _ = drive(adapter, request, *answers, route=route)
    assert isinstance(answer, UncountedAnswer)
    return answer.values, answer.count(), [orjson.loads(call.body or b"") for call in calls]


def read_stream(
    request: TextCompletionRequest, sent: bytes, route: Route | None = None, cut: int = 7
) -> tuple[list[Any], Any]:
    """The data of every event of a stream that came `cut` bytes at a time, and its state."""
    answer, _, _ = drive(CHAT, request, Received("text/event-stream", {}, b""), route=route)
    assert isinstance(answer, EventAnswer)
    events = answer.events
    told = b"".join(events.feed(sent[at : at + cut]) for at in range(0, len(sent), cut))
    told += events.feed_end() + events.closing(0.25)
    lines = [event.removeprefix(b"data: ") for event in told.split(b"\n\n") if event]
    return [line.decode() if line == b"[DONE]" else orjson.loads(line) for line in lines], events


def as_events(*chunks: Any) -> bytes:
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"model": "theirs", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def test_a_prompt_goes_out_as_a_chat_of_one_message_and_its_answer_is_the_text() -> None:
    values, counted, (body,) = carried(asking(temperature=0.5, user="u"), chat_saying(", there was"))

    assert body == {
        "model": "theirs",
        "messages": [{"role": "user", "content": PROMPT}],
        "temperature": 0.5,
        "user": "u",
        "max_tokens": 16,
        "stream": False,
    }
    assert values == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1_750_000_000,
        "model": "ours",
        "choices": [{"text": ", there was", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage(4, 3),
    }
    assert counted == (Units(tokens_in=4, tokens_out=3), False)


def test_each_prompt_is_asked_for_itself_and_all_are_one_answer() -> None:
    request = asking(["first", "second"], n=2, echo=True)
    answers = [chat_saying(" a", " b", tokens=(1, 2)), chat_saying(" c", " d", tokens=(3, 4))]

    values, counted, bodies = carried(request, *answers)

    assert [body["messages"][0]["content"] for body in bodies] == ["first", "second"]
    assert [(choice["index"], choice["text"]) for choice in values["choices"]] == [
        (0, "first a"),
        (1, "first b"),
        (2, "second c"),
        (3, "second d"),
    ]
    assert values["usage"] == usage(4, 6)
    assert counted == (Units(tokens_in=4, tokens_out=6, calls=1), False)


def test_counts_that_one_answer_leaves_out_are_estimated_and_not_shown() -> None:
    silent = as_json({"choices": [{"message": {"content": "abcdefgh"}, "finish_reason": "stop"}]})

    values, counted, _ = carried(asking(["12345678", "x"]), silent, chat_saying("y", tokens=(1, 1)))

    assert "usage" not in values
    assert counted == (Units(tokens_in=2 + 1, tokens_out=2 + 1), True)


def test_the_ceiling_holds_every_answer_to_every_prompt() -> None:
    for route in (Route(), ITSELF):
        one = CHAT.ceiling(asking("abc", n=2, max_tokens=50), route)
        three = CHAT.ceiling(asking(["abc"] * 3, n=2, max_tokens=50), route)
        assert (one.tokens_out, three.tokens_out, three.calls) == (100, 300, 1)
        assert three.tokens_in > one.tokens_in > len("abc")
        assert CHAT.ceiling(asking(max_tokens=5000), route).tokens_out == 100


def test_no_route_gives_more_than_is_held() -> None:
    for route in (Route(), ITSELF):
        request = asking(["a", "b"], n=2, max_tokens=5000)
        request.limit_to(CHAT.ceiling(request, Route(max_output_tokens=40)))
        answers = [chat_saying("c", "d")] * 2 if route is not ITSELF else [texts_saying("c", "d", "e", "f")]
        _, _, bodies = carried(request, *answers, route=route)
        assert {body["max_tokens"] for body in bodies} == {40}


def test_log_probabilities_are_told_in_the_older_form() -> None:
    top = [{"token": " hi", "logprob": -0.5}, {"token": " ho", "logprob": -1.5}]
    content = [
        {"token": " hi", "logprob": -0.5, "bytes": [], "top_logprobs": top},
        {"token": "!", "logprob": -0.1, "bytes": [], "top_logprobs": []},
    ]
    values, _, (body,) = carried(asking(logprobs=2), chat_saying(" hi!", logprobs={"content": content}))

    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert values["choices"][0]["logprobs"] == {
        "tokens": [" hi", "!"],
        "token_logprobs": [-0.5, -0.1],
        "top_logprobs": [{" hi": -0.5, " ho": -1.5}, {}],
        "text_offset": [0, 3],
    }
    _, _, (body,) = carried(asking(logprobs=0), chat_saying("x"))
    assert body["logprobs"] is True
    assert "top_logprobs" not in body


@pytest.mark.parametrize("told", [1, "x", {}, {"content": 1}, {"content": [1]}, {"content": [{"token": 1}]}])
def test_log_probabilities_of_another_form_are_none(told: Any) -> None:
    values, _, _ = carried(asking(logprobs=1), chat_saying("x", logprobs=told))
    assert values["choices"][0]["logprobs"] is None


def test_a_refusal_is_text_and_an_answer_cut_while_thinking_has_none() -> None:
    refused = {"index": 0, "message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}
    cut = {"index": 1, "message": {"content": None, "reasoning_content": "Hm"}, "finish_reason": "length"}
    values, _, _ = carried(asking(n=2), as_json({"choices": [refused, cut]}))
    assert [(each["text"], each["finish_reason"]) for each in values["choices"]] == [
        ("No.", "stop"),
        ("", "length"),
    ]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"suffix": "the end"}, "suffix"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"prompt": ["a", "b"], "stream": True}, "prompt"),
        ({"prompt": ["a"] * 17}, "prompt"),
    ],
)
def test_what_a_chat_cannot_be_asked_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        CHAT.ceiling(asking(**more), Route())
    assert raised.value.param == param


def test_a_server_of_another_dialect_goes_on_with_the_text_too() -> None:
    adapter = ADAPTERS["anthropic_messages"]
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": ", there was"}],
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 5, "output_tokens": 6},
    }
    values, counted, (body,) = carried(asking(stop=["END"]), as_json(said), adapter=adapter)

    assert body["messages"][0]["role"] == "user"
    assert (body["max_tokens"], body["stop_sequences"]) == (16, ["END"])
    (choice,) = values["choices"]
    assert (choice["text"], choice["finish_reason"]) == (", there was", "length")
    assert counted[0] == Units(tokens_in=5, tokens_out=6)
    assert anthropic_messages.SERVES == adapter.SERVES


def test_what_another_dialect_cannot_say_is_named_as_the_caller_named_it() -> None:
    with pytest.raises(InvalidRequest) as raised:
        ADAPTERS["anthropic_messages"].ceiling(asking(logprobs=2), Route())
    assert raised.value.param == "logprobs"
    assert raised.value.openai_code == "unsupported_parameter"


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_a_chats_stream_comes_as_chunks_of_text_with_the_price_in_the_last(cut: int) -> None:
    request = asking(stream=True, stream_options={"include_usage": True}, echo=True)
    sent = as_events(
        delta(role="assistant", content=""),
        delta(reasoning_content="Hm."),
        delta(content=", there"),
        delta(content=" was"),
        delta("stop"),
        {"model": "theirs", "choices": [], "usage": usage(4, 3)},
    )
    told, events = read_stream(request, sent, cut=cut)

    assert told.pop() == "[DONE]"
    assert all(
        (chunk["id"], chunk["object"], chunk["model"]) == ("cmpl-1", "text_completion", "ours")
        for chunk in told
    )
    assert [[choice["text"] for choice in chunk["choices"]] for chunk in told] == [
        [f"{PROMPT}, there"],
        [" was"],
        [""],
        [],
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in told[:3]] == [None, None, "stop"]
    assert (told[-1]["usage"], told[-1]["credits_consumed"]) == (usage(4, 3), 0.25)
    assert events.units() == (Units(tokens_in=4, tokens_out=3), False)
    assert events.failure is None


def test_a_stream_without_usage_ends_with_its_price() -> None:
    told, _ = read_stream(asking(stream=True), as_events(delta(content="hi"), delta("stop")))
    assert [chunk if chunk == "[DONE]" else sorted(chunk) for chunk in told][-2:] == [
        ["choices", "created", "credits_consumed", "id", "model", "object"],
        "[DONE]",
    ]


def texts_saying(*texts: str, tokens: tuple[int, int] | None = (4, 3), **more: Any) -> Received:
    choices = [
        {"index": index, "text": text, "finish_reason": "stop", **more} for index, text in enumerate(texts)
    ]
    told = {} if tokens is None else {"usage": usage(*tokens)}
    return as_json({"id": "cmpl-theirs", "object": "text_completion", "choices": choices, **told})


def test_a_server_that_has_completions_is_asked_for_them_as_they_came() -> None:
    request = asking(["first", "second"], suffix="!", n=1, best_of=1, top_k=3, echo=True)
    answer, (call,), _ = drive(CHAT, request, texts_saying(" a", " b"), route=ITSELF)

    assert call.path == "/v1/completions"
    assert orjson.loads(call.body or b"") == {
        "model": "theirs",
        "prompt": ["first", "second"],
        "suffix": "!",
        "n": 1,
        "top_k": 3,
        "max_tokens": 16,
        "stream": False,
    }
    assert isinstance(answer, UncountedAnswer)
    assert [choice["text"] for choice in answer.values["choices"]] == ["first a", "second b"]
    assert answer.values["id"] == "cmpl-1"
    assert answer.count() == (Units(tokens_in=4, tokens_out=3), False)


def test_a_prompt_that_the_server_echoes_is_not_charged_as_an_answer() -> None:
    prompt = "word " * 400
    logprobs = {"tokens": ["word "], "token_logprobs": [None], "top_logprobs": None, "text_offset": [0]}
    answer = texts_saying(prompt + "end", tokens=(401, 1), logprobs=logprobs)

    values, counted, (body,) = carried(
        asking(prompt, echo=True, logprobs=1, max_tokens=1), answer, route=ITSELF
    )

    assert (body["echo"], body["logprobs"]) == (True, 1)
    assert values["choices"][0]["text"] == prompt + "end"
    assert values["choices"][0]["logprobs"] == logprobs
    assert counted == (Units(tokens_in=401, tokens_out=1), False)


def test_thousands_of_prompts_and_answers_take_linear_time() -> None:
    """Were every prompt looked at for each answer, these would be sixty million steps."""
    prompts = [f"prompt {number}" for number in range(2048)]
    request = asking(prompts, n=8, echo=True)
    answer = texts_saying(*["x"] * (8 * len(prompts)), tokens=(9000, 16384))

    started = time.process_time()
    values, _, _ = carried(request, answer, route=ITSELF)

    assert time.process_time() - started < 1
    assert [values["choices"][index]["text"] for index in (0, 7, 8, -1)] == [
        "prompt 0x",
        "prompt 0x",
        "prompt 1x",
        "prompt 2047x",
    ]


def test_texts_that_nobody_counted_are_estimated() -> None:
    _, counted, _ = carried(asking("12345678"), texts_saying("abcdefgh", tokens=None), route=ITSELF)
    assert counted == (Units(tokens_in=2, tokens_out=2), True)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"text": None}]},
        {"choices": [{"message": {"content": "x"}}]},
        {"choices": [{"text": ""}]},
        {"choices": [{"text": "x"}], "error": {"message": "no"}},
    ],
)
def test_an_answer_without_a_text_is_malformed(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        carried(asking(), as_json(answer), route=ITSELF)


@pytest.mark.parametrize("cut", [1, 9, 10_000])
def test_a_servers_own_stream_keeps_its_texts_and_log_probabilities(cut: int) -> None:
    request = asking(["first", "second"], stream=True, echo=True)
    logprobs = {
        "tokens": [" a"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{" a": -0.5}],
        "text_offset": [0],
    }

    def chunk(index: int, text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
        choice = {"index": index, "text": text, "finish_reason": finish, "logprobs": None, **more}
        return {"id": "cmpl-theirs", "object": "text_completion", "model": "theirs", "choices": [choice]}

    sent = as_events(
        chunk(0, " a", logprobs=logprobs),
        chunk(1, " b"),
        chunk(0, "!", "length"),
        chunk(1, "", "stop"),
        {"model": "theirs", "choices": [], "usage": usage(2, 3)},
    )
    told, events = read_stream(request, b": ping\n\n" + sent, ITSELF, cut)

    assert told.pop() == "[DONE]"
    choices = [choice for each in told for choice in each["choices"]]
    assert [(each["index"], each["text"], each["finish_reason"]) for each in choices] == [
        (0, "first a", None),
        (1, "second b", None),
        (0, "!", "length"),
        (1, "", "stop"),
    ]
    assert choices[0]["logprobs"] == logprobs
    assert told[-1]["credits_consumed"] == 0.25
    assert events.finished
    assert events.units() == (Units(tokens_in=2, tokens_out=3), False)


@pytest.mark.parametrize(
    "broken", [b"data: {broken\n\n", b'data: {"error": {"message": "no"}}\n\n', b"data: [1]\n\n"]
)
def test_a_servers_own_stream_that_breaks_has_failed(broken: bytes) -> None:
    sent = b'data: {"choices": [{"index": 0, "text": "abcd"}]}\n\n' + broken
    answer, _, _ = drive(CHAT, asking(stream=True), Received("text/event-stream", {}, b""), route=ITSELF)
    assert isinstance(answer, EventAnswer)
    assert b'"text":"abcd"' in answer.events.feed(sent)
    assert answer.events.failure is not None
    assert answer.events.says_something
    assert answer.events.units(to_its_end=False)[0].tokens_out == 1


def test_a_stream_in_which_the_server_would_echo_is_refused() -> None:
    with pytest.raises(InvalidRequest) as raised:
        CHAT.ceiling(asking(stream=True, echo=True, logprobs=1), ITSELF)
    assert raised.value.param == "echo"


def test_chats_own_callers_know_nothing_of_it() -> None:
    assert not openai_chat.has_completions(Route())
    assert set(ADAPTERS) == {name for name, adapter in CALL_ADAPTERS.items() if "chat" in adapter.SERVES}

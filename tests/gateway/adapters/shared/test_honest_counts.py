"""An upstream that counts truly is believed, however much was sent or said that it had no need to read or to say.

What it is held against is the least that can have been read; the guess where it does not count weighs everything. The
other side, counts that cannot be so, is in test_usage_counts.py and test_counts_beside_answers.py.
"""

from typing import Any

import orjson
import pytest

from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.openai_stream import ChatStream
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.shared.requests import EmbeddingRequest, RerankRequest
from gateway.adapters.shared.usage_counts import read_counts
from gateway.adapters.sync import openai_embeddings, openai_rerank, tei_embed, tei_rerank
from tests.gateway.adapters.driving import as_json, drive
from usage.ledger.units import Units

LONG = 200_000
LETTERS = "iVBORw0KGgo" * (LONG // 11)
PICTURE = f"data:image/png;base64,{LETTERS}"
MARKDOWN = f"What is this? ![x]({PICTURE}) Say it in a word."
USER = {"role": "user", "content": "Hello you"}
HONEST = Units(120, 5)


def asking(*messages: dict[str, Any], **fields: Any) -> ChatRequest:
    values = {"messages": list(messages), **fields}
    return ChatRequest(values, len(orjson.dumps(values)), stream=False, include_usage=False)


def calling(arguments: str) -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


READ_BY_NOBODY: dict[str, ChatRequest] = {
    "an image in Markdown": asking({"role": "user", "content": MARKDOWN}),
    "in lines, as command lines break it": asking(
        {"role": "user", "content": "Look: data:image/jpeg;base64," + "QUJDRA==\n" * (LONG // 9)}
    ),
    "with a name among its parameters": asking(
        {"role": "user", "content": f"data:application/pdf;name=a.pdf;base64,{LETTERS}"}
    ),
    "in a text part": asking({"role": "user", "content": [{"type": "text", "text": MARKDOWN}]}),
    "in a tool's result": asking(
        USER, calling("{}"), {"role": "tool", "tool_call_id": "1", "content": MARKDOWN}
    ),
    "in an earlier answer": asking(USER, {"role": "assistant", "content": MARKDOWN}, USER),
    "an image part": asking(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}, USER
    ),
    "a file part": asking(
        {"role": "user", "content": [{"type": "file", "file": {"file_data": PICTURE}}]}, USER
    ),
    "tools that the model cannot use": asking(
        USER, tools=[{"type": "function", "function": {"name": "f", "description": "word " * 40_000}}]
    ),
    "a schema that only guides the answer": asking(
        USER, response_format={"type": "json_schema", "json_schema": {"description": "word " * 40_000}}
    ),
    "earlier reasoning": asking(
        USER, {"role": "assistant", "content": "Hi", "reasoning_content": "word " * 40_000}, USER
    ),
    "earlier thinking in tags": asking(
        USER, {"role": "assistant", "content": f"<think>{'word ' * 40_000}</think>Hi"}, USER
    ),
    "earlier thinking in parts": asking(
        USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "word " * 40_000}]}, USER
    ),
    "earlier calls": asking(USER, calling("word " * 40_000), {"role": "tool", "content": "ok"}),
}


@pytest.mark.parametrize("what", READ_BY_NOBODY)
def test_an_honest_small_count_is_charged_as_counted(what: str) -> None:
    assert READ_BY_NOBODY[what].metered(HONEST, 20) == (Units(tokens_in=120, tokens_out=5), False)


@pytest.mark.parametrize("what", READ_BY_NOBODY)
def test_what_may_not_have_been_read_makes_no_count_of_none_believed(what: str) -> None:
    request = READ_BY_NOBODY[what]
    guess = request.estimated_prompt_tokens()
    assert request.metered(Units(0, 5), 20) == (Units(tokens_in=guess, tokens_out=5), True)
    assert request.metered(None, 20) == (Units(tokens_in=guess, tokens_out=5), True)


def test_the_guess_and_the_hold_weigh_files_in_texts() -> None:
    request = READ_BY_NOBODY["an image in Markdown"]
    assert request.estimated_prompt_tokens() >= LONG // 4 - 10
    assert openai_chat.ceiling(request, Route()).tokens_in > LONG - 100


def test_text_beside_a_file_is_still_held_against_its_count() -> None:
    request = asking({"role": "user", "content": MARKDOWN + " word" * 40_000})
    units, estimated = request.metered(Units(120, 5), 20)
    assert (units.tokens_in, estimated) == (request.estimated_prompt_tokens(), True)
    assert request.metered(Units(40_100, 5), 20) == (Units(tokens_in=40_100, tokens_out=5), False)


@pytest.mark.parametrize(
    "text", ["data:" * 40_000, "base64," * 30_000, "data:image/png;base65," + "A" * LONG]
)
def test_what_only_looks_like_a_file_is_text(text: str) -> None:
    assert asking({"role": "user", "content": text}).metered(HONEST, 20)[1]


@pytest.mark.parametrize(
    "what", [what for what in READ_BY_NOBODY if what.startswith(("an image", "in ", "with "))]
)
def test_a_stream_that_broke_off_costs_what_was_counted_of_its_prompt(what: str) -> None:
    units, _ = READ_BY_NOBODY[what].metered(Units(400, 5), 20, to_its_end=False)
    assert units.tokens_in == 400


class Route:
    """A chat route as the adapter reads it."""

    upstream_model = "m"
    max_output_tokens = 100
    max_image_tokens = 1000

    def __init__(self, **options: Any) -> None:
        self.options = options


def test_a_server_that_cuts_prompts_is_believed_where_its_route_says_so() -> None:
    """Ollama reads as much as its `num_ctx` holds, and counts that."""
    request = asking({"role": "user", "content": "word " * 60_000})
    assert request.metered(Units(2048, 5), 20)[1]

    openai_chat.build(request, Route(truncate=True))
    assert request.metered(Units(2048, 5), 20) == (Units(tokens_in=2048, tokens_out=5), False)
    assert request.metered(Units(2048, 5), 20, to_its_end=False)[0].tokens_in == 2048
    assert request.metered(Units(0, 5), 20)[1]
    openai_chat.build(request, Route())
    assert request.metered(Units(2048, 5), 20)[1]


SAID: dict[str, dict[str, Any]] = {
    "an image in Markdown": {"content": f"Here it is: ![a cat]({PICTURE})"},
    "in a text part": {"content": [{"type": "text", "text": f"![a cat]({PICTURE})"}]},
    "images beside the text": {"content": "Here", "images": [{"image_url": {"url": PICTURE}}] * 8},
    "image parts": {"content": [{"type": "image_url", "image_url": {"url": PICTURE}}] * 8},
}


def completion(message: dict[str, Any], tokens_out: int) -> bytes:
    usage = {"prompt_tokens": 9, "completion_tokens": tokens_out}
    return orjson.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})


@pytest.mark.parametrize("what", SAID)
def test_an_honest_small_count_of_an_answer_with_files_is_charged_as_counted(what: str) -> None:
    """Who makes images behind a chat address puts them into the text, and counts the model's own tokens."""
    request = asking(USER)
    answer = openai_chat.read_answer(completion(SAID[what], 6))
    assert answer.metered(request) == (Units(tokens_in=9, tokens_out=6), False)
    none = openai_chat.read_answer(completion(SAID[what], 0))
    assert none.metered(request)[0].tokens_out > 1000
    assert none.metered(request)[1]


def streamed(*deltas: str, tokens_out: int = 6) -> tuple[Units, bool]:
    stream = ChatStream(asking(USER), "m", "m")
    for delta in deltas:
        stream.feed(
            b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": delta}}]}) + b"\n\n"
        )
    usage = {"prompt_tokens": 9, "completion_tokens": tokens_out}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
    stream.feed(b"data: " + orjson.dumps(end) + b"\n\ndata: [DONE]\n\n")
    assert stream.done
    return stream.units()


def in_pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [64, 1000, 10**7])
def test_an_honest_small_count_of_a_stream_with_files_is_charged_as_counted(size: int) -> None:
    deltas = ["Here it is: ", "![a cat](", *in_pieces(PICTURE, size), ")", " And"]
    assert streamed(*deltas) == (Units(tokens_in=9, tokens_out=6), False)
    assert streamed(*deltas, tokens_out=0)[0].tokens_out > 1000
    # What follows a file is text again.
    assert streamed(*deltas, ". " + "word " * 4000)[1]


@pytest.mark.parametrize(
    ("usage", "tokens_in"),
    [
        # Anthropic's own: what its cache held, and what was put there, stand beside.
        ({"input_tokens": 3, "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 200}, 5203),
        ({"input_tokens": 900, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 0}, 1400),
        # Layers that count as OpenAI does and tell Anthropic's names too.
        ({"prompt_tokens": 900, "cache_read_input_tokens": 500, "cache_creation_input_tokens": None}, 900),
        ({"prompt_tokens": 3, "cache_read_input_tokens": 500}, 503),
        (
            {
                "prompt_tokens": 3,
                "cache_read_input_tokens": 500,
                "prompt_tokens_details": {"cached_tokens": 500},
            },
            503,
        ),
        ({"input_tokens": 900, "input_tokens_details": {"cached_tokens": 500}}, 900),
    ],
)
def test_input_from_a_cache_is_counted_once(usage: dict[str, Any], tokens_in: int) -> None:
    found = read_counts({**usage, "output_tokens": 5})
    assert found is not None
    assert (found.tokens_in, found.tokens_out) == (tokens_in, 5)


def test_an_honest_small_count_of_texts_that_were_cut_is_charged_as_counted() -> None:
    request = EmbeddingRequest(["word " * 40_000, "a word"])
    cut = {"usage": {"prompt_tokens": 130}, "data": [{"embedding": [1.0]}] * 2}
    answer, _, _ = drive(openai_embeddings, request, as_json(cut))
    assert (answer.units, answer.estimated) == (Units(tokens_in=130), False)
    answer, _, _ = drive(tei_embed, request, as_json([[1.0], [1.0]], **{"x-compute-tokens": "130"}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=130), False)
    answer, _, _ = drive(tei_embed, request, as_json([[1.0], [1.0]], **{"x-compute-tokens": "60"}))
    assert answer.estimated


def test_an_honest_small_count_of_a_ranking_is_charged_as_counted() -> None:
    """A model that reads the query once for all documents, and one that cuts each document."""
    ranks = [{"index": index, "relevance_score": 0.5} for index in range(100)]
    once = RerankRequest("word " * 1000, ["a word"] * 100)
    answer, _, _ = drive(openai_rerank, once, as_json({"results": ranks, "usage": {"total_tokens": 1200}}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=1200), False)
    cut = RerankRequest("a word", ["word " * 4000] * 100)
    answer, _, _ = drive(openai_rerank, cut, as_json({"results": ranks, "usage": {"total_tokens": 6600}}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=6600), False)
    scores = [{"index": index, "score": 0.5} for index in range(2)]
    cut = RerankRequest("a word", ["word " * 4000] * 2)
    answer, _, _ = drive(tei_rerank, cut, as_json(scores, **{"x-compute-tokens": "132"}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=132), False)
    answer, _, _ = drive(tei_rerank, cut, as_json(scores, **{"x-compute-tokens": "100"}))
    assert answer.estimated

"""Promise: OpenAI's legacy completions are answered by any chat model, whole and streamed, charged as any chat.

`sbx-chat` is served by an upstream that has completions itself, the others by chats of several dialects.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI
from running_platform import RunningPlatform, Tenant
from scenarios.asking import CREDIT, START, Books, Stream, eventually, marked, price, tokens, told

PATH = "/v1/completions"
ITSELF = "sbx-chat"
MODELS = ("gemini", ITSELF, "claude", "gpt", "gemini-pro")


def going_on(prompt: str | list[str], model: str = "gemini", **more: Any) -> dict[str, Any]:
    return {"model": model, "prompt": prompt, "max_tokens": 200, **more}


def due(model: str, tokens_in: int, tokens_out: int) -> int:
    """Micro-credits; the small model costs a tenth."""
    whole = price(tokens_in, tokens_out)
    return whole // 10 if model == ITSELF else whole


@pytest.fixture
def ai(platform: RunningPlatform, tenant: Tenant) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{platform.base_url}/v1", api_key=tenant.key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_is_read_by_openais_client_and_has_its_price(
    model: str, ai: OpenAI, books: Books
) -> None:
    raw = ai.completions.with_raw_response.create(**going_on("Tell me", model))
    answer = raw.parse()

    (choice,) = answer.choices
    assert (answer.object, answer.model, choice.index, choice.finish_reason) == (
        "text_completion", model, 0, "stop",
    )  # fmt: skip
    assert choice.text.startswith("You said: Tell me")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (
        tokens("Tell me"),
        tokens(choice.text),
    )
    receipt = books.receipt(raw.headers["x-request-id"])
    assert (receipt["endpoint"], receipt["model"], receipt["outcome"]) == ("chat", model, "succeeded")
    expected = due(model, tokens("Tell me"), tokens(choice.text))
    assert receipt["capture_microcredits"] == books.spent() == expected
    assert raw.headers["X-Credits-Consumed"] == f"{expected / CREDIT:.6f}".rstrip("0")


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_says_the_same_for_the_same_price_and_tells_it_last(
    model: str, client: httpx.Client, books: Books
) -> None:
    whole = client.post(PATH, json=going_on("Tell me", model)).json()
    spent = books.spent()

    answer = client.post(
        PATH, json=going_on("Tell me", model, stream=True, stream_options={"include_usage": True})
    )

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    stream = Stream.of(answer.text)
    assert stream.done
    assert {chunk["object"] for chunk in stream.chunks} == {"text_completion"}
    assert {chunk["model"] for chunk in stream.chunks} == {model}
    choices = [choice for chunk in stream.chunks for choice in chunk["choices"]]
    assert "".join(choice["text"] for choice in choices) == whole["choices"][0]["text"]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    last = stream.chunks[-1]
    assert {name: last["usage"][name] for name in ("prompt_tokens", "completion_tokens")} == {
        name: whole["usage"][name] for name in ("prompt_tokens", "completion_tokens")
    }
    assert round(last["credits_consumed"] * CREDIT) == spent
    assert books.spent() == 2 * spent
    assert books.receipt(answer)["streamed"] is True


@pytest.mark.parametrize("model", ["gemini", ITSELF])
def test_openais_client_puts_a_stream_together(model: str, ai: OpenAI) -> None:
    chunks = list(ai.completions.create(**going_on("Tell me", model, stream=True, echo=True)))

    text = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert text.startswith("Tell meYou said: Tell me")


@pytest.mark.parametrize("model", ["gemini", ITSELF, "claude"])
def test_several_prompts_are_one_answer_with_one_price(
    model: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(PATH, json=going_on(["first", "second one"], model, echo=True))

    assert answer.status_code == 200, answer.text
    body = answer.json()
    texts = [choice["text"] for choice in body["choices"]]
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert texts[0].startswith("firstYou said: first\n")
    assert texts[1].startswith("second oneYou said: second one\n")
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert books.spent() == due(model, usage["prompt_tokens"], usage["completion_tokens"])
    assert len(books.calls()) == 1


@pytest.mark.parametrize("model", ["gemini", ITSELF])
def test_several_answers_to_a_prompt_are_each_paid_for(
    model: str, client: httpx.Client, books: Books
) -> None:
    body = client.post(PATH, json=going_on("Tell me", model, n=2)).json()

    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert body["choices"][0]["text"] != body["choices"][1]["text"]
    said = tokens(*(choice["text"] for choice in body["choices"]))
    assert books.spent() == due(model, tokens("Tell me"), said)


@pytest.mark.parametrize("model", ["gemini", ITSELF])
def test_an_answer_has_sixteen_tokens_where_nothing_is_said(
    model: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(PATH, json={"model": model, "prompt": "[[sbx:tokens=40]]"})

    body = answer.json()
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 16)
    assert books.receipt(answer)["hold_microcredits"] < due(model, 300, 17)


def test_more_tokens_than_the_model_has_are_cut_and_said_to_be(client: httpx.Client) -> None:
    answer = client.post(PATH, json=going_on("Tell me", max_tokens=100_000))

    assert answer.headers["X-Max-Tokens-Clamped"] == "4096"


def test_a_server_that_has_completions_is_sent_what_came(
    client: httpx.Client, platform: RunningPlatform
) -> None:
    prompt, mark = marked("def add(a, b):")

    answer = client.post(PATH, json=going_on(prompt, ITSELF, suffix="\n", logprobs=1, echo=True, top_k=5))

    assert answer.status_code == 200, answer.text
    (choice,) = answer.json()["choices"]
    assert choice["text"].startswith(prompt)
    assert "".join(choice["logprobs"]["tokens"]) == choice["text"]
    (entry,) = platform.journal(mark)
    assert entry["path"] == PATH
    sent = json.loads(entry["body"])
    assert {name: sent[name] for name in ("prompt", "suffix", "logprobs", "echo", "top_k")} == {
        "prompt": prompt, "suffix": "\n", "logprobs": 1, "echo": True, "top_k": 5,
    }  # fmt: skip


def test_a_server_of_chat_is_sent_a_message(client: httpx.Client, platform: RunningPlatform) -> None:
    prompt, mark = marked()
    client.post(PATH, json=going_on(prompt, temperature=0.5, stop=["END"]))

    (entry,) = platform.journal(mark)
    assert entry["path"] == "/v1/chat/completions"
    sent = json.loads(entry["body"])
    assert sent["messages"] == [{"role": "user", "content": prompt}]
    assert (sent["temperature"], sent["stop"], "prompt" in sent) == (0.5, ["END"], False)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"prompt": "a"}, 400, "model"),
        ({"model": "gemini"}, 400, "prompt"),
        ({"model": "gemini", "prompt": None}, 400, "prompt"),
        (going_on(""), 400, "prompt"),
        (going_on([]), 400, "prompt"),
        ({"model": "gemini", "prompt": [1, 2, 3]}, 400, "prompt"),
        ({"model": "gemini", "prompt": [[1, 2], [3]]}, 400, "prompt"),
        ({"model": "gemini", "prompt": {"prompt_string": "a"}}, 400, "prompt"),
        (going_on(["a", "b"], stream=True), 400, "prompt"),
        (going_on(["a"] * 17), 400, "prompt"),
        (going_on("a", suffix="b"), 400, "suffix"),
        (going_on("a", "claude", suffix="b"), 400, "suffix"),
        (going_on("a", echo=True, logprobs=1), 400, "echo"),
        (going_on("a", "claude", logprobs=1), 400, "logprobs"),
        (going_on("a", ITSELF, stream=True, echo=True, logprobs=1), 400, "echo"),
        (going_on("a", best_of=3), 400, "best_of"),
        (going_on("a", best_of=3, n=2), 400, "best_of"),
        (going_on("a", n=9), 400, "n"),
        (going_on("a", max_tokens=0), 400, "max_tokens"),
        (going_on("a", logprobs=21), 400, "logprobs"),
        (going_on("a", tools=[{"type": "function", "function": {"name": "f"}}]), 400, "tools"),
        (going_on("a", messages=[{"role": "user", "content": "b"}]), 400, "messages"),
        (going_on("a", max_completion_tokens=9), 400, "max_completion_tokens"),
        (going_on("a", n_predict=9), 400, "n_predict"),
        (going_on("a", ITSELF, prompt_embeds="AAAA"), 400, "prompt_embeds"),
        (going_on("a", "no-such-model"), 404, "model"),
    ],
)
def test_what_cannot_be_carried_is_named(
    body: dict[str, Any], status: int, param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(PATH, json=body)

    assert answer.status_code == status, answer.text
    assert told(answer)["param"] == param
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", ["gemini", ITSELF])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("magic", "status", "outcome"),
    [
        ("status=400", 400, "rejected"),
        ("status=500", 502, "failed"),
        ("reset", 502, "failed"),
        ("empty", 502, "failed"),
        ("wrong_type", 502, "failed"),
    ],
)
def test_a_call_without_an_answer_costs_nothing(
    magic: str, status: int, outcome: str, stream: bool, model: str, client: httpx.Client, books: Books
) -> None:
    client.post(PATH, json=going_on("well?", model))  # no route rests from another test
    before = books.spent()

    answer = client.post(PATH, json=going_on(f"hello [[sbx:{magic}]]", model, stream=stream))

    assert answer.status_code == status, answer.text
    assert "sbx" not in answer.text
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["capture_microcredits"]) == (outcome, 0)
    assert (books.spent(), books.held()) == (before, 0)


@pytest.mark.parametrize("model", ["gemini", ITSELF])
@pytest.mark.parametrize("magic", ["stream_error=4", "reset_after=900", "malformed_chunk=5"])
def test_a_stream_that_breaks_off_costs_what_was_delivered(
    magic: str, model: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post(PATH, json=going_on(f"[[sbx:chunks=20;{magic}]]Hello there", model, stream=True))

    assert answer.status_code == 200
    stream = Stream.of(answer.text)
    assert not stream.done
    assert stream.error is not None
    text = "".join(choice["text"] for chunk in stream.chunks for choice in chunk.get("choices", ()))
    assert text
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["estimated"]) == ("partial", True)
    assert receipt["units"]["tokens_out"] == tokens(text)
    assert books.spent() == receipt["capture_microcredits"] > 0


@pytest.mark.parametrize("model", ["gemini", ITSELF])
def test_a_client_that_leaves_stops_the_upstream_and_pays_for_what_it_got(
    model: str, client: httpx.Client, platform: RunningPlatform, books: Books
) -> None:
    prompt, mark = marked("[[sbx:chunks=30;hang_after=6]]")
    with client.stream("POST", PATH, json=going_on(prompt, model, stream=True)) as answer:
        request_id = answer.headers["X-Request-Id"]
        next(answer.iter_lines())

    receipt = books.receipt(request_id)
    assert receipt["outcome"] == "partial"
    assert 0 < receipt["capture_microcredits"] == START - books.available() - books.held()

    def aborted() -> bool:
        (entry,) = platform.journal(mark)
        return bool(entry["aborted_by"] == "client")

    assert eventually(aborted)


def test_under_one_idempotency_key_it_is_answered_and_paid_once(client: httpx.Client, books: Books) -> None:
    headers = {"Idempotency-Key": "gone-on-once"}

    first = client.post(PATH, json=going_on("Tell me"), headers=headers)
    spent = books.spent()
    again = client.post(PATH, json=going_on("Tell me"), headers=headers)

    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert books.spent() == spent > 0


def test_a_key_without_chat_goes_on_with_nothing(platform: RunningPlatform) -> None:
    with platform.client(platform.new_tenant(key_options=("--scope", "embeddings"))) as client:
        assert client.post(PATH, json=going_on("Tell me")).status_code == 403

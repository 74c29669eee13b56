"""Legacy completions of the sandbox: each prompt is answered as a chat of that message would be."""

import json
import math

import pytest

from tests.gateway.sandbox.conftest import read_events


def complete(sandbox, prompt, **more):
    response = sandbox.post(
        "/v1/completions", json={"model": "m", "prompt": prompt, "max_tokens": 500, **more}
    )
    assert response.status_code == 200, response.text
    return response.json()


def test_a_prompt_is_answered_as_a_chat_would_be(sandbox):
    body = complete(sandbox, "hello")
    assert body["object"] == "text_completion"
    (choice,) = body["choices"]
    assert choice["text"] == sandbox.chat("hello").json()["choices"][0]["message"]["content"]
    assert (choice["finish_reason"], choice["logprobs"]) == ("stop", None)


def test_tokens_are_those_of_all_prompts_and_all_answers(sandbox):
    body = complete(sandbox, ["hello", "and more"], n=2)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    said = sum(len(choice["text"]) for choice in body["choices"])
    assert body["usage"]["prompt_tokens"] == math.ceil(len("helloand more") / 4)
    assert body["usage"]["completion_tokens"] == math.ceil(said / 4)


def test_sixteen_tokens_are_the_default(sandbox):
    response = sandbox.post("/v1/completions", json={"prompt": "[[sbx:tokens=50]]"})
    (choice,) = response.json()["choices"]
    assert (len(choice["text"]), choice["finish_reason"]) == (64, "length")


def test_a_prompt_is_echoed_and_words_have_log_probabilities(sandbox):
    (choice,) = complete(sandbox, "hello", echo=True, logprobs=1)["choices"]
    assert choice["text"].startswith("helloYou said: hello")
    logprobs = choice["logprobs"]
    assert "".join(logprobs["tokens"]) == choice["text"]
    assert logprobs["text_offset"][1] == len(logprobs["tokens"][0])


def test_a_stream_says_the_same_and_counts_in_its_last_chunk(sandbox):
    whole = complete(sandbox, ["hello", "there"])
    options = {"stream": True, "stream_options": {"include_usage": True}}
    response = sandbox.post(
        "/v1/completions", json={"model": "m", "prompt": ["hello", "there"], "max_tokens": 500, **options}
    )
    events = read_events(response.text)
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    for index, choice in enumerate(whole["choices"]):
        texts = [each["text"] for chunk in chunks for each in chunk["choices"] if each["index"] == index]
        assert "".join(texts) == choice["text"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole["usage"])


@pytest.mark.parametrize(
    "body", [{}, {"prompt": []}, {"prompt": [1]}, {"prompt": "a", "messages": []}], ids=str
)
def test_what_is_no_prompt_is_refused(sandbox, body):
    assert sandbox.post("/v1/completions", json=body).status_code == 400

"""OpenAI's embeddings and the shared rerank: shapes, encodings, refusals and exact bills."""

import base64
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from running_platform import RunningPlatform
from scenarios.asking import Books, microcredits, tokens, told

EMBEDDING_MODEL = "text-embedding-3-small"
MICROCREDITS_PER_EMBEDDED_TOKEN = 20
MICROCREDITS_PER_RANKED_TOKEN = 50


@pytest.fixture
def sdk(platform: RunningPlatform, client: httpx.Client) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, unmodified."""
    key = client.headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(base_url=f"{platform.base_url}/v1", api_key=key, max_retries=0) as opened:
        yield opened


def embeddings(client: httpx.Client, given: Any, **more: Any) -> httpx.Response:
    return client.post("/v1/embeddings", json={"model": EMBEDDING_MODEL, "input": given, **more})


@pytest.mark.parametrize(
    ("given", "count", "counted"),
    [
        ("one text", 1, tokens("one text")),
        (["one text", "and another"], 2, tokens("one text", "and another")),
        ([101, 7592, 102], 1, 3),
        ([[101, 7592], [102, 103, 104]], 2, 5),
    ],
    ids=["a string", "strings", "token ids", "arrays of token ids"],
)
def test_every_form_of_input_is_taken(
    given: Any, count: int, counted: int, client: httpx.Client, books: Books
) -> None:
    answer = embeddings(client, given)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"object", "data", "model", "usage"}
    assert body["object"] == "list"
    assert [item["index"] for item in body["data"]] == list(range(count))
    assert {item["object"] for item in body["data"]} == {"embedding"}
    assert body["usage"] == {"prompt_tokens": counted, "total_tokens": counted}
    cost = counted * MICROCREDITS_PER_EMBEDDED_TOKEN
    assert microcredits(answer.headers["X-Credits-Consumed"]) == cost == books.spent()


def test_base64_is_the_same_vector_in_little_endian_floats(client: httpx.Client) -> None:
    floats = embeddings(client, "hello").json()["data"][0]["embedding"]
    encoded = embeddings(client, "hello", encoding_format="base64").json()["data"][0]["embedding"]

    decoded = struct.unpack(f"<{len(floats)}f", base64.b64decode(encoded))

    assert decoded == pytest.approx(floats, rel=1e-6)


@pytest.mark.parametrize("encoding", [openai.omit, "float", "base64"])
def test_openais_client_reads_it(encoding: Any, sdk: openai.OpenAI) -> None:
    answer = sdk.embeddings.create(
        model=EMBEDDING_MODEL, input=["hello", "world"], dimensions=64, encoding_format=encoding
    )

    vector = answer.data[1].embedding
    if isinstance(vector, str):
        vector = list(struct.unpack("<64f", base64.b64decode(vector)))
    assert len(vector) == 64
    assert sum(number * number for number in vector) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "a"}, "model"),
        ({"model": EMBEDDING_MODEL}, "input"),
        ({"model": EMBEDDING_MODEL, "input": ""}, "input"),
        ({"model": EMBEDDING_MODEL, "input": []}, "input"),
        ({"model": EMBEDDING_MODEL, "input": [[]]}, "input.0"),
        ({"model": EMBEDDING_MODEL, "input": ["a"] * 2049}, "input"),
        ({"model": EMBEDDING_MODEL, "input": [-1]}, "input.0"),
        ({"model": EMBEDDING_MODEL, "input": "a", "dimensions": 0}, "dimensions"),
        ({"model": EMBEDDING_MODEL, "input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"model": "bge-m3", "input": [1, 2]}, "input"),
        ({"model": "bge-m3", "input": "a", "dimensions": 8}, "dimensions"),
        ({"model": "no-such-model", "input": "a"}, "model"),
        ({"model": "gemini", "input": "a"}, "model"),
    ],
)
def test_what_cannot_be_embedded_is_named(
    body: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post("/v1/embeddings", json=body)

    assert answer.status_code == (404 if body.get("model") in ("no-such-model", "gemini") else 400)
    assert (told(answer)["param"] or "").startswith(param)
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", ["jina-reranker", "bge-reranker"])
def test_a_ranking_has_one_shape_whatever_the_upstream_speaks(
    model: str, client: httpx.Client, books: Books
) -> None:
    query, documents = "the harbour", ["bananas", "a view of the harbour", "the sea"]

    answer = client.post(
        "/v1/rerank",
        json={
            "model": model,
            "query": query,
            "documents": [documents[0], {"text": documents[1]}, documents[2]],
        },
    )

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"id", "model", "usage", "results"}
    assert body["model"] == model
    assert body["results"][0]["index"] == 1
    assert body["results"][0]["document"] == {"text": documents[1]}
    scores = [result["relevance_score"] for result in body["results"]]
    assert scores == sorted(scores, reverse=True)
    counted = tokens(query, query, query, *documents)
    assert body["usage"]["total_tokens"] == counted
    assert books.spent() == counted * MICROCREDITS_PER_RANKED_TOKEN


def test_a_ranking_can_be_cut_and_bare(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/rerank",
        json={
            "model": "bge-reranker",
            "query": "b",
            "documents": ["a", "b", "c"],
            "top_n": 2,
            "return_documents": False,
        },
    )

    results = answer.json()["results"]
    assert len(results) == 2
    assert set(results[0]) == {"index", "relevance_score"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": ["a", 5]}, "documents.1"),
        ({"documents": [{"title": "no text"}]}, "documents.0"),
        ({"top_n": 0}, "top_n"),
    ],
)
def test_what_cannot_be_ranked_is_named(
    more: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    body = {"model": "jina-reranker", "query": "a", "documents": ["a"], **more}

    answer = client.post("/v1/rerank", json=body)

    assert answer.status_code == 400
    assert (told(answer)["param"] or "").startswith(param)
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/v1/edits", "/v1/assistants", "/v1/files/abc", "/v1/", "/llm/v1/embeddings"]
)
def test_what_is_not_here_is_a_clear_404(path: str, method: str, client: httpx.Client) -> None:
    answer = client.request(method, path, json={"model": "gemini", "prompt": "Once upon a time"})

    assert answer.status_code == 404
    assert told(answer)["type"] == "not_found"

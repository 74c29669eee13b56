"""Ranking by shared words, in two protocols."""

import math

import pytest

from gateway.sandbox.sync.rerank import ranking

QUERY = "blue river stone"
TEXTS = ["tax form", "a blue river", "the blue river stone", "stone"]


def test_passage_with_more_of_the_query_ranks_higher():
    assert [index for index, _ in ranking(QUERY, TEXTS)] == [2, 1, 3, 0]


def test_tei_gives_a_bare_array_best_first(sandbox):
    response = sandbox.post("/rerank", json={"query": QUERY, "texts": TEXTS})
    ranks = response.json()
    assert [rank["index"] for rank in ranks] == [2, 1, 3, 0]
    assert all(set(rank) == {"index", "score"} and 0 <= rank["score"] <= 1 for rank in ranks)
    expected = math.ceil((len(QUERY) * 4 + sum(map(len, TEXTS))) / 4)
    assert response.headers["x-compute-tokens"] == str(expected)


def test_tei_returns_text_and_raw_scores_when_asked(sandbox):
    body = {"query": QUERY, "texts": TEXTS, "return_text": True, "raw_scores": True}
    ranks = sandbox.post("/rerank", json=body).json()
    assert ranks[0]["text"] == TEXTS[2]
    assert ranks[0]["score"] > 1
    assert ranks[-1]["score"] < 0


def test_v1_gives_results_with_usage(sandbox):
    body = {"model": "m", "query": QUERY, "documents": TEXTS, "top_n": 2}
    answer = sandbox.post("/v1/rerank", json=body).json()
    assert [result["index"] for result in answer["results"]] == [2, 1]
    assert answer["results"][0]["document"] == {"text": TEXTS[2]}
    assert answer["results"][0]["relevance_score"] > answer["results"][1]["relevance_score"]
    assert answer["usage"]["total_tokens"] == math.ceil((len(QUERY) * 4 + sum(map(len, TEXTS))) / 4)


def test_v1_accepts_documents_as_objects(sandbox):
    body = {"query": QUERY, "documents": [{"text": "stone"}], "return_documents": False}
    results = sandbox.post("/v1/rerank", json=body).json()["results"]
    assert set(results[0]) == {"index", "relevance_score"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rerank", {"query": "", "texts": ["x"]}),
        ("/rerank", {"query": "x", "texts": []}),
        ("/v1/rerank", {"query": "x", "documents": []}),
        ("/v1/rerank", {"query": "x", "documents": [1]}),
        ("/v1/rerank", {"query": "x", "documents": ["x"], "top_n": "all"}),
    ],
    ids=str,
)
def test_bad_body_is_refused(sandbox, path, body):
    assert sandbox.post(path, json=body).status_code == 400

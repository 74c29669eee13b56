"""Jina's, Cohere's and vLLM's rerank and text-embeddings-inference's, as one normal form."""

from typing import Any

import orjson
import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import MalformedAnswer, UpstreamFault
from gateway.adapters.shared.requests import RerankRequest
from gateway.adapters.sync import openai_rerank, tei_rerank
from tests.gateway.adapters.driving import Route, as_json, drive
from usage.ledger.units import Units

THREE = RerankRequest("who?", ["me", "you", "them"])


def scored(*scores: Any, name: str = "relevance_score") -> list[dict[str, Any]]:
    return [{"index": index, name: score} for index, score in enumerate(scores)]


def test_openai_results_are_sorted_and_carry_the_upstreams_tokens() -> None:
    body = {"results": scored(0.1, 0.9, 0.5), "usage": {"total_tokens": 7}}
    answer, (call,), _ = drive(openai_rerank, THREE, as_json(body))
    assert answer.values == [
        {"index": 1, "score": 0.9},
        {"index": 2, "score": 0.5},
        {"index": 0, "score": 0.1},
    ]
    assert (answer.units, answer.estimated) == (Units(tokens_in=7), False)
    assert orjson.loads(answer.upstream_body) == body
    assert call.path == "/v1/rerank"
    assert call.json == {
        "model": "theirs",
        "query": "who?",
        "documents": ["me", "you", "them"],
        "return_documents": False,
    }


def test_texts_are_our_own_and_top_n_is_kept_even_where_the_upstream_ignores_it() -> None:
    request = RerankRequest("q", ["a", "b", "c"], top_n=2, return_documents=True)
    answer, (call,), _ = drive(openai_rerank, request, as_json({"results": scored(1, 3, 2)}))
    assert answer.values == [{"index": 1, "score": 3.0, "text": "b"}, {"index": 2, "score": 2.0, "text": "c"}]
    assert call.json["top_n"] == 2
    # The query is counted with each document: 3 × 1 + 3 bytes.
    assert (answer.units, answer.estimated) == (Units(tokens_in=2), True)


@pytest.mark.parametrize(
    "results",
    [
        None,
        [],
        scored(1.0, 2.0),
        scored(1.0, 2.0, 3.0, 4.0),
        scored(1.0, 2.0, None),
        scored(1.0, 2.0, "3"),
        scored(1.0, 2.0, True),
        [{"index": 0, "relevance_score": 1.0}] * 3,
        [{"index": index, "relevance_score": 1.0} for index in (0, 1, -1)],
        [{"index": index, "relevance_score": 1.0} for index in (0, 1, "2")],
        ["a", "b", "c"],
    ],
)
def test_openai_results_that_rank_something_else_are_malformed(results: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(openai_rerank, THREE, as_json({"results": results}))


def test_tei_ranks_with_tokens_from_its_header() -> None:
    ranks = [{"index": 2, "score": 0.2}, {"index": 0, "score": 0.9}, {"index": 1, "score": 0.5}]
    answer, (call,), _ = drive(tei_rerank, THREE, as_json(ranks, x_compute_tokens="12"))
    assert [rank["index"] for rank in answer.values] == [0, 1, 2]
    assert (answer.units, answer.estimated) == (Units(tokens_in=12), False)
    assert orjson.loads(answer.upstream_body) == ranks
    assert call.path == "/rerank"
    assert call.json == {
        "query": "who?",
        "texts": ["me", "you", "them"],
        "raw_scores": False,
        "return_text": False,
        "truncate": False,
    }


def test_tei_batches_are_ranked_together_and_passed_through_as_one_array() -> None:
    request = RerankRequest("q", [str(number) for number in range(40)])
    batches = [
        as_json([{"index": i, "score": i / 100} for i in range(size)], x_compute_tokens="5")
        for size in (32, 8)
    ]
    answer, calls, _ = drive(tei_rerank, request, *batches)
    assert [len(call.json["texts"]) for call in calls] == [32, 8]
    assert sorted(rank["index"] for rank in answer.values) == list(range(40))
    assert answer.values[0] == {"index": 31, "score": 0.31}
    assert answer.units == Units(tokens_in=10)
    passed = orjson.loads(answer.upstream_body)
    assert [rank["index"] for rank in passed] == [rank["index"] for rank in answer.values]


def test_an_index_of_the_next_batch_is_malformed_in_this_one() -> None:
    request = RerankRequest("q", ["a"] * 40)
    first = [{"index": i, "score": 0.5} for i in range(1, 33)]
    second = [{"index": i, "score": 0.5} for i in range(8)]
    with pytest.raises(MalformedAnswer):
        drive(tei_rerank, request, as_json(first), as_json(second))


def test_a_batch_with_broken_scores_is_malformed_not_a_bug() -> None:
    request = RerankRequest("q", ["a"] * 33)
    with pytest.raises(MalformedAnswer):
        drive(
            tei_rerank,
            request,
            as_json([{"index": i, "score": None} for i in range(32)]),
            as_json([{"index": 0, "score": "x"}]),
        )


def test_an_error_in_a_200_is_a_fault() -> None:
    with pytest.raises(UpstreamFault):
        drive(tei_rerank, THREE, as_json({"error": "x", "error_type": "backend"}))


@pytest.mark.parametrize("adapter", [openai_rerank, tei_rerank])
def test_the_ceiling_counts_the_query_with_every_document(adapter: Any) -> None:
    request = RerankRequest("12345678", ["1234"] * 10)
    assert adapter.ceiling(request, Route()).tokens_in >= 10 * (8 + 4)
    with pytest.raises(InvalidRequest) as raised:
        adapter.ceiling(request, Route(options={"max_documents": 9}))
    assert raised.value.param == "documents"

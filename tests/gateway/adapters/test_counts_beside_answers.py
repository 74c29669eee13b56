"""A full answer beside a count that cannot be so costs our estimate, at every endpoint that is billed by tokens."""

from typing import Any

import pytest

from gateway.adapters.shared.requests import EmbeddingRequest, RerankRequest, VisionRequest
from gateway.adapters.sync import openai_embeddings, openai_rerank, openai_vision, tei_embed, tei_rerank
from tests.gateway.adapters.driving import MemoryUpload, as_json, drive
from usage.ledger.units import Units

WORDS = "word " * 40  # 200 bytes: 50 tokens
EMBEDDING = EmbeddingRequest([WORDS])
RERANK = RerankRequest("abcd", [WORDS], None, False)
VECTORS = {"data": [{"embedding": [1.0]}]}
RANKS = {"results": [{"index": 0, "relevance_score": 0.5}]}


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 1},
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        None,
    ],
)
def test_input_counted_as_nothing_is_estimated(usage: Any) -> None:
    answer, _, _ = drive(openai_embeddings, EMBEDDING, as_json({**VECTORS, "usage": usage}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=50), True)
    answer, _, _ = drive(openai_rerank, RERANK, as_json({**RANKS, "usage": usage}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=51), True)


@pytest.mark.parametrize("told", ["0", "1", "", "-1"])
def test_a_header_that_counts_nothing_is_not_believed(told: str) -> None:
    headers = {"x-compute-tokens": told}
    answer, _, _ = drive(tei_embed, EMBEDDING, as_json([[1.0]], **headers))
    assert (answer.units, answer.estimated) == (Units(tokens_in=50), True)
    answer, _, _ = drive(tei_rerank, RERANK, as_json([{"index": 0, "score": 0.5}], **headers))
    assert (answer.units, answer.estimated) == (Units(tokens_in=51), True)


@pytest.mark.parametrize("usage", [{"prompt_tokens": 0, "completion_tokens": 0}, {"total_tokens": 0}, None])
def test_an_image_that_was_read_is_never_free(usage: Any) -> None:
    request = VisionRequest(MemoryUpload(b"\x89PNG", "image/png", "a.png"), "What is it?", 0.1)
    choice = {"message": {"content": WORDS}, "finish_reason": "stop"}
    answer, _, _ = drive(openai_vision, request, as_json({"choices": [choice], "usage": usage}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=3 + 85, tokens_out=50), True)

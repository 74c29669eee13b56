"""Reranking by lexical overlap, in TEI's words and in those vLLM, Jina and Cohere share."""

from __future__ import annotations

import math

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose, tokens
from gateway.sandbox.sync import embedding_vectors
from gateway.sandbox.sync.embeddings import TEI_MAX_BATCH, tei_headers
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Reply, Route, json_reply


def routes() -> list[Route]:
    """The reranking surface."""
    return [
        Route("POST", "/rerank", tei_rerank, dialects.tei),
        Route("POST", "/v1/rerank", rerank, dialects.openai),
    ]


def tei_rerank(call: Call) -> Answer:
    """TEI: a bare array of index and score, best first; the text only when asked for."""
    body = call.json()
    query, texts = body.get("query"), body.get("texts")
    if (
        not isinstance(query, str)
        or not isinstance(texts, list)
        or not all(isinstance(t, str) for t in texts)
    ):
        raise Refusal(422, "`query` must be a string and `texts` an array of strings")
    if not query or not texts:
        raise Refusal(400, "`query` and `texts` cannot be empty")
    if len(texts) > TEI_MAX_BATCH:
        raise Refusal(413, f"batch size {len(texts)} > maximum allowed batch size {TEI_MAX_BATCH}")
    ranks: list[dict[str, Json]] = []
    for index, score in ranking(query, texts):
        # Raw scores are the model's logits: the same order, another scale.
        value = math.log(score / (1.0 - score)) if body.get("raw_scores") else score
        ranks.append({"index": index, "score": value})
        if body.get("return_text"):
            ranks[-1]["text"] = texts[index]
    return Reply(orjson.dumps(ranks), headers=tei_headers(count_pairs(query, texts), call))


def rerank(call: Call) -> Answer:
    """vLLM, Jina, Cohere: results with relevance scores, best first, at most `top_n` of them."""
    body = call.json()
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str) or not query:
        raise Refusal(400, "query must be a string that is not empty")
    if not isinstance(documents, list) or not documents:
        raise Refusal(400, "documents must be an array that is not empty")
    texts = [_document_text(document) for document in documents]
    top_n = body.get("top_n")
    if top_n is not None and (isinstance(top_n, bool) or not isinstance(top_n, int) or top_n < 0):
        raise Refusal(400, "top_n must be a whole number")
    ranked = ranking(query, texts)[: top_n or None]
    shows_text = body.get("return_documents", True)
    results = [
        {
            "index": index,
            **({"document": {"text": texts[index]}} if shows_text else {}),
            "relevance_score": score,
        }
        for index, score in ranked
    ]
    document: dict[str, Json] = {
        "id": "rerank-" + prose.digest(call.body).hex()[:24],
        "model": str(body.get("model") or "sbx-rerank"),
        "results": results,
    }
    if "no_usage" not in call.magic:
        counted = count_pairs(query, texts)
        document["usage"] = {"prompt_tokens": counted, "total_tokens": counted}
    return json_reply(document)


def ranking(query: str, texts: list[str]) -> list[tuple[int, float]]:
    """Index and score of every text, best first; equal scores keep their order."""
    scores = [(index, embedding_vectors.overlap(query, text)) for index, text in enumerate(texts)]
    return sorted(scores, key=lambda pair: -pair[1])


def count_pairs(query: str, texts: list[str]) -> int:
    """A cross-encoder reads the query again with every text."""
    return tokens.count([query] * len(texts) + texts)


def _document_text(document: Json) -> str:
    if isinstance(document, dict):
        document = document.get("text")
    if not isinstance(document, str):
        raise Refusal(400, "a document must be a string or an object with a text")
    return document

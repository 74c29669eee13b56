"""Reranking of text-embeddings-inference: POST /rerank, a bare array of index and score, tokens in a header.

Source: router/src/http/{types,server}.rs of huggingface/text-embeddings-inference. Each pair is scored by
itself, so more than 32 documents are sent in several calls and their scores compare.
"""

from typing import Any

import orjson

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Received, Steps, UpstreamCall
from gateway.adapters.shared import rerank
from gateway.adapters.shared.limits import limit
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import RerankRequest
from gateway.adapters.shared.usage_counts import believed
from gateway.adapters.sync.tei_embed import BATCH, compute_tokens
from usage.ledger.units import Units

SERVES = frozenset({"rerank"})
PATH = "/rerank"


def ceiling(request: RerankRequest, route: AdapterRoute) -> Units:
    """The most tokens the pairs can be; see `rerank.max_units`."""
    return rerank.max_units(request, route)


def steps(request: RerankRequest, route: AdapterRoute) -> Steps:
    """One call for each batch; `upstream_body` is one array, best first, as of one call."""
    batch = limit(route, "batch", BATCH)
    found: list[Any] = []
    tokens: int | None = 0
    received = Received("application/json", {}, b"[]")
    for start in range(0, len(request.documents), batch):
        texts = request.documents[start : start + batch]
        received = yield UpstreamCall(PATH, json=_body(texts, request, route))
        values = received.json()
        raise_for_error_body(values)
        found += _moved(values, start)
        counted = compute_tokens(received)
        tokens = None if tokens is None or counted is None else tokens + counted
    ranking = rerank.validate(found, request)
    body = received.body
    if len(request.documents) > batch:
        body = orjson.dumps(sorted(found, key=lambda result: -result["score"]))
    tokens = believed(tokens, rerank.least_weight(request))
    units = Units(tokens_in=tokens) if tokens is not None else rerank.estimate_units(request)
    return JsonAnswer(ranking, units, tokens is None, body, "application/json")


def _body(texts: list[str], request: RerankRequest, route: AdapterRoute) -> dict[str, Any]:
    return {
        "query": request.query,
        "texts": texts,
        "raw_scores": False,
        "return_text": request.return_documents,
        "truncate": bool(route.options.get("truncate", False)),
    }


def _moved(values: object, start: int) -> list[dict[str, Any]]:
    """A batch's results, with each index counted from the first document of all."""
    if not isinstance(values, list) or not all(isinstance(result, dict) for result in values):
        raise MalformedAnswer("no results")
    if not all(type(result.get("index")) is int and result["index"] >= 0 for result in values):
        raise MalformedAnswer("an index that is no document's")
    return [{**result, "index": result["index"] + start} for result in values]

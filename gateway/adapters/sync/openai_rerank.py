"""Reranking as Jina, Cohere and vLLM speak it: POST /v1/rerank, `results` with relevance scores.

Sources: Jina's and Cohere's API references, vLLM's "Re-rank API". Cohere's newer path is said by the route's
option `path`.
"""

from typing import Any

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Steps, UpstreamCall
from gateway.adapters.shared import rerank
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import RerankRequest
from gateway.adapters.shared.usage_counts import reported_input
from usage.ledger.units import Units

SERVES = frozenset({"rerank"})
PATH = "/v1/rerank"


def ceiling(request: RerankRequest, route: AdapterRoute) -> Units:
    """The most tokens the pairs can be; see `rerank.max_units`."""
    return rerank.max_units(request, route)


def steps(request: RerankRequest, route: AdapterRoute) -> Steps:
    """One call."""
    body: dict[str, Any] = {
        "model": route.upstream_model,
        "query": request.query,
        "documents": request.documents,
        "return_documents": request.return_documents,
    }
    if request.top_n is not None:
        body["top_n"] = request.top_n
    received = yield UpstreamCall(route.options.get("path", PATH), json=body)
    values = received.json()
    raise_for_error_body(values)
    if not isinstance(values, dict):
        raise MalformedAnswer("no results")
    ranking = rerank.validate(values.get("results"), request, "relevance_score")
    tokens = reported_input(values.get("usage"), rerank.least_weight(request))
    units = Units(tokens_in=tokens) if tokens is not None else rerank.estimate_units(request)
    return JsonAnswer(ranking, units, tokens is None, received.body, received.content_type)

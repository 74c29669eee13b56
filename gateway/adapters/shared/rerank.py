"""Rankings in their normal form: `{"index", "score", "text"?}`, best first, every index a document's own."""

from math import isfinite
from typing import Any

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer
from gateway.adapters.shared.limits import check_count
from gateway.adapters.shared.requests import RerankRequest
from gateway.adapters.shared.tokens import SPECIAL_TOKENS, estimated_tokens, most_tokens, text_weight
from gateway.adapters.shared.usage_counts import least_weight_of_cut
from usage.ledger.units import Units

MAX_DOCUMENTS = 2048


def max_units(request: RerankRequest, route: AdapterRoute) -> Units:
    """The most tokens this ranking can take: a cross-encoder reads the query again with every document.

    Raises InvalidRequest naming `documents` for more than the route's `max_documents`.
    """
    count = len(request.documents)
    check_count(count, route, "max_documents", MAX_DOCUMENTS, "documents", "documents")
    documents = sum(most_tokens(document) for document in request.documents)
    return Units(tokens_in=documents + (most_tokens(request.query) + SPECIAL_TOKENS) * count)


def weight(request: RerankRequest) -> int:
    """What the ranking weighs in an estimate, the query with each document."""
    documents = sum(map(text_weight, request.documents))
    return text_weight(request.query) * len(request.documents) + documents


def least_weight(request: RerankRequest) -> int:
    """What of the ranking any server has read, wherever it cuts a pair.

    Some read the query once for all documents, and a long query may leave no room for them.
    """
    documents = sum(least_weight_of_cut(text_weight(document)) for document in request.documents)
    return max(documents, least_weight_of_cut(text_weight(request.query)))


def estimate_units(request: RerankRequest) -> Units:
    """Tokens where the upstream does not say."""
    return Units(tokens_in=estimated_tokens(weight(request)))


def validate(found: object, request: RerankRequest, score_name: str = "score") -> list[dict[str, Any]]:
    """The ranking, sorted, cut at the caller's `top_n`, with our own documents as its texts if asked for.

    Raises MalformedAnswer for a score that is no finite number, an index that is not a document's or comes
    twice, or fewer results than were asked for.
    """
    if not isinstance(found, list):
        raise MalformedAnswer("no results")
    ranks = [_rank(result, request, score_name) for result in found]
    if len({rank["index"] for rank in ranks}) != len(ranks):
        raise MalformedAnswer("a document ranked twice")
    wanted = _wanted(request)
    if len(ranks) < wanted:
        raise MalformedAnswer("fewer results than documents")
    ranks.sort(key=lambda rank: -rank["score"])
    return ranks[:wanted]


def _wanted(request: RerankRequest) -> int:
    if request.top_n is None:
        return len(request.documents)
    return min(request.top_n, len(request.documents))


def _rank(result: object, request: RerankRequest, score_name: str) -> dict[str, Any]:
    if not isinstance(result, dict):
        raise MalformedAnswer("a result that is no object")
    index, score = result.get("index"), result.get(score_name)
    if type(index) is not int or not 0 <= index < len(request.documents):
        raise MalformedAnswer("an index that is no document's")
    if isinstance(score, bool) or not isinstance(score, float | int) or not isfinite(score):
        raise MalformedAnswer("a score that is no finite number")
    rank: dict[str, Any] = {"index": index, "score": float(score)}
    if request.return_documents:
        rank["text"] = request.documents[index]
    return rank

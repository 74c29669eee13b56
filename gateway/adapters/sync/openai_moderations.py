"""Moderations as OpenAI judges them: POST /v1/moderations, a result for each text, or one for parts together.

Source: OpenAI's API reference, "Moderations". Its older models take texts only, and refuse parts.
"""

from collections.abc import Mapping
from typing import Any

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Steps, UpstreamCall
from gateway.adapters.shared.limits import check_count
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import ModerationRequest
from usage.ledger.units import Units

SERVES = frozenset({"moderations"})
PATH = "/v1/moderations"
MAX_INPUTS = 2048


def ceiling(request: ModerationRequest, route: AdapterRoute) -> Units:
    """One call, however much is judged in it, up to the route's `max_inputs`."""
    count = len(request.parts) or len(request.texts)
    check_count(count, route, "max_inputs", MAX_INPUTS, "input", "inputs")
    return Units()


def steps(request: ModerationRequest, route: AdapterRoute) -> Steps:
    """One call. Raises MalformedAnswer unless everything was judged."""
    body = {"model": route.upstream_model, "input": request.parts or request.texts}
    received = yield UpstreamCall(PATH, json=body)
    values = received.json()
    raise_for_error_body(values)
    results = values.get("results") if isinstance(values, dict) else None
    if not isinstance(results, list) or len(results) != request.judged:
        raise MalformedAnswer("not one result for each input")
    judged = [_result(result) for result in results]
    return JsonAnswer(
        judged, Units(), upstream_body=received.body, upstream_content_type=received.content_type
    )


def _result(result: object) -> dict[str, Any]:
    """A verdict with the categories and scores that it rests on, and which kinds of input each score is of."""
    if not isinstance(result, Mapping) or type(result.get("flagged")) is not bool:
        raise MalformedAnswer("a result that says not whether it is flagged")
    categories, scores = result.get("categories"), result.get("category_scores")
    if not isinstance(categories, dict) or not all(_is_verdict(each) for each in categories.values()):
        raise MalformedAnswer("categories that are not true or false")
    if not isinstance(scores, dict) or not all(_is_score(each) for each in scores.values()):
        raise MalformedAnswer("scores that are not numbers")
    read: dict[str, Any] = {
        "flagged": result["flagged"],
        "categories": categories,
        "category_scores": scores,
    }
    kinds = result.get("category_applied_input_types")
    if isinstance(kinds, dict) and all(isinstance(each, list) for each in kinds.values()):
        read["category_applied_input_types"] = kinds
    return read


def _is_verdict(value: object) -> bool:
    # Null stands where a model does not know the category.
    return value is None or isinstance(value, bool)


def _is_score(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))

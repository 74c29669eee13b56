"""OpenAI's embeddings, as vLLM, Ollama, LM Studio and most servers speak them.

Floats are always asked for; whether the caller wants base64 is the view's affair.
"""

from typing import Any

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, Steps, UpstreamCall
from gateway.adapters.shared import embeddings
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.adapters.shared.usage_counts import reported_input
from usage.ledger.units import Units

SERVES = frozenset({"embeddings"})
PATH = "/v1/embeddings"


def ceiling(request: EmbeddingRequest, route: AdapterRoute) -> Units:
    """The most tokens the inputs can be; see `embeddings.max_units`."""
    return embeddings.max_units(request, route)


def steps(request: EmbeddingRequest, route: AdapterRoute) -> Steps:
    """One call. `input_type` goes out only where the route's `input_types` says what it is upstream."""
    body: dict[str, Any] = {
        "model": route.upstream_model,
        "input": request.inputs,
        "encoding_format": "float",
    }
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.user is not None:
        body["user"] = request.user
    input_type = route.options.get("input_types", {}).get(request.input_type)
    if input_type is not None:
        body["input_type"] = input_type
    received = yield UpstreamCall(PATH, json=body)
    values = received.json()
    raise_for_error_body(values)
    data = values.get("data") if isinstance(values, dict) else None
    found = embeddings.validate(embeddings.in_input_order(data), len(request.inputs), request.dimensions)
    tokens = reported_input(values.get("usage"), embeddings.least_weight(request))
    units = Units(tokens_in=tokens) if tokens is not None else embeddings.estimate_units(request)
    return JsonAnswer(found, units, tokens is None, received.body, received.content_type)

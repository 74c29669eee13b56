"""OpenAI's embeddings, as vLLM, Ollama, LM Studio and most servers speak them.

Floats are always asked for; whether the caller wants base64 is the view's affair.
"""

from typing import Any

from gateway.adapters import vectors
from gateway.adapters.requests import EmbeddingRequest
from gateway.adapters.steps import AdapterRoute, JsonAnswer, Steps, UpstreamCall
from gateway.adapters.told_errors import raise_told_error
from gateway.adapters.usage_counts import reported_input
from usage.units import Units

PATH = "/v1/embeddings"


def ceiling(request: EmbeddingRequest, route: AdapterRoute) -> Units:
    """The most tokens the inputs can be; see `vectors.bound`."""
    return vectors.bound(request, route)


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
    raise_told_error(values)
    data = values.get("data") if isinstance(values, dict) else None
    found = vectors.checked(vectors.in_input_order(data), len(request.inputs), request.dimensions)
    tokens = reported_input(values.get("usage"), vectors.least_weight(request))
    units = Units(tokens_in=tokens) if tokens is not None else vectors.guess(request)
    return JsonAnswer(found, units, tokens is None, received.body, received.content_type)

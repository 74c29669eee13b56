"""Embeddings of text-embeddings-inference: POST /embed, a bare array of vectors, tokens told in a header.

Source: router/src/http/{types,server}.rs of huggingface/text-embeddings-inference. It takes 32 inputs at once
unless started with another --max-client-batch-size, so more are sent in several calls.
"""

import re
from typing import Any

import orjson

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, JsonAnswer, Received, Steps, UpstreamCall
from gateway.adapters.shared import embeddings
from gateway.adapters.shared.limits import limit
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.adapters.shared.usage_counts import believed
from usage.ledger.units import Units

SERVES = frozenset({"embeddings"})
PATH = "/embed"
BATCH = 32
# A prompt of the server's own that `prompt_name` puts before each input may be this long.
PROMPT_TOKENS = 256


def ceiling(request: EmbeddingRequest, route: AdapterRoute) -> Units:
    """The most tokens the inputs can be; see `embeddings.max_units`.

    Raises InvalidRequest for token ids, which belong to another tokenizer, and for `dimensions` unless the
    route's option `dimensions` says that the server cuts vectors.
    """
    if request.token_arrays:
        raise InvalidRequest(_("%(param)s: this model takes text, not token ids."), param="input")
    if request.dimensions is not None and not route.options.get("dimensions"):
        raise InvalidRequest(_("%(param)s: this model's vectors have one length only."), param="dimensions")
    units = embeddings.max_units(request, route)
    prompts = PROMPT_TOKENS * len(request.inputs) if _prompt_name(request, route) else 0
    return units._replace(tokens_in=units.tokens_in + prompts)


def steps(request: EmbeddingRequest, route: AdapterRoute) -> Steps:
    """One call for each batch; `upstream_body` is one array, as of one call."""
    batch = limit(route, "batch", BATCH)
    found: list[Any] = []
    tokens: int | None = 0
    received = Received("application/json", {}, b"[]")
    for start in range(0, len(request.inputs), batch):
        inputs = request.inputs[start : start + batch]
        received = yield UpstreamCall(PATH, json=_body(inputs, request, route))
        values = received.json()
        raise_for_error_body(values)
        found += embeddings.validate(values, len(inputs), request.dimensions)
        counted = compute_tokens(received)
        tokens = None if tokens is None or counted is None else tokens + counted
    found = embeddings.validate(found, len(request.inputs), request.dimensions)
    body = received.body if len(request.inputs) <= batch else orjson.dumps(found)
    tokens = believed(tokens, embeddings.least_weight(request))
    units = Units(tokens_in=tokens) if tokens is not None else embeddings.estimate_units(request)
    return JsonAnswer(found, units, tokens is None, body, "application/json")


def compute_tokens(received: Received) -> int | None:
    """The tokens that the server says it read; None where it does not."""
    told = received.headers.get("x-compute-tokens", "")
    return int(told) if re.fullmatch(r"\d{1,12}", told, re.ASCII) else None


def _body(inputs: list[Any], request: EmbeddingRequest, route: AdapterRoute) -> dict[str, Any]:
    truncate = bool(route.options.get("truncate", False))
    body: dict[str, Any] = {"inputs": inputs, "truncate": truncate, "normalize": True}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    prompt_name = _prompt_name(request, route)
    if prompt_name is not None:
        body["prompt_name"] = prompt_name
    return body


def _prompt_name(request: EmbeddingRequest, route: AdapterRoute) -> str | None:
    """The server's prompt for an input type, where the route's `input_types` names one."""
    name: str | None = route.options.get("input_types", {}).get(request.input_type)
    return name

"""Embeddings, in OpenAI's words and in text-embeddings-inference's."""

from __future__ import annotations

import base64
from array import array

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import tokens
from gateway.sandbox.sync import embedding_vectors
from gateway.sandbox.wire import Answer, Call, Headers, Json, Refusal, Reply, Route, json_reply

MAX_INPUTS = 2048
# TEI's own default for --max-client-batch-size.
TEI_MAX_BATCH = 32


def routes() -> list[Route]:
    """The embedding surface."""
    return [
        Route("POST", "/v1/embeddings", embeddings, dialects.openai),
        Route("POST", "/embed", embed, dialects.tei),
    ]


def embeddings(call: Call) -> Answer:
    """OpenAI: one vector for each input, as floats or base64."""
    body = call.json()
    inputs: list[str | list[int]] = _inputs(body.get("input"))
    dimensions = body.get("dimensions")
    if dimensions is None:
        dimensions = embedding_vectors.DEFAULT_DIMENSIONS
    if (
        isinstance(dimensions, bool)
        or not isinstance(dimensions, int)
        or not 0 < dimensions <= embedding_vectors.MAX_DIMENSIONS
    ):
        raise Refusal(400, f"dimensions must be a whole number from 1 to {embedding_vectors.MAX_DIMENSIONS}")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise Refusal(400, "encoding_format must be float or base64")
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(_vector(value, dimensions), encoding)}
        for index, value in enumerate(inputs)
    ]
    document: dict[str, Json] = {
        "object": "list",
        "data": data,
        "model": str(body.get("model") or "sbx-embed"),
    }
    if "no_usage" not in call.magic:
        counted = count_inputs(inputs)
        document["usage"] = {"prompt_tokens": counted, "total_tokens": counted}
    return json_reply(document)


def embed(call: Call) -> Answer:
    """TEI: a bare array of vectors; the token count is in a header."""
    inputs = call.json().get("inputs")
    listed = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(listed, list) or not all(isinstance(value, str) for value in listed):
        raise Refusal(422, "`inputs` must be a string or an array of strings")
    if not listed or "" in listed:
        raise Refusal(400, "`inputs` cannot be empty")
    if len(listed) > TEI_MAX_BATCH:
        raise Refusal(413, f"batch size {len(listed)} > maximum allowed batch size {TEI_MAX_BATCH}")
    found = [
        embedding_vectors.embed_text(value, embedding_vectors.DEFAULT_DIMENSIONS).tolist() for value in listed
    ]
    headers = tei_headers(tokens.count(listed), call)
    return Reply(orjson.dumps(found), headers=headers)


def tei_headers(counted: int, call: Call) -> Headers:
    """The figures TEI reports beside its bare body."""
    if "no_usage" in call.magic:
        return []
    return [
        (b"x-compute-type", b"cpu"),
        (b"x-compute-tokens", b"%d" % counted),
        (b"x-compute-characters", b"%d" % len(call.body)),
        (b"x-total-time", b"1"),
    ]


def count_inputs(inputs: list[str | list[int]]) -> int:
    """Text by its bytes, token ids by their number, one rounding for all."""
    texts = [value for value in inputs if isinstance(value, str)]
    return tokens.count(texts) + sum(len(value) for value in inputs if not isinstance(value, str))


def _inputs(value: Json) -> list[str | list[int]]:
    """The four forms that OpenAI accepts, as a list of texts or a list of token arrays."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value or len(value) > MAX_INPUTS:
        raise Refusal(400, f"input must be a string or an array of 1 to {MAX_INPUTS} inputs")
    if _all_whole(value):
        return [value]
    if all(isinstance(item, str) for item in value):
        if "" in value:
            raise Refusal(400, "input cannot be an empty string")
        return value
    if all(isinstance(item, list) and item and _all_whole(item) for item in value):
        return value
    raise Refusal(400, "input must hold strings, or arrays of token ids, and not both")


def _all_whole(values: list[Json]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _vector(value: str | list[int], dimensions: int) -> array[float]:
    if isinstance(value, str):
        return embedding_vectors.embed_text(value, dimensions)
    return embedding_vectors.embed_tokens(value, dimensions)


def _encoded(vector: array[float], encoding: str) -> str | list[float]:
    if encoding == "base64":
        return base64.b64encode(embedding_vectors.to_base64_bytes(vector)).decode("ascii")
    return vector.tolist()

"""Embeddings in their normal form: one list of finite numbers for each input, in the inputs' order."""

from math import isfinite

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer
from gateway.adapters.shared.limits import check_count
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.adapters.shared.tokens import (
    SPECIAL_TOKENS,
    WEIGHT_PER_TOKEN,
    estimated_tokens,
    most_tokens,
    text_weight,
)
from gateway.adapters.shared.usage_counts import least_weight_of_cut
from usage.ledger.units import Units

# What OpenAI takes in one request.
MAX_INPUTS = 2048


def max_units(request: EmbeddingRequest, route: AdapterRoute) -> Units:
    """The most tokens these inputs can be.

    Raises InvalidRequest naming `input` for more than the route's `max_inputs`.
    """
    check_count(len(request.inputs), route, "max_inputs", MAX_INPUTS, "input", "inputs")
    tokens = sum(len(given) if isinstance(given, list) else most_tokens(given) for given in request.inputs)
    return Units(tokens_in=tokens + SPECIAL_TOKENS * len(request.inputs))


def weight(request: EmbeddingRequest) -> int:
    """What the inputs weigh in an estimate, a token id as much as a token."""
    return sum(
        WEIGHT_PER_TOKEN * len(given) if isinstance(given, list) else text_weight(given)
        for given in request.inputs
    )


def least_weight(request: EmbeddingRequest) -> int:
    """What of the inputs any server has read, wherever it cuts them."""
    return sum(
        least_weight_of_cut(WEIGHT_PER_TOKEN * len(given) if isinstance(given, list) else text_weight(given))
        for given in request.inputs
    )


def estimate_units(request: EmbeddingRequest) -> Units:
    """Tokens where the upstream does not say: token ids by their number, text by its weight."""
    return Units(tokens_in=estimated_tokens(weight(request)))


def in_input_order(data: object) -> list[object]:
    """The `embedding` of each item of an OpenAI `data` array, by its `index`, or its place where it has none.

    Raises MalformedAnswer unless the indexes are each of 0, 1, 2, … once.
    """
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise MalformedAnswer("no data")
    found: dict[object, object] = {}
    for place, item in enumerate(data):
        index = item.get("index", place)
        if type(index) is not int or not 0 <= index < len(data) or index in found:
            raise MalformedAnswer("an index that is no place of an input")
        found[index] = item.get("embedding")
    return [found[place] for place in range(len(data))]


def validate(found: object, count: int, dimensions: int | None = None) -> list[list[float]]:
    """The vectors, if they are `count` lists of finite numbers, all of the same length.

    That length is `dimensions` where the caller asked for one. Raises MalformedAnswer otherwise.
    """
    if not isinstance(found, list) or len(found) != count:
        raise MalformedAnswer("not one vector for each input")
    vectors = [_numbers(vector) for vector in found]
    lengths = {len(vector) for vector in vectors}
    if len(lengths) != 1 or lengths == {0}:
        raise MalformedAnswer("vectors that are empty or differ in length")
    if dimensions is not None and lengths != {dimensions}:
        raise MalformedAnswer("vectors of another length than was asked for")
    return vectors


def _numbers(vector: object) -> list[float]:
    if not isinstance(vector, list):
        raise MalformedAnswer("a vector that is no list")
    types = set(map(type, vector))
    if not types <= {float, int}:
        raise MalformedAnswer("a vector of something else than numbers")
    try:
        if not all(map(isfinite, vector)):
            raise MalformedAnswer("a vector with a number that is not finite")
    except OverflowError:
        raise MalformedAnswer("a vector with a number too large") from None
    return vector if int not in types else [float(number) for number in vector]

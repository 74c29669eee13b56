"""OpenAI's embeddings and text-embeddings-inference's, as one normal form."""

from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import AnswerRefused, JsonAnswer, MalformedAnswer, UpstreamFault
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.adapters.sync import openai_embeddings, tei_embed
from tests.gateway.adapters.driving import Route, as_json, as_text, drive
from usage.ledger.units import Units

TWO = EmbeddingRequest(["hello", "안녕"])


def data(*vectors: Any) -> list[dict[str, Any]]:
    return [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]


def test_openai_vectors_come_in_the_order_of_their_indexes_with_the_upstreams_tokens() -> None:
    items = list(reversed(data([1.0, 2.0], [3, 4.5])))
    answer, (call,), _ = drive(
        openai_embeddings, TWO, as_json({"data": items, "usage": {"prompt_tokens": 5}})
    )
    assert answer.values == [[1.0, 2.0], [3.0, 4.5]]
    assert (answer.units, answer.estimated) == (Units(tokens_in=5), False)
    assert call.path == "/v1/embeddings"
    assert call.json == {"model": "theirs", "input": ["hello", "안녕"], "encoding_format": "float"}


def test_without_usage_tokens_are_guessed_and_marked_as_a_guess() -> None:
    answer, _, _ = drive(openai_embeddings, TWO, as_json({"data": data([1.0], [2.0])}))
    assert (answer.units, answer.estimated) == (Units(tokens_in=4), True)  # 5 bytes, 2 syllables


def test_token_ids_are_sent_on_and_counted_one_by_one() -> None:
    request = EmbeddingRequest([[1, 2, 3], [4]], dimensions=1, user="u")
    answer, (call,), _ = drive(openai_embeddings, request, as_json({"data": data([1.0], [2.0])}))
    assert call.json["input"] == [[1, 2, 3], [4]]
    assert (call.json["dimensions"], call.json["user"]) == (1, "u")
    assert answer.units == Units(tokens_in=4)
    assert openai_embeddings.ceiling(request, Route()).tokens_in >= 4


def test_an_input_type_is_sent_only_where_the_route_knows_it() -> None:
    route = Route(options={"input_types": {"search_query": "query"}})
    one = as_json({"data": data([1.0])})
    _, (call,), _ = drive(
        openai_embeddings, EmbeddingRequest(["a"], input_type="search_query"), one, route=route
    )
    assert call.json["input_type"] == "query"
    _, (call,), _ = drive(openai_embeddings, EmbeddingRequest(["a"], input_type="string"), one, route=route)
    assert "input_type" not in call.json


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"data": None},
        {"data": data([1.0])},
        {"data": data([1.0], [1.0], [1.0])},
        {"data": data([1.0], [1.0, 2.0])},
        {"data": data([], [])},
        {"data": data(["1"], ["2"])},
        {"data": data([True], [False])},
        {"data": data("AACAPw==", "AACAPw==")},
        {"data": data([None], [1.0])},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [1.0]}]},
    ],
)
def test_openai_answers_that_are_not_one_vector_an_input_are_malformed(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(openai_embeddings, TWO, as_json(answer))


@pytest.mark.parametrize("body", ["", "<html>", '{"data":[{"index":0,"embedding":[NaN]}', "[[1e999]]"])
@pytest.mark.parametrize("adapter", [openai_embeddings, tei_embed])
def test_what_is_no_json_or_not_finite_is_malformed(adapter: Any, body: str) -> None:
    with pytest.raises(MalformedAnswer):
        drive(adapter, EmbeddingRequest(["a"]), as_text(body))


def test_vectors_of_another_length_than_asked_for_are_malformed() -> None:
    with pytest.raises(MalformedAnswer):
        drive(openai_embeddings, EmbeddingRequest(["a"], dimensions=2), as_json({"data": data([1.0])}))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": {"code": 500, "type": "server_error", "message": "x"}}, UpstreamFault),
        ({"error": {"code": 402, "type": "invalid_request_error"}}, UpstreamFault),
        ({"error": {"code": 400, "type": "x"}}, AnswerRefused),
        ({"error": {"code": None, "type": "invalid_request_error"}}, AnswerRefused),
        ({"error": {"code": "422"}}, AnswerRefused),
        ({"error": "boom"}, UpstreamFault),
        ({"object": "error", "code": 400, "message": "x"}, AnswerRefused),
        ({"error": "too long", "error_type": "validation"}, AnswerRefused),
        ({"error": "no gpu", "error_type": "backend"}, UpstreamFault),
        ({"detail": "x"}, UpstreamFault),
        ({"detail": [{"loc": ["body"]}]}, AnswerRefused),
        ({"error": {"code": [], "type": {}}}, UpstreamFault),
    ],
)
@pytest.mark.parametrize("adapter", [openai_embeddings, tei_embed])
def test_an_error_inside_a_200_is_told_apart(adapter: Any, error: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        drive(adapter, EmbeddingRequest(["a"]), as_json(error))


def test_tei_splits_what_is_more_than_a_batch_and_adds_up_its_tokens() -> None:
    request = EmbeddingRequest([f"text {number}" for number in range(70)])
    sizes = [32, 32, 6]
    answers = [as_json([[float(size)]] * size, x_compute_tokens=str(size)) for size in sizes]
    answer, calls, _ = drive(tei_embed, request, *answers)
    assert isinstance(answer, JsonAnswer)
    assert [len(call.json["inputs"]) for call in calls] == sizes
    assert [text for call in calls for text in call.json["inputs"]] == request.inputs
    assert calls[0].path == "/embed"
    assert (calls[0].json["truncate"], calls[0].json["normalize"]) == (False, True)
    assert answer.values == [[32.0]] * 64 + [[6.0]] * 6
    assert (answer.units, answer.estimated) == (Units(tokens_in=70), False)


def test_tei_batches_that_differ_in_length_or_hide_their_tokens() -> None:
    request = EmbeddingRequest(["aaaa"] * 33)
    with pytest.raises(MalformedAnswer):
        drive(tei_embed, request, as_json([[1.0]] * 32), as_json([[1.0, 2.0]]))
    answer, _, _ = drive(tei_embed, request, as_json([[1.0]] * 32, x_compute_tokens="9"), as_json([[1.0]]))
    assert (answer.units, answer.estimated) == (Units(tokens_in=33), True)


def test_tei_takes_neither_token_ids_nor_dimensions_unless_the_route_says_so() -> None:
    for request, param in [
        (EmbeddingRequest([[1]]), "input"),
        (EmbeddingRequest(["a"], dimensions=8), "dimensions"),
    ]:
        with pytest.raises(InvalidRequest) as raised:
            tei_embed.ceiling(request, Route())
        assert raised.value.param == param
    route = Route(options={"dimensions": True, "input_types": {"q": "query"}})
    request = EmbeddingRequest(["a"], dimensions=1, input_type="q")
    _, (call,), _ = drive(tei_embed, request, as_json([[1.0]]), route=route)
    assert (call.json["dimensions"], call.json["prompt_name"]) == (1, "query")


def test_the_ceiling_is_above_every_byte_and_every_character_that_normalising_makes() -> None:
    assert openai_embeddings.ceiling(TWO, Route()).tokens_in >= 11
    ligature = "\ufdfa"  # 3 bytes, but 18 characters after NFKC, each of which may be a token
    assert tei_embed.ceiling(EmbeddingRequest([ligature]), Route()).tokens_in >= 33


def test_more_inputs_than_the_route_takes_are_refused() -> None:
    for inputs in ([], ["a"] * 3):
        with pytest.raises(InvalidRequest) as raised:
            openai_embeddings.ceiling(EmbeddingRequest(inputs), Route(options={"max_inputs": 2}))
        assert raised.value.param == "input"

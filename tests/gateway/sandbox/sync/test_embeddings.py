"""Vectors of unit length that depend on the text alone, in two protocols."""

import base64
import math
import struct

import pytest

from gateway.sandbox.sync import embedding_vectors


def length(vector):
    return math.sqrt(sum(value * value for value in vector))


def ask(sandbox, **body):
    return sandbox.post("/v1/embeddings", json={"model": "m", **body})


def test_text_gets_one_vector_of_unit_length(sandbox):
    answer = ask(sandbox, input="a quiet river").json()
    vector = answer["data"][0]["embedding"]
    assert len(vector) == embedding_vectors.DEFAULT_DIMENSIONS
    assert length(vector) == pytest.approx(1.0, abs=1e-5)
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_inputs_keep_their_order_and_are_counted_together(sandbox):
    answer = ask(sandbox, input=["abc", "de"]).json()
    assert [item["index"] for item in answer["data"]] == [0, 1]
    assert answer["data"][0]["embedding"] == ask(sandbox, input="abc").json()["data"][0]["embedding"]
    assert answer["usage"]["prompt_tokens"] == 2


@pytest.mark.parametrize("value", [[1, 2, 3], [[1, 2, 3], [9]]], ids=str)
def test_token_arrays_count_their_length(sandbox, value):
    answer = ask(sandbox, input=value).json()
    assert answer["usage"]["prompt_tokens"] == (4 if isinstance(value[0], list) else 3)
    assert all(length(item["embedding"]) == pytest.approx(1.0, abs=1e-5) for item in answer["data"])


def test_base64_holds_the_same_floats_little_endian(sandbox):
    floats = ask(sandbox, input="same").json()["data"][0]["embedding"]
    packed = ask(sandbox, input="same", encoding_format="base64").json()["data"][0]["embedding"]
    assert list(struct.unpack(f"<{len(floats)}f", base64.b64decode(packed))) == pytest.approx(floats)


def test_dimensions_are_honoured(sandbox):
    vector = ask(sandbox, input="x", dimensions=7).json()["data"][0]["embedding"]
    assert len(vector) == 7
    assert length(vector) == pytest.approx(1.0, abs=1e-5)


def test_texts_alike_are_nearer_than_texts_unlike():
    def dot(one, two):
        return sum(a * b for a, b in zip(one, two, strict=True))

    river, rivers, tax = (
        embedding_vectors.embed_text(text, 384)
        for text in ("the quiet river runs", "a quiet river ran", "income tax form")
    )
    assert dot(river, rivers) > 0.3 > dot(river, tax)


@pytest.mark.parametrize("value", [[], [""], ["a", 1], None, {"a": 1}, [[]]], ids=str)
def test_bad_input_is_refused(sandbox, value):
    response = ask(sandbox, input=value)
    assert response.status_code == 400
    assert "error" in response.json()


@pytest.mark.parametrize(
    "extra", [{"dimensions": 0}, {"dimensions": "7"}, {"encoding_format": "hex"}], ids=str
)
def test_bad_option_is_refused(sandbox, extra):
    assert ask(sandbox, input="x", **extra).status_code == 400


def test_tei_gives_bare_vectors_and_counts_in_a_header(sandbox):
    response = sandbox.post("/embed", json={"inputs": ["abcde", "fgh"], "normalize": True})
    assert [length(vector) for vector in response.json()] == [pytest.approx(1.0, abs=1e-5)] * 2
    assert response.headers["x-compute-tokens"] == "2"
    single = sandbox.post("/embed", json={"inputs": "abcde"}).json()
    assert single[0] == response.json()[0]


@pytest.mark.parametrize(
    ("body", "status"), [({"inputs": ["x"] * 33}, 413), ({"inputs": 7}, 422), ({"inputs": []}, 400)], ids=str
)
def test_tei_refuses_in_its_own_words(sandbox, body, status):
    response = sandbox.post("/embed", json=body)
    assert response.status_code == status
    assert set(response.json()) == {"error", "error_type"}


def test_tei_overload_has_its_error_type(sandbox):
    response = sandbox.post("/embed", json={"inputs": "[[sbx:status=429]]"})
    assert response.status_code == 429
    assert response.json()["error_type"] == "overloaded"

"""A private server that speaks the Omakase document itself, or something near it."""

import base64
from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import MalformedAnswer, Received, StreamedAnswer, UpstreamFault
from gateway.adapters.shared.requests import (
    EmbeddingRequest,
    ImageRequest,
    MusicRequest,
    RerankRequest,
    SpeechRequest,
    VoicesRequest,
)
from gateway.adapters.sync import passthrough_json
from tests.gateway.adapters.driving import Route, as_audio, as_json, drive
from usage.ledger.units import Units

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


def route(**options: Any) -> Route:
    return Route(options={"path": "/private", **options})


def test_one_text_to_embed_is_the_documents_own_question_and_answer() -> None:
    answer, (call,), _ = drive(
        passthrough_json, EmbeddingRequest(["hello"]), as_json({"embeddingVector": [1, 2.5]}), route=route()
    )
    assert (call.path, call.json) == ("/private", {"model": "theirs", "input": "hello"})
    assert answer.values == [[1.0, 2.5]]
    assert (answer.units, answer.estimated) == (Units(tokens_in=2), True)


@pytest.mark.parametrize(
    "answer",
    [
        [[1.0], [2.0]],
        {"embeddings": [[1.0], [2.0]]},
        {"embeddingVector": [[1.0], [2.0]]},
        {"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]},
    ],
)
def test_several_texts_in_the_usual_shapes(answer: Any) -> None:
    result, _, _ = drive(passthrough_json, EmbeddingRequest(["a", "b"]), as_json(answer), route=route())
    assert result.values == [[1.0], [2.0]]


def test_fields_have_the_names_that_the_route_gives_them() -> None:
    options = route(fields={"input": "passages"})
    _, (call,), _ = drive(
        passthrough_json, RerankRequest("q", ["a"]), as_json([{"index": 0, "score": 1}]), route=options
    )
    assert call.json == {"model": "theirs", "query": "q", "passages": ["a"]}


@pytest.mark.parametrize(
    "answer", [[{"index": 0, "score": 0.5}], {"results": [{"index": 0, "relevance_score": 0.5}]}]
)
def test_a_ranking_in_either_shape(answer: Any) -> None:
    result, _, _ = drive(passthrough_json, RerankRequest("q", ["a"]), as_json(answer), route=route())
    assert result.values == [{"index": 0, "score": 0.5}]


def test_speech_and_music_are_streamed() -> None:
    speech = SpeechRequest("hi", "ryan", "ko", "softly")
    answer, (call,), _ = drive(passthrough_json, speech, as_audio(), route=route())
    assert answer == StreamedAnswer("audio/wav", Units(characters=2))
    assert call.streamed
    assert call.json == {
        "model": "theirs",
        "text": "hi",
        "language": "Korean",
        "speaker": "ryan",
        "instruct": "softly",
        "response_format": "wav",
    }
    answer, (call,), _ = drive(passthrough_json, MusicRequest("jazz"), as_audio("audio/mpeg"), route=route())
    assert answer == StreamedAnswer("audio/mpeg", Units(audio_ms=10_000))
    assert call.json == {"model": "theirs", "prompt": "jazz", "audio_duration": 10.0}
    with pytest.raises(MalformedAnswer):
        drive(passthrough_json, speech, as_audio("application/json"), route=route())


def test_an_image_is_read_by_the_answers_content_type() -> None:
    encoded = base64.b64encode(PNG).decode()
    binary = Received("image/png", {}, PNG)
    listed = as_json({"images": [encoded]})
    openai = as_json({"data": [{"b64_json": encoded}]})
    for received in (binary, listed, openai):
        request = ImageRequest("a cat", 64, 64, steps=5)
        answer, (call,), _ = drive(passthrough_json, request, received, route=route())
        assert answer.values == [{"b64_json": encoded, "content_type": "image/png"}]
        assert answer.units == Units(images=1, pixel_steps=64 * 64 * 5)
        assert call.json["num_inference_steps"] == 5
    with pytest.raises(MalformedAnswer):
        drive(passthrough_json, request, Received("image/png", {}, b"GARBAGE"), route=route())


def test_voices_are_asked_for_with_get() -> None:
    answer, (call,), _ = drive(
        passthrough_json, VoicesRequest(), as_json({"speakers": ["Kim"]}), route=route()
    )
    assert (answer.values, call.method, call.path) == (["Kim"], "GET", "/private")


@pytest.mark.parametrize(
    "request_",
    [EmbeddingRequest(["a"]), RerankRequest("q", ["a"]), ImageRequest("x"), VoicesRequest()],
)
def test_errors_and_nonsense(request_: Any) -> None:
    with pytest.raises(UpstreamFault):
        drive(passthrough_json, request_, as_json({"error": "down"}), route=route())
    for nonsense in ({}, [], None, 5, "x", {"data": 5, "results": 5, "speakers": 5}):
        with pytest.raises(MalformedAnswer):
            drive(passthrough_json, request_, as_json(nonsense), route=route())


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (EmbeddingRequest([[1]]), "input"),
        (EmbeddingRequest([]), "input"),
        (RerankRequest("q", []), "documents"),
        (SpeechRequest("hi", language="xx"), "language"),
        (SpeechRequest("hi", response_format="exe"), "response_format"),
        (SpeechRequest("hi", voice="Ryan"), "voice"),
        (ImageRequest("x", 0, 1), "width"),
        (MusicRequest("x", 1), "audio_duration"),
    ],
)
def test_what_cannot_be_bounded_is_refused(request_: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        passthrough_json.ceiling(request_, route(speakers=["Kim"]))
    assert raised.value.param == param

"""Omakase's embedding, rerank, speech, music and image endpoints: shapes, defaults, aliases and exact bills."""

import io
import math
import wave
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform
from scenarios.asking import Books, marked, microcredits, tokens

MICROCREDITS_PER_EMBEDDED_TOKEN = 20
MICROCREDITS_PER_RANKED_TOKEN = 50
MICROCREDITS_PER_SPOKEN_CHARACTER = 15_000
MICROCREDITS_PER_MUSIC_MS = 200
MICROCREDITS_PER_IMAGE = 1_000_000
PIXEL_STEPS_PER_MICROCREDIT = 50  # 0.02 credits for 1,000,000


def test_a_text_becomes_a_vector_at_its_price(client: httpx.Client, books: Books) -> None:
    text, _ = marked("한국어 문장")

    answer = client.post("/api/embedding", json={"input": text, "input_type": "string"})

    assert answer.status_code == 200
    assert set(answer.json()) == {"embeddingVector"}
    vector = answer.json()["embeddingVector"]
    assert math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-4)
    cost = tokens(text) * MICROCREDITS_PER_EMBEDDED_TOKEN
    assert microcredits(answer.headers["X-Credits-Consumed"]) == cost == books.spent()
    assert books.receipt(answer)["units"]["tokens_in"] == tokens(text)
    assert books.held() == 0


def test_text_stands_for_input(client: httpx.Client) -> None:
    one = client.post("/api/embedding", json={"input": "the same words"}).json()
    other = client.post("/api/embedding", json={"text": "the same words"}).json()

    assert one == other


@pytest.mark.parametrize("name", ["input", "documents"])
def test_a_ranking_is_the_upstreams_own_answer(name: str, client: httpx.Client, books: Books) -> None:
    query, passages = "what is the harbour", ["bananas are yellow", "the harbour is what you see"]

    answer = client.post("/api/rerank", json={"query": query, name: passages})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body["id"].startswith("rerank-")
    assert [result["index"] for result in body["results"]] == [1, 0]
    assert books.spent() == tokens(query, query, *passages) * MICROCREDITS_PER_RANKED_TOKEN


def test_a_bare_ranking_passes_through_too(client: httpx.Client) -> None:
    answer = client.post(
        "/api/rerank", json={"model": "bge-reranker", "query": "a", "input": ["a", "b"]}
    ).json()

    assert isinstance(answer, list)
    assert set(answer[0]) == {"index", "score"}


@pytest.mark.parametrize(
    ("more", "upstream"),
    [
        ({}, {}),
        ({"language": "ko"}, {"language": "Korean"}),
        ({"language": "korean", "speaker": "ryan"}, {"language": "Korean", "speaker": "Ryan"}),
        ({"language": "JAPANESE", "instruct": "slowly"}, {"language": "Japanese", "instruct": "slowly"}),
        ({"style_instruction": "in a whisper"}, {"instruct": "in a whisper"}),
        ({"instruct": "slowly", "style_instruction": "in a whisper"}, {"instruct": "slowly"}),
        (
            {"language": "ko | korean | english (optional)", "speaker": "ryan (optional)"},
            {"language": "Korean", "speaker": "Ryan"},
        ),
    ],
    ids=["text alone", "code", "name and speaker", "instruct", "style_instruction", "both styles", "listed"],
)
def test_speech_reaches_the_upstream_in_its_own_words(
    more: dict[str, Any],
    upstream: dict[str, Any],
    platform: RunningPlatform,
    client: httpx.Client,
    books: Books,
) -> None:
    text, mark = marked("Good morning")

    answer = client.post("/api/tts", json={"text": text, **more})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(len(text) / 16, abs=0.01)
    (entry,) = platform.journal(mark)
    sent = httpx.Response(200, text=entry["body"]).json()
    assert {name: sent[name] for name in upstream} == upstream
    assert set(sent) == {"text", *upstream}
    cost = len(text) * MICROCREDITS_PER_SPOKEN_CHARACTER
    assert microcredits(answer.headers["X-Credits-Consumed"]) == cost == books.spent()
    assert microcredits(answer.headers["X-Credits-Remaining"]) == books.available()
    assert books.receipt(answer)["units"]["characters"] == len(text)


def test_the_speakers_are_the_upstreams_own_list_and_free(client: httpx.Client, books: Books) -> None:
    answer = client.get("/api/tts")

    assert answer.status_code == 200
    assert "Vivian" in answer.json()["speakers"]
    assert answer.headers["X-Credits-Consumed"] == "0"
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    ("more", "seconds"), [({}, 10), ({"audio_duration": 12}, 12), ({"audio_duration": 10.5}, 10.5)]
)
def test_music_is_as_long_as_asked(
    more: dict[str, Any], seconds: float, client: httpx.Client, books: Books
) -> None:
    answer = client.post("/api/t2m", json={"prompt": "[[sbx:task_s=0.2]] upbeat jazz, 120bpm", **more})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(seconds)
    assert books.spent() == round(seconds * 1000) * MICROCREDITS_PER_MUSIC_MS
    assert books.held() == 0


@pytest.mark.parametrize(
    ("more", "width", "height", "steps"),
    [
        ({}, 1024, 1024, 30),
        ({"width": 256, "height": 128, "negative_prompt": ""}, 256, 128, 30),
        ({"width": 256, "height": 128, "num_inference_steps": 50, "negative_prompt": "blurry"}, 256, 128, 50),
    ],
)
def test_an_image_has_the_size_and_the_price_asked(
    more: dict[str, Any],
    width: int,
    height: int,
    steps: int,
    platform: RunningPlatform,
    client: httpx.Client,
    books: Books,
) -> None:
    prompt, mark = marked("a serene mountain landscape")

    answer = client.post("/api/t2i", json={"prompt": prompt, **more})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(answer.content[16:20], "big") == width
    assert int.from_bytes(answer.content[20:24], "big") == height
    (entry,) = platform.journal(mark)
    sent = httpx.Response(200, text=entry["body"]).json()
    assert sent.get("negative_prompt") == (more.get("negative_prompt") or None)
    cost = MICROCREDITS_PER_IMAGE + -(-width * height * steps // PIXEL_STEPS_PER_MICROCREDIT)
    assert microcredits(answer.headers["X-Credits-Consumed"]) == cost == books.spent()


def test_a_key_is_needed_before_anything_else(platform: RunningPlatform) -> None:
    with platform.client() as nobody:
        for path in ("embedding", "rerank", "tts", "stt", "voice-clone", "image2text", "t2m", "t2i"):
            answer = nobody.post(f"/api/{path}", content=b"nonsense")
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert isinstance(answer.json()["error"], str)
        assert nobody.get("/api/tts").status_code == 401


def test_one_idempotency_key_is_one_call(
    platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    prompt, mark = marked("the same picture")
    headers = {"Idempotency-Key": mark}
    body = {"prompt": prompt, "width": 64, "height": 64}

    first = client.post("/api/t2i", json=body, headers=headers)
    again = client.post("/api/t2i", json=body, headers=headers)
    other = client.post("/api/t2i", json={**body, "width": 128}, headers=headers)

    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert again.headers["Content-Type"] == "image/png"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert len(platform.journal(mark)) == 1
    assert books.spent() == microcredits(first.headers["X-Credits-Consumed"])

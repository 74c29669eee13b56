"""OpenAI's images, speech and transcriptions: shapes, formats, refusals, exact bills, and its own client."""

import base64
import io
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import media_files as made
import openai
import pytest
from jsonschema import Draft202012Validator
from running_platform import RunningPlatform
from scenarios.asking import Books, marked, told

MICROCREDITS_PER_IMAGE = 1_000_000
PIXEL_STEPS_PER_MICROCREDIT = 50
MICROCREDITS_PER_SPOKEN_CHARACTER = 15_000
MICROCREDITS_PER_HEARD_MS = 100
DEFAULT_STEPS = 30


@pytest.fixture
def sdk(platform: RunningPlatform, client: httpx.Client) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, unmodified."""
    key = client.headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(base_url=f"{platform.base_url}/v1", api_key=key, max_retries=0) as opened:
        yield opened


def images_price(width: int, height: int, steps: int, count: int) -> int:
    return count * MICROCREDITS_PER_IMAGE + -(-width * height * steps * count // PIXEL_STEPS_PER_MICROCREDIT)


@pytest.mark.parametrize(
    ("more", "count", "size"),
    [
        ({}, 1, (1024, 1024)),
        ({"size": "auto"}, 1, (1024, 1024)),
        ({"n": 3, "size": "128x64", "response_format": "b64_json"}, 3, (128, 64)),
        ({"model": "stable-diffusion", "n": 2, "size": "64x64", "num_inference_steps": 10}, 2, (64, 64)),
    ],
)
def test_images_come_inside_the_answer(
    more: dict[str, Any], count: int, size: tuple[int, int], client: httpx.Client, books: Books
) -> None:
    answer = client.post("/v1/images/generations", json={"model": "gpt-image-1", "prompt": "a cat", **more})

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"created", "data"}
    images = [base64.b64decode(item["b64_json"]) for item in body["data"]]
    assert len(images) == count
    for image in images:
        assert image.startswith(b"\x89PNG")
        assert (int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big")) == size
    steps = more.get("num_inference_steps", DEFAULT_STEPS)
    assert books.spent() == images_price(*size, steps, count)


def test_openais_client_makes_images(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model="gpt-image-1", prompt="a cat", size="256x256", n=2)

    assert answer.data is not None
    assert len(answer.data) == 2
    assert base64.b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")


def test_an_images_url_holds_the_image(client: httpx.Client) -> None:
    body = {"model": "dall-e-3", "prompt": "a cat", "size": "64x64", "response_format": "url"}
    body |= {"quality": "standard", "style": "vivid", "n": 1, "user": None}

    answer = client.post("/v1/images/generations", json=body)

    assert answer.status_code == 200, answer.text
    (image,) = answer.json()["data"]
    kind, _, encoded = image["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(encoded).startswith(b"\x89PNG")
    assert "b64_json" not in image


@pytest.mark.parametrize("response_format", [None, "b64_json", "url"])
def test_images_are_as_the_openapi_document_says_in_either_format(
    response_format: str | None, platform: RunningPlatform, client: httpx.Client
) -> None:
    document = httpx.get(f"{platform.base_url}/api/schema?format=json", trust_env=False, timeout=60).json()
    described = document["paths"]["/v1/images/generations"]["post"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"] | {"components": document["components"]}

    answer = client.post(
        "/v1/images/generations",
        json={"prompt": "a cat", "size": "64x64", "response_format": response_format},
    )

    assert answer.status_code == 200, answer.text
    assert [error.message for error in Draft202012Validator(schema).iter_errors(answer.json())] == []


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"size": "big"}, "size"),
        ({"size": "0x64"}, "size"),
        ({"size": "100000x64"}, "size"),
        ({"size": "4096x4096"}, "size"),
        ({"response_format": "gif"}, "response_format"),
        ({"stream": True}, "stream"),
        ({"quality": "hd"}, "quality"),
        ({"quality": 5}, "quality"),
        ({"resolution": "4K"}, "resolution"),
        ({"width": 2048}, "width"),
        ({"partial_images": 3}, "partial_images"),
        ({"input_fidelity": "high"}, "input_fidelity"),
        ({"model": "stable-diffusion", "sampler_name": "Heun"}, "sampler_name"),
        ({"model": "stable-diffusion", "enable_hr": True}, "enable_hr"),
        ({"model": "stable-diffusion", "n": 5}, "n"),
    ],
)
def test_what_cannot_be_drawn_is_named(
    more: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post("/v1/images/generations", json={"model": "gpt-image-1", "prompt": "a", **more})

    assert answer.status_code == 400, answer.text
    assert told(answer)["param"] == param
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    ("model", "response_format", "content_type"),
    [
        ("tts-1", None, "audio/mpeg"),
        ("tts-1", "mp3", "audio/mpeg"),
        ("tts-1", "wav", "audio/wav"),
        ("tts-1", "pcm", "audio/pcm"),
        ("qwen3-tts", None, "audio/wav"),
        # The default, said aloud, asks for nothing special; the answer says what it is.
        ("qwen3-tts", "mp3", "audio/wav"),
    ],
)
def test_speech_comes_in_the_format_asked(
    model: str, response_format: str | None, content_type: str, client: httpx.Client, books: Books
) -> None:
    text = "Hello from the other side"
    body = {"model": model, "input": text, "voice": "alloy", "response_format": response_format}

    answer = client.post("/v1/audio/speech", json={k: v for k, v in body.items() if v is not None})

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert books.spent() == len(text) * MICROCREDITS_PER_SPOKEN_CHARACTER
    if content_type == "audio/wav":
        with wave.open(io.BytesIO(answer.content)) as sound:
            assert sound.getnframes() > 0


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": {"name": "x"}}, "voice"),
        ({"response_format": "midi"}, "response_format"),
        ({"response_format": "flac"}, "response_format"),
        ({"speed": 5}, "speed"),
        ({"stream_format": "sse"}, "stream_format"),
        ({"model": "qwen3-tts", "speed": 2}, "speed"),
        ({"model": "qwen3-tts", "response_format": "flac"}, "response_format"),
    ],
)
def test_what_cannot_be_spoken_is_named(
    more: dict[str, Any], param: str, client: httpx.Client, books: Books
) -> None:
    body = {"model": "tts-1", "input": "a", "voice": "alloy", **more}

    answer = client.post("/v1/audio/speech", json=body)

    assert answer.status_code == 400, answer.text
    assert told(answer)["param"] == param
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("model", ["whisper-1", "whisper-large-v3", "whisper-asr"])
def test_openais_client_speaks_and_hears(model: str, sdk: openai.OpenAI) -> None:
    text, _ = marked("The first sentence. The second one.")
    spoken = sdk.audio.speech.create(model="tts-1", voice="alloy", input=text, response_format="wav")

    heard = sdk.audio.transcriptions.create(model=model, file=("speech.wav", spoken.content))

    assert heard.text == text


@pytest.mark.parametrize(
    ("response_format", "content_type", "beginning"),
    [
        ("json", "application/json", '{"text":"First one. And the second.","usage":{"type":"duration"'),
        ("text", "text/plain; charset=utf-8", "First one. And the second.\n"),
        ("srt", "text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:00,"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:00."),
        ("verbose_json", "application/json", '{"task":"transcribe","language":"ko","duration":1.625'),
    ],
)
def test_a_transcript_comes_in_the_shape_asked(
    response_format: str, content_type: str, beginning: str, client: httpx.Client, books: Books
) -> None:
    sound = client.post("/api/tts", json={"text": "First one. And the second."}).content
    before = books.spent()

    answer = client.post(
        "/v1/audio/transcriptions",
        files={"file": ("speech.wav", sound)},
        data={
            "model": "whisper-1",
            "response_format": response_format,
            "language": "ko",
            "timestamp_granularities[]": "segment",
        },
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert answer.text.startswith(beginning)
    assert books.spent() - before == 1_625 * MICROCREDITS_PER_HEARD_MS
    if response_format == "srt":
        assert answer.text.count(" --> ") == 2


@pytest.mark.parametrize("asked", [["word"], ["word", "segment"], ["segment", "word"]])
def test_words_and_segments_asked_together_come_together(asked: list[str], client: httpx.Client) -> None:
    sound = client.post("/api/tts", json={"text": "First one. And the second."}).content
    files = {"file": ("speech.wav", sound)}
    fields = {"model": "whisper-1", "timestamp_granularities[]": asked}

    told_all = client.post(
        "/v1/audio/transcriptions", files=files, data={**fields, "response_format": "verbose_json"}
    )
    subtitles = client.post(
        "/v1/audio/transcriptions", files=files, data={**fields, "response_format": "srt"}
    )

    assert [word["word"] for word in told_all.json()["words"]] == ["First", "one", "And", "the", "second"]
    assert [segment["text"] for segment in told_all.json()["segments"]] == ["First one.", "And the second."]
    assert subtitles.text.count(" --> ") == 2


def test_a_translation_is_asked_as_one(platform: RunningPlatform, client: httpx.Client) -> None:
    text, mark = marked("안녕하세요")
    sound = client.post("/api/tts", json={"text": text}).content

    answer = client.post(
        "/v1/audio/translations", files={"file": ("a.wav", sound)}, data={"model": "whisper-1"}
    )

    assert answer.status_code == 200
    assert mark in answer.json()["text"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "model"),
        ({"model": "whisper-1", "response_format": "docx"}, "response_format"),
        ({"model": "whisper-1", "temperature": "2"}, "temperature"),
        ({"model": "whisper-1", "language": "klingon"}, "language"),
        ({"model": "whisper-1", "stream": "true"}, "stream"),
        ({"model": "whisper-1", "timestamp_granularities[]": "letter"}, "timestamp_granularities.0"),
    ],
)
def test_what_cannot_be_heard_is_named(
    fields: dict[str, str], param: str, client: httpx.Client, books: Books
) -> None:
    answer = client.post("/v1/audio/transcriptions", files={"file": ("a.wav", made.wav())}, data=fields)

    assert answer.status_code == 400, answer.text
    assert told(answer)["param"] == param
    books.assert_nothing_held_or_spent()

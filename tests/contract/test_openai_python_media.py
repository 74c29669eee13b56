"""The current openai package, unmodified, beside chat: embeddings, images, speech and transcription."""

import base64
import io
import math
import wave
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from running_platform import RunningPlatform, Tenant


@pytest.fixture
def ai(served: RunningPlatform, tenant: Tenant) -> Iterator[openai.OpenAI]:
    """The client with its defaults, retries included."""
    with openai.OpenAI(base_url=f"{served.base_url}/v1", api_key=tenant.key) as client:
        yield client


@pytest.fixture
async def async_ai(served: RunningPlatform, tenant: Tenant) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{served.base_url}/v1", api_key=tenant.key) as client:
        yield client


def test_the_vectors_it_decodes_from_base64_are_the_floats(ai: openai.OpenAI) -> None:
    by_default = ai.embeddings.create(model="text-embedding-3-small", input=["the harbour", "bananas"])
    floats = ai.embeddings.create(
        model="text-embedding-3-small", input=["the harbour", "bananas"], encoding_format="float"
    )

    assert [item.index for item in by_default.data] == [0, 1]
    for packed, plain in zip(by_default.data, floats.data, strict=True):
        assert packed.embedding == pytest.approx(plain.embedding, abs=1e-6)
        assert math.isclose(sum(number * number for number in packed.embedding), 1, rel_tol=1e-4)
    assert by_default.usage.prompt_tokens == floats.usage.prompt_tokens > 0


@pytest.mark.parametrize("ids", [[464, 25451], [[464, 25451], [65]]])
def test_token_ids_are_embedded(ids: list[int] | list[list[int]], ai: openai.OpenAI) -> None:
    answer = ai.embeddings.create(model="qwen3-embedding", input=ids)  # type: ignore[arg-type]

    assert len(answer.data) == (2 if isinstance(ids[0], list) else 1)
    assert answer.usage.prompt_tokens == (3 if isinstance(ids[0], list) else 2)


def test_as_many_dimensions_come_as_asked(ai: openai.OpenAI) -> None:
    answer = ai.embeddings.create(model="qwen3-embedding", input="the harbour", dimensions=64)

    assert len(answer.data[0].embedding) == 64


def test_what_is_said_and_shown_is_judged(ai: openai.OpenAI) -> None:
    texts = ai.moderations.create(model="omni-moderation-latest", input=["I will kill you", "a fine day"])
    parts = ai.moderations.create(
        input=[
            {"type": "text", "text": "look at this"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a-stabbing.png"}},
        ]
    )

    assert [result.flagged for result in texts.results] == [True, False]
    assert texts.results[0].categories.violence
    assert texts.results[0].category_scores.violence > 0.5 > texts.results[1].category_scores.violence
    (together,) = parts.results
    assert together.categories.violence
    assert together.category_applied_input_types.violence == ["text", "image"]


def test_images_are_made(ai: openai.OpenAI) -> None:
    answer = ai.images.generate(model="gpt-image-1", prompt="a cat", size="256x256", n=2)

    assert answer.data is not None
    assert len(answer.data) == 2
    assert base64.b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")


def test_images_are_edited(ai: openai.OpenAI) -> None:
    made = ai.images.generate(model="gpt-image-1", prompt="a cat", size="256x256", n=2)
    files = [
        (f"{place}.png", base64.b64decode(image.b64_json or ""))
        for place, image in enumerate(made.data or ())
    ]

    one = ai.images.edit(model="gpt-image-1", image=files[0], prompt="in the rain", size="256x256")
    both = ai.images.edit(
        image=files, mask=files[1], prompt="in the rain", size="256x256", n=2, quality="auto"
    )

    edited = [image.b64_json or "" for image in (*(one.data or ()), *(both.data or ()))]
    assert len(set(edited)) == 3
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in edited)


def test_speech_is_streamed_to_a_file(ai: openai.OpenAI, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("speech") / "speech.mp3"

    with ai.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="Good morning."
    ) as spoken:
        assert spoken.headers["content-type"] == "audio/mpeg"
        spoken.stream_to_file(path)

    assert path.stat().st_size > 500


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # its translations, which still work
def test_what_is_spoken_is_heard_again(ai: openai.OpenAI) -> None:
    spoken = ai.audio.speech.create(
        model="tts-1", voice="alloy", input="First one. And the second.", response_format="wav"
    )
    with wave.open(io.BytesIO(spoken.content)) as sound:
        assert sound.getnframes() > 0
    file = ("speech.wav", spoken.content)

    heard = ai.audio.transcriptions.create(model="whisper-1", file=file)
    verbose = ai.audio.transcriptions.create(model="whisper-1", file=file, response_format="verbose_json")
    plain = ai.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")
    subtitles = ai.audio.transcriptions.create(model="whisper-1", file=file, response_format="srt")
    translated = ai.audio.translations.create(model="whisper-1", file=file)

    assert heard.text == verbose.text == translated.text == "First one. And the second."
    assert str(plain).strip() == heard.text
    assert verbose.segments is not None
    assert len(verbose.segments) == 2
    assert str(subtitles).count(" --> ") == 2


def test_a_file_that_is_no_sound_is_its_bad_request_error(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ai.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"%PDF-1.7 not a sound"))

    assert raised.value.param == "file"


async def test_the_async_client_embeds_draws_speaks_and_hears(async_ai: openai.AsyncOpenAI) -> None:
    vectors = await async_ai.embeddings.create(model="qwen3-embedding", input="the harbour")
    images = await async_ai.images.generate(model="dall-e-3", prompt="a cat", size="256x256")
    spoken = await async_ai.audio.speech.create(
        model="tts-1", voice="alloy", input="Good morning.", response_format="wav"
    )
    heard = await async_ai.audio.transcriptions.create(model="whisper-1", file=("a.wav", spoken.content))

    assert len(vectors.data) == len(images.data or ()) == 1
    assert heard.text == "Good morning."

"""Every route of the shipped catalog, carried over a real socket, with its units counted again."""

from __future__ import annotations

import base64
import struct

import pytest

from gateway.adapters.protocol import JsonAnswer, MalformedAnswer, StreamedAnswer, UpstreamFault
from gateway.adapters.shared.requests import (
    EmbeddingRequest,
    ImageEditRequest,
    ImageRequest,
    ModerationRequest,
    MusicRequest,
    RerankRequest,
    SpeechRequest,
    TranscriptionRequest,
    VisionRequest,
    VoiceCloneRequest,
    VoicesRequest,
)
from gateway.media.sound_length import SoundLength
from tests.gateway.adapters.conftest import SandboxDriver
from tests.gateway.adapters.driving import MemoryUpload
from usage.ledger.units import Units

TEXT = "The quick brown fox. 안녕하세요."


def tokens(*texts: str) -> int:
    """The sandbox's rule: four bytes a token, rounded up once."""
    return -(-sum(len(text.encode()) for text in texts) // 4)


def spoken(sandbox: SandboxDriver, text: str = TEXT) -> MemoryUpload:
    _, sound = sandbox.run("speech", "qwen3-tts", SpeechRequest(text))
    return MemoryUpload(sound, "audio/wav", "spoken.wav")


def wav_ms(sound: bytes) -> int:
    """The length by the header: bytes a second stand at 28, and the samples are the last chunk."""
    (rate,) = struct.unpack("<I", sound[28:32])
    return round((len(sound) - sound.index(b"data") - 8) * 1000 / rate)


@pytest.mark.parametrize("model", ["qwen3-embedding", "bge-m3", "plain"])
def test_embeddings(sandbox: SandboxDriver, model: str) -> None:
    texts = [TEXT, "another"]
    answer, _ = sandbox.run("embeddings", model, EmbeddingRequest(texts))
    assert len(answer.values) == 2
    for vector in answer.values:
        assert sum(number * number for number in vector) == pytest.approx(1.0, abs=1e-3)
    # This server tells no tokens; a guess takes a token for each of the five syllables.
    expected = -(-(len("The quick brown fox. .another") + 4 * 5) // 4) if model == "plain" else tokens(*texts)
    assert (answer.units, answer.estimated) == (Units(tokens_in=expected), model == "plain")


def test_more_texts_than_one_tei_call_takes(sandbox: SandboxDriver) -> None:
    texts = [f"passage number {number}" for number in range(70)]
    answer, _ = sandbox.run("embeddings", "bge-m3", EmbeddingRequest(texts))
    one, _ = sandbox.run("embeddings", "bge-m3", EmbeddingRequest([texts[40]]))
    assert len(answer.values) == 70
    assert answer.values[40] == one.values[0]
    assert answer.units.tokens_in == sum(tokens(*texts[at : at + 32]) for at in (0, 32, 64))


@pytest.mark.parametrize("model", ["jina-reranker", "bge-reranker", "plain"])
def test_rerank(sandbox: SandboxDriver, model: str) -> None:
    documents = ["nothing of the kind", "the quick brown fox", "a fox"]
    answer, _ = sandbox.run("rerank", model, RerankRequest("quick fox", documents))
    assert answer.values[0]["index"] == 1
    assert answer.units == Units(tokens_in=tokens(*["quick fox"] * 3, *documents))


def test_more_documents_than_one_tei_call_takes(sandbox: SandboxDriver) -> None:
    documents = [f"document {number}" for number in range(40)] + ["exactly this question"]
    answer, _ = sandbox.run("rerank", "bge-reranker", RerankRequest("exactly this question", documents))
    assert len(answer.values) == 41
    assert answer.values[0]["index"] == 40


def test_moderations(sandbox: SandboxDriver) -> None:
    texts, _ = sandbox.run("moderations", "omni-moderation", ModerationRequest(["I will kill you", TEXT]))
    assert [result["flagged"] for result in texts.values] == [True, False]
    parts = [{"type": "text", "text": each} for each in ("a nice day", "you idiot")]
    together, _ = sandbox.run("moderations", "omni-moderation", ModerationRequest(parts=parts))
    (result,) = together.values
    assert [name for name, found in result["categories"].items() if found] == ["harassment"]
    assert texts.units == together.units == Units()


@pytest.mark.parametrize("model", ["qwen3-tts", "qwen3-tts-omni", "plain"])
def test_speech_and_voices(sandbox: SandboxDriver, model: str) -> None:
    request = SpeechRequest(TEXT, voice="Ryan", language="한국어", instructions="softly")
    answer, sound = sandbox.run("speech", model, request)
    assert answer == StreamedAnswer("audio/wav", Units(characters=len(TEXT)))
    assert sound[:4] == b"RIFF"
    voices, _ = sandbox.run("voices", model, VoicesRequest())
    assert "ryan" in [name.lower() for name in voices.values]


def test_openai_voices_and_formats(sandbox: SandboxDriver) -> None:
    request = SpeechRequest(TEXT, voice="alloy", response_format="mp3", speed=1.5)
    answer, _ = sandbox.run("speech", "qwen3-tts-omni", request)
    assert answer.content_type == "audio/mpeg"


@pytest.mark.parametrize("reference_text", [None, "what I said"])
def test_voice_clone(sandbox: SandboxDriver, reference_text: str | None) -> None:
    request = VoiceCloneRequest(
        TEXT, spoken(sandbox), "Korean", x_vector_only=False, reference_text=reference_text
    )
    answer, sound = sandbox.run("voice_clone", "qwen3-tts-base", request)
    assert answer == StreamedAnswer("audio/wav", Units(characters=len(TEXT)))
    assert sound[:4] == b"RIFF"


@pytest.mark.parametrize("model", ["whisper-large-v3", "whisper-1", "whisper-asr"])
@pytest.mark.parametrize("task", ["transcribe", "translate"])
def test_speech_comes_back_as_its_text(sandbox: SandboxDriver, model: str, task: str) -> None:
    sound = spoken(sandbox)
    audio_ms = wav_ms(sound.content)
    request = TranscriptionRequest(
        sound, SoundLength(audio_ms, audio_ms), language="ko", task=task, beam_size=5, vad_filter=True
    )
    answer, _ = sandbox.run("transcription", model, request)
    assert answer.values["text"] == TEXT
    assert answer.values["segments"]
    assert (answer.units, answer.estimated) == (Units(audio_ms=audio_ms), False)
    assert audio_ms == round(len(TEXT) * 1000 / 16)


def test_sound_of_unknown_length_is_guessed_below_its_ceiling(sandbox: SandboxDriver) -> None:
    sound = spoken(sandbox)
    answer, _ = sandbox.run(
        "transcription", "whisper-asr", TranscriptionRequest(sound, SoundLength(None, sound.size_bytes))
    )
    assert answer.estimated
    assert answer.units.audio_ms == pytest.approx(wav_ms(sound.content), abs=1)


@pytest.mark.parametrize("model", ["qwen-image", "stable-diffusion", "plain"])
def test_images_and_what_is_seen_in_them(sandbox: SandboxDriver, model: str) -> None:
    request = ImageRequest("a serene lake", 128, 96, steps=7)
    answer, _ = sandbox.run("images", model, request)
    (image,) = answer.values
    assert image["content_type"] == "image/png"
    content = base64.b64decode(image["b64_json"])
    assert struct.unpack(">II", content[16:24]) == (128, 96)
    assert answer.units == Units(images=1, pixel_steps=128 * 96 * 7)

    upload = MemoryUpload(content, "image/png", "image.png")
    seen, _ = sandbox.run("vision", "gemini", VisionRequest(upload, "What is in it?"))
    assert "a serene lake" in seen.values["text"]
    assert seen.units == Units(
        tokens_in=tokens("What is in it?") + 85, tokens_out=tokens(seen.values["text"])
    )
    assert not seen.estimated


@pytest.mark.parametrize("model", ["qwen-image", "stable-diffusion"])
def test_several_images(sandbox: SandboxDriver, model: str) -> None:
    answer, _ = sandbox.run("images", model, ImageRequest("cats", 64, 64, count=3, seed=1))
    assert len({image["b64_json"] for image in answer.values}) == 3
    steps = 30 if model == "qwen-image" else 20
    assert answer.units == Units(images=3, pixel_steps=64 * 64 * steps * 3)


def test_edits_depend_on_every_file_that_is_sent(sandbox: SandboxDriver) -> None:
    made, _ = sandbox.run("images", "qwen-image", ImageRequest("a lake", 64, 64, count=3, seed=1))
    one, other, mask = (
        MemoryUpload(base64.b64decode(image["b64_json"]), "image/png", f"{place}.png")
        for place, image in enumerate(made.values)
    )
    asked = ImageRequest("in winter", 128, 64, count=2, steps=5)
    found = []
    for images, with_mask in (([one], None), ([one, other], None), ([one, other], mask), ([other], None)):
        request = ImageEditRequest(asked, images, with_mask)
        answer, _ = sandbox.run("image_edits", "qwen-image", request)
        assert answer.units == Units(images=2, pixel_steps=128 * 64 * 5 * 2)
        found.append(tuple(image["b64_json"] for image in answer.values))
    assert len(set(found)) == 4


def test_music(sandbox: SandboxDriver) -> None:
    answer, sound = sandbox.run("music", "ace-step", MusicRequest("jazz", 10_000, seed=3))
    assert answer == StreamedAnswer("audio/wav", Units(audio_ms=10_000))
    assert wav_ms(sound) == 10_000


@pytest.mark.parametrize(
    ("magic", "kind"),
    [
        ("empty", MalformedAnswer),
        ("malformed", MalformedAnswer),
        ("wrong_type", MalformedAnswer),
        ("error_in_200", (UpstreamFault, MalformedAnswer)),
    ],
)
@pytest.mark.parametrize(
    ("endpoint", "model"),
    [
        ("embeddings", "qwen3-embedding"),
        ("embeddings", "bge-m3"),
        ("rerank", "jina-reranker"),
        ("rerank", "bge-reranker"),
        ("moderations", "omni-moderation"),
        ("images", "qwen-image"),
        ("images", "stable-diffusion"),
        ("image_edits", "qwen-image"),
        ("music", "ace-step"),
        ("vision", "sbx-chat"),
        ("transcription", "whisper-1"),
        ("transcription", "whisper-large-v3"),
        ("transcription", "whisper-asr"),
    ],
)
def test_broken_answers(sandbox: SandboxDriver, endpoint: str, model: str, magic: str, kind: type) -> None:
    text = f"[[sbx:{magic}]] x"
    sound = MemoryUpload(b"\xff\xfb\x90\x00" + text.encode(), "audio/mpeg", "a.mp3")
    request = {
        "embeddings": EmbeddingRequest([text]),
        "rerank": RerankRequest(text, ["a"]),
        "moderations": ModerationRequest([text]),
        "images": ImageRequest(text, 64, 64),
        "image_edits": ImageEditRequest(
            ImageRequest(text, 64, 64), [MemoryUpload(b"\x89PNG\r\n\x1a\n", "image/png", "a.png")]
        ),
        "music": MusicRequest(text),
        "vision": VisionRequest(MemoryUpload(b"\x89PNG\r\n\x1a\n", "image/png"), text),
        "transcription": TranscriptionRequest(sound, SoundLength(None, sound.size_bytes)),
    }[endpoint]
    with pytest.raises(kind):
        sandbox.run(endpoint, model, request)


@pytest.mark.parametrize("magic", ["wrong_type", "error_in_200"])
@pytest.mark.parametrize("model", ["qwen3-tts", "qwen3-tts-omni"])
def test_speech_that_is_no_sound(sandbox: SandboxDriver, model: str, magic: str) -> None:
    with pytest.raises(MalformedAnswer):
        sandbox.run("speech", model, SpeechRequest(f"[[sbx:{magic}]] x"))


def test_a_song_that_fails_and_one_whose_file_is_elsewhere(sandbox: SandboxDriver) -> None:
    with pytest.raises(UpstreamFault):
        sandbox.run("music", "ace-step", MusicRequest("[[sbx:task=fail]] x"))
    with pytest.raises(MalformedAnswer):
        sandbox.run("music", "ace-step", MusicRequest("[[sbx:result=private]] x"))


def test_tokens_are_guessed_where_the_sandbox_hides_them(sandbox: SandboxDriver) -> None:
    text = "[[sbx:no_usage]] some words"
    for model in ("qwen3-embedding", "bge-m3"):
        answer, _ = sandbox.run("embeddings", model, EmbeddingRequest([text]))
        assert isinstance(answer, JsonAnswer)
        assert (answer.units, answer.estimated) == (Units(tokens_in=tokens(text)), True)

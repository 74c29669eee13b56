"""Bad input to Omakase's endpoints: 400 or 413 that names the field, and nothing held, charged or sent on."""

from typing import Any

import httpx
import media_files as made
import pytest
from scenarios.asking import Books, told

WRONG_BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("embedding", {}, "input"),
    ("embedding", {"input": ""}, "input"),
    ("embedding", {"input": "   "}, "input"),
    ("embedding", {"input": ["a"]}, "input"),
    ("embedding", {"input": 5}, "input"),
    ("embedding", {"input": "a", "text": "b"}, "input"),
    ("embedding", {"text": 5}, "text"),
    ("embedding", {"input": "a", "input_type": 5}, "input_type"),
    ("rerank", {"input": ["a"]}, "query"),
    ("rerank", {"query": "", "input": ["a"]}, "query"),
    ("rerank", {"query": " ", "input": ["a"]}, "query"),
    ("rerank", {"query": "a"}, "input"),
    ("rerank", {"query": "a", "input": []}, "input"),
    ("rerank", {"query": "a", "input": "a"}, "input"),
    ("rerank", {"query": "a", "input": ["a", 5]}, "input.1"),
    ("rerank", {"query": "a", "input": ["a"], "documents": ["a"]}, "input"),
    ("rerank", {"query": "a", "input": ["a"], "top_n": 0}, "top_n"),
    ("rerank", {"query": "a", "input": ["a"] * 3000}, "input"),
    ("tts", {}, "text"),
    ("tts", {"text": ""}, "text"),
    ("tts", {"text": " \n"}, "text"),
    ("tts", {"text": ["a"]}, "text"),
    ("tts", {"text": "a" * 5000}, "text"),
    ("tts", {"text": "a", "language": "klingon"}, "language"),
    ("tts", {"text": "a", "speaker": "nobody"}, "speaker"),
    ("tts", {"text": "a", "speaker": 5}, "speaker"),
    ("t2m", {}, "prompt"),
    ("t2m", {"prompt": ""}, "prompt"),
    ("t2m", {"prompt": "a", "audio_duration": 0}, "audio_duration"),
    ("t2m", {"prompt": "a", "audio_duration": -5}, "audio_duration"),
    ("t2m", {"prompt": "a", "audio_duration": 100_000}, "audio_duration"),
    ("t2m", {"prompt": "a", "audio_duration": "long"}, "audio_duration"),
    ("t2m", {"prompt": "a", "audio_duration": 5}, "audio_duration"),
    ("t2m", {"prompt": "a", "duration": 60}, "duration"),
    ("t2m", {"prompt": "a", "n": 2}, "n"),
    ("t2i", {"prompt": "a", "quality": "hd"}, "quality"),
    ("t2i", {"prompt": "a", "n": 2}, "n"),
    ("t2i", {"prompt": "a", "size": "64x64"}, "size"),
    ("t2i", {}, "prompt"),
    ("t2i", {"prompt": " "}, "prompt"),
    ("t2i", {"prompt": "a", "width": 0}, "width"),
    ("t2i", {"prompt": "a", "width": 100_000}, "width"),
    ("t2i", {"prompt": "a", "height": -1}, "height"),
    ("t2i", {"prompt": "a", "height": 10.5}, "height"),
    ("t2i", {"prompt": "a", "width": 4096, "height": 4096}, "width"),
    ("t2i", {"prompt": "a", "num_inference_steps": 0}, "num_inference_steps"),
    ("t2i", {"prompt": "a", "num_inference_steps": 10**9}, "num_inference_steps"),
    ("t2i", {"prompt": "a", "seed": -1}, "seed"),
    ("t2i", {"prompt": "a", "model": 5}, "model"),
]
WRONG_FILES: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("stt", {}, {"language": "ko"}, "file"),
    ("stt", {"file": ("a.wav", b"")}, {}, "file"),
    ("stt", {"file": ("a.wav", b"%PDF-1.7 and so on" * 10)}, {}, "file"),
    ("stt", {"file": ("a.wav", b"plain text")}, {}, "file"),
    ("stt", {"file": ("a.wav", made.png(1, 1))}, {}, "file"),
    ("stt", {"file": ("a.wav", made.wav()[:-10])}, {}, "file"),
    ("stt", {"file": ("a.wav", made.wav()[:40])}, {}, "file"),
    ("stt", {"audio": ("a.wav", made.wav())}, {}, "audio"),
    ("stt", {"file": ("a.wav", made.wav())}, {"beam_size": "-1"}, "beam_size"),
    ("stt", {"file": ("a.wav", made.wav())}, {"beam_size": "many"}, "beam_size"),
    ("stt", {"file": ("a.wav", made.wav())}, {"task": "sing"}, "task"),
    ("stt", {"file": ("a.wav", made.wav())}, {"vad_filter": "perhaps"}, "vad_filter"),
    ("stt", {"file": ("a.wav", made.wav())}, {"language": "klingon"}, "language"),
    ("voice-clone", {}, {"text": "a"}, "ref_audio"),
    ("voice-clone", {"ref_audio": ("a.wav", b"")}, {"text": "a"}, "ref_audio"),
    ("voice-clone", {"ref_audio": ("a.wav", b"%PDF-1.7")}, {"text": "a"}, "ref_audio"),
    ("voice-clone", {"ref_audio": ("a.wav", made.wav())}, {}, "text"),
    ("voice-clone", {"ref_audio": ("a.wav", made.wav())}, {"text": ""}, "text"),
    ("voice-clone", {"ref_audio": ("a.wav", made.wav())}, {"text": "a", "language": "klingon"}, "language"),
    (
        "voice-clone",
        {"ref_audio": ("a.wav", made.wav())},
        {"text": "a", "x_vector_only_mode": "maybe"},
        "x_vector_only_mode",
    ),
    ("image2text", {}, {"prompt": "a"}, "image"),
    ("image2text", {"image": ("a.png", b"")}, {}, "image"),
    ("image2text", {"image": ("a.png", b"just text")}, {}, "image"),
    ("image2text", {"image": ("a.png", made.wav())}, {}, "image"),
    ("image2text", {"image": ("a.png", made.png(50_000, 50_000))}, {}, "image"),
    ("image2text", {"image": ("a.png", made.png(1, 1)[:20])}, {}, "image"),
    ("image2text", {"image": ("a.png", made.png(1, 1))}, {"temperature": "2"}, "temperature"),
    ("image2text", {"image": ("a.png", made.png(1, 1))}, {"temperature": "warm"}, "temperature"),
    ("image2text", {"image": ("a.png", made.png(1, 1))}, {"temperature": "nan"}, "temperature"),
]


def test_every_wrong_field_is_named_and_nothing_is_held(client: httpx.Client, books: Books) -> None:
    """One test for all rows: a tenant of its own for each would take longer than the calls."""
    for name, body, param in WRONG_BODIES:
        answer = client.post(f"/api/{name}", json=body)
        described = told(answer)
        shown = (name, str(body)[:100], described)
        assert answer.status_code == 400, shown
        assert described["type"] == "invalid_request", shown
        assert described["param"] == param, shown
        assert described["message"].startswith(f"{param}: "), shown
        assert "X-Credits-Consumed" not in answer.headers
    books.assert_nothing_held_or_spent()
    assert books.calls() == []


def test_every_wrong_file_is_named_and_nothing_is_held(client: httpx.Client, books: Books) -> None:
    for name, files, fields, param in WRONG_FILES:
        sent: Any = files or {"": ("", b"")}
        answer = client.post(
            f"/api/{name}", files=sent if files else _no_file(fields), data=fields if files else None
        )
        described = told(answer)
        shown = (name, str(files)[:100], fields, described)
        assert answer.status_code == 400, shown
        assert described["param"] == param, shown
        assert described["message"].startswith(f"{param}: "), shown
    books.assert_nothing_held_or_spent()
    assert books.calls() == []


def _no_file(fields: dict[str, str]) -> Any:
    """httpx sends a form without a file as multipart only in this way."""
    return {name: (None, value) for name, value in fields.items()}


@pytest.mark.parametrize("name", ["stt", "voice-clone", "image2text"])
def test_a_body_that_is_no_form_is_refused(name: str, client: httpx.Client, books: Books) -> None:
    answer = client.post(f"/api/{name}", json={"file": "data:audio/wav;base64,UklGRg=="})

    assert answer.status_code == 400
    assert told(answer)["param"] == "Content-Type"
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize("name", ["embedding", "rerank", "tts", "t2m", "t2i"])
def test_a_body_that_is_no_json_is_refused(name: str, client: httpx.Client, books: Books) -> None:
    for content, kind in [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"", "application/json"),
        (b'{"input": "\xff"}', "application/json"),
        (b"input=a", "application/x-www-form-urlencoded"),
    ]:
        answer = client.post(f"/api/{name}", content=content, headers={"Content-Type": kind})
        assert answer.status_code == 400, content
        assert told(answer)["type"] == "invalid_request"
    books.assert_nothing_held_or_spent()


def test_an_unknown_model_is_a_404(client: httpx.Client, books: Books) -> None:
    as_json = client.post("/api/embedding", json={"input": "a", "model": "no-such-model"})
    as_form = client.post("/api/stt", files={"file": ("a.wav", made.wav())}, data={"model": "gemini"})

    assert (as_json.status_code, as_form.status_code) == (404, 404)
    assert told(as_json)["param"] == told(as_form)["param"] == "model"
    books.assert_nothing_held_or_spent()


def test_another_method_is_a_405(client: httpx.Client) -> None:
    answer = client.get("/api/embedding")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]

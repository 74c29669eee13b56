"""Omakase's endpoints that take a file: speech to text, voice clone and image to text, and the round trips."""

from typing import Any

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform
from scenarios.asking import TOKENS_PER_IMAGE, Books, marked, price, tokens

from gateway.api.vision import DEFAULT_PROMPT

MICROCREDITS_PER_HEARD_MS = 100
MICROCREDITS_PER_CLONED_CHARACTER = 20_000


@pytest.mark.parametrize("text", ["Hello, is anybody there?", "안녕하세요, 반갑습니다."])
def test_what_is_spoken_is_heard_again(text: str, client: httpx.Client) -> None:
    spoken = client.post("/api/tts", json={"text": text})

    heard = client.post("/api/stt", files={"file": ("speech.wav", spoken.content)})

    assert heard.status_code == 200
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.json()["text"] == text
    assert set(heard.json()) == {"text", "language", "duration", "segments"}


def test_what_is_drawn_is_seen_again(client: httpx.Client) -> None:
    drawn = client.post("/api/t2i", json={"prompt": "an orange cat on a roof", "width": 128, "height": 128})

    seen = client.post("/api/image2text", files={"image": ("cat.png", drawn.content)})

    assert seen.status_code == 200
    assert set(seen.json()) == {"text"}
    assert "an orange cat on a roof" in seen.json()["text"]


def test_hearing_costs_the_sounds_own_length(client: httpx.Client, books: Books) -> None:
    answer = client.post("/api/stt", files={"file": ("a.wav", made.wav(1_234))})

    assert answer.status_code == 200
    assert books.receipt(answer)["units"]["audio_ms"] == 1_234
    assert books.spent() == 1_234 * MICROCREDITS_PER_HEARD_MS
    assert books.held() == 0


@pytest.mark.parametrize("model", ["whisper-large-v3", "whisper-1", "whisper-asr"])
def test_a_header_that_lies_buys_no_cheaper_hearing(model: str, client: httpx.Client, books: Books) -> None:
    """The sandbox hears 4,000 bytes a second: twenty seconds in a file whose header states ten milliseconds."""
    sound = made.flac(160) + bytes(80_000)

    answer = client.post("/api/stt", files={"file": ("a.flac", sound)}, data={"model": model})

    assert answer.status_code == 200
    assert books.receipt(answer)["units"]["audio_ms"] >= 10_000
    assert books.spent() >= 10_000 * MICROCREDITS_PER_HEARD_MS
    assert books.held() == 0


def test_what_a_browser_records_is_taken_and_held_for_what_it_plays(
    client: httpx.Client, books: Books
) -> None:
    """A MediaRecorder's WebM states no duration and leaves its clusters open."""
    answer = client.post("/api/stt", files={"file": ("recording.webm", made.webm(150), "audio/webm")})

    assert answer.status_code == 200
    assert books.receipt(answer)["hold_microcredits"] == 3_000 * MICROCREDITS_PER_HEARD_MS
    assert 0 < books.spent() <= 3_000 * MICROCREDITS_PER_HEARD_MS


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, {"task": "transcribe"}),
        ({"language": "ko", "task": "translate"}, {"language": "ko", "task": "translate"}),
        ({"language": "Korean", "beam_size": "7"}, {"language": "ko", "beam_size": "7"}),
        ({"vad_filter": "true", "language": "auto"}, {"vad_filter": "true"}),
        ({"vad_filter": "0", "beam_size": "", "language": ""}, {"vad_filter": "false"}),
    ],
)
def test_options_reach_the_upstream_after_the_file_or_before(
    fields: dict[str, str], sent: dict[str, str], platform: RunningPlatform, client: httpx.Client
) -> None:
    # Sound in characters alone, which the journal keeps as they came.
    text, mark = marked("\0\0\0\x18ftypM4A \0\0\0\0M4A isom")
    boundary = "xYz"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'
        for n, v in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n'
    sound = text.encode()
    body = head.encode() + sound + b"\r\n" + "".join(parts).encode() + f"--{boundary}--\r\n".encode()

    answer = client.post(
        "/api/stt", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )

    assert answer.status_code == 200, answer.text
    (entry,) = platform.journal(mark)
    for name, value in sent.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n' in entry["body"]
    for name in {"language", "beam_size", "vad_filter"} - set(sent):
        assert f'name="{name}"' not in entry["body"]
    assert 'filename="x.m4a"' in entry["body"]
    assert "Content-Type: audio/mp4" in entry["body"]
    assert int(entry["headers"]["content-length"]) == entry["request_bytes"], "its length is announced"


def test_a_large_upload_arrives_whole(platform: RunningPlatform, client: httpx.Client, books: Books) -> None:
    sound = made.wav(300_000, rate=16_000)  # 9.6 MB, past what stays in memory
    seen = platform.journal("")

    answer = client.post("/api/stt", files={"file": ("long.wav", sound)})

    assert answer.status_code == 200, answer.text
    assert answer.json()["duration"] == 300
    assert books.spent() == 300_000 * MICROCREDITS_PER_HEARD_MS
    entries = [entry for entry in platform.journal("") if entry["path"] == "/stt" and entry not in seen]
    assert any(entry["request_bytes"] > len(sound) for entry in entries)


@pytest.mark.parametrize(
    ("fields", "sent", "falls_back"),
    [
        ({}, {"language": "Korean", "x_vector_only_mode": True}, False),
        ({"language": "English"}, {"language": "English", "x_vector_only_mode": True}, False),
        ({"x_vector_only_mode": "false"}, {"x_vector_only_mode": True}, True),
        (
            {"x_vector_only_mode": "false", "ref_text": "what was said"},
            {"x_vector_only_mode": False, "ref_text": "what was said"},
            False,
        ),
    ],
    ids=["defaults", "language", "without its transcript", "with its transcript"],
)
def test_a_voice_is_cloned(
    fields: dict[str, str],
    sent: dict[str, Any],
    falls_back: bool,
    platform: RunningPlatform,
    client: httpx.Client,
    books: Books,
) -> None:
    text, mark = marked("Say this")

    answer = client.post(
        "/api/voice-clone", files={"ref_audio": ("me.mp3", made.mp3(50))}, data={"text": text, **fields}
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.content.startswith(b"RIFF")
    assert answer.headers.get("X-Voice-Clone-Fallback") == ("x-vector" if falls_back else None)
    (entry,) = platform.journal(mark)
    upstream = httpx.Response(200, text=entry["body"]).json()
    assert {name: upstream[name] for name in sent} == sent
    assert upstream["ref_audio"].startswith("data:audio/mpeg;base64,")
    assert books.spent() == len(text) * MICROCREDITS_PER_CLONED_CHARACTER


@pytest.mark.parametrize(
    ("fields", "prompt", "temperature"),
    [({}, DEFAULT_PROMPT, 0.1), ({"prompt": "Read the sign", "temperature": "0.7"}, "Read the sign", 0.7)],
)
def test_an_image_is_read_at_the_price_of_its_tokens(
    fields: dict[str, str],
    prompt: str,
    temperature: float,
    platform: RunningPlatform,
    client: httpx.Client,
    books: Books,
) -> None:
    image = made.png(640, 480)

    answer = client.post("/api/image2text", files={"image": ("sign.jpg", image)}, data=fields)

    assert answer.status_code == 200, answer.text
    cost = price(tokens(prompt) + TOKENS_PER_IMAGE, tokens(answer.json()["text"]))
    assert books.spent() == cost
    entry = platform.journal(prompt)[-1]
    upstream = httpx.Response(200, text=entry["body"]).json()
    assert upstream["temperature"] == temperature
    assert upstream["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_one_idempotency_key_is_one_upload_whatever_its_boundary(
    platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    _, mark = marked()
    headers = {"Idempotency-Key": mark}

    def upload(sound: bytes) -> httpx.Response:
        return client.post("/api/stt", files={"file": ("a.wav", sound)}, headers=headers)

    first, again, other = upload(made.wav(700)), upload(made.wav(700)), upload(made.wav(800))

    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert books.spent() == 700 * MICROCREDITS_PER_HEARD_MS

"""Every call's units, recomputed from what the upstream's own journal says it received and handed over, agree.

Nothing of the platform's own counting is used here: only the upstream's rules (`gateway/sandbox/README.md`) on the
request that reached it and on what it delivered.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform
from scenarios.asking import TOKENS_PER_IMAGE, Books, eventually, tokens

Entry = dict[str, Any]
Units = dict[str, int]
DEFAULT_STEPS = {"/v1/images/generations": 30, "/sdapi/v1/txt2img": 20}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


def body_of(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry["body"])
    return found


def of_chat(entry: Entry) -> Units:
    texts, images = [], 0
    for message in body_of(entry)["messages"]:
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts += [part["text"] for part in parts if part["type"] == "text"]
        images += sum(part["type"] == "image_url" for part in parts)
    thought = tokens(entry["delivered"].get("reasoning", ""))
    return {
        "tokens_in": tokens(*texts) + TOKENS_PER_IMAGE * images,
        "tokens_out": tokens(*entry["delivered"].values()),
        **({"reasoning_tokens": thought} if thought else {}),
    }


def of_embeddings(entry: Entry) -> Units:
    body = body_of(entry)
    given = body.get("input", body.get("inputs"))
    inputs = given if isinstance(given, list) else [given]
    ids = sum(len(each) for each in inputs if isinstance(each, list))
    return {"tokens_in": ids + tokens(*(each for each in inputs if isinstance(each, str)))}


def of_rerank(entry: Entry) -> Units:
    body = body_of(entry)
    documents = body.get("documents", body.get("texts"))
    return {"tokens_in": tokens(*documents, *[body["query"]] * len(documents))}


def of_speech(entry: Entry) -> Units:
    body = body_of(entry)
    return {"characters": len(body.get("text", body.get("input")))}


def of_images(entry: Entry) -> Units:
    body = body_of(entry)
    count = body.get("n", 1) * body.get("batch_size", 1) * body.get("n_iter", 1)
    width, height = map(int, body["size"].split("x")) if "size" in body else (body["width"], body["height"])
    steps = body.get("num_inference_steps", body.get("steps", DEFAULT_STEPS[entry["path"]]))
    return {"images": count, "pixel_steps": count * width * height * steps}


def of_music(entry: Entry) -> Units:
    return {"audio_ms": round(body_of(entry)["audio_duration"] * 1000)}


def of_hearing(entry: Entry) -> Units:
    """The length of the WAV file inside the form that arrived."""
    form = entry["body"].encode()
    layout = form[form.index(b"fmt ") + 8 :]
    _, _, _, bytes_a_second = struct.unpack("<HHII", layout[:12])
    (length,) = struct.unpack("<I", form[form.index(b"data", form.index(b"fmt ")) + 4 :][:4])
    return {"audio_ms": -(-length * 1000 // bytes_a_second)}


@dataclass(frozen=True)
class Case:
    """A call, the upstream's path that it reaches, and how its units follow from the journal."""

    name: str
    path: str
    request: dict[str, Any]
    upstream_path: str
    units: Callable[[Entry], Units]


def chat(name: str, path: str, **body: Any) -> Case:
    return Case(name, path, {"json": body}, "/v1/chat/completions", of_chat)


def sending(name: str, path: str, upstream_path: str, units: Callable[[Entry], Units], **body: Any) -> Case:
    return Case(name, path, {"json": body}, upstream_path, units)


HELLO = [{"role": "system", "content": "간단히 답하세요."}, {"role": "user", "content": "hello there"}]
PASSAGES = ["bananas are yellow", "the harbour is what you see", "항구"]
# 8 bits at 8 kHz: every byte of it is a character, so that the journal keeps it as it came.
SOUND = {"file": ("a.wav", made.wav(1_000, bits=8))}
CASES = [
    chat("chat", "/v1/chat/completions", model="gemini", messages=HELLO),
    chat("chat streamed", "/v1/chat/completions", model="gemini", messages=HELLO, stream=True),
    chat(
        "chat with thoughts",
        "/v1/chat/completions",
        model="gemini",
        messages=HELLO,
        include_thoughts=True,
        stream=True,
    ),
    chat(
        "chat with a tool",
        "/v1/chat/completions",
        model="gemini",
        tools=[WEATHER],
        messages=[{"role": "user", "content": "weather? [[sbx:tool]]"}],
    ),
    chat("chat, three choices", "/v1/chat/completions", model="sbx-chat", messages=HELLO, n=3),
    chat("chat, cut short", "/v1/chat/completions", model="gemini", messages=HELLO, max_tokens=3),
    chat(
        "chat without usage",
        "/v1/chat/completions",
        model="gemini",
        messages=[{"role": "user", "content": "[[sbx:no_usage]] count yourself"}],
        stream=True,
    ),
    chat("API in One's chat", "/api/v1/chat/completions", model="gemini", messages=HELLO),
    chat("Omakase's chat", "/api/chat", input="Question or instruction"),
    chat("the llm alias", "/llm/v1/chat/completions", input="Question or instruction"),
    sending("embedding", "/api/embedding", "/v1/embeddings", of_embeddings, input="한국어 문장"),
    sending(
        "embeddings",
        "/v1/embeddings",
        "/v1/embeddings",
        of_embeddings,
        model="qwen3-embedding",
        input=PASSAGES,
    ),
    sending(
        "token ids",
        "/v1/embeddings",
        "/v1/embeddings",
        of_embeddings,
        model="qwen3-embedding",
        input=[[1, 2], [3]],
    ),
    sending("TEI embeddings", "/v1/embeddings", "/embed", of_embeddings, model="bge-m3", input=PASSAGES),
    sending("rerank", "/api/rerank", "/v1/rerank", of_rerank, query="harbour", input=PASSAGES),
    sending(
        "TEI rerank", "/v1/rerank", "/rerank", of_rerank, model="bge-reranker", query="q", documents=PASSAGES
    ),
    sending("tts", "/api/tts", "/tts", of_speech, text="안녕하세요, 반갑습니다."),
    sending(
        "speech",
        "/v1/audio/speech",
        "/v1/audio/speech",
        of_speech,
        model="tts-1",
        input="Hello",
        voice="alloy",
    ),
    sending("t2i", "/api/t2i", "/v1/images/generations", of_images, prompt="a cat", width=128, height=64),
    sending(
        "images", "/v1/images/generations", "/v1/images/generations", of_images, prompt="a", n=3, size="64x64"
    ),
    sending(
        "A1111 images",
        "/v1/images/generations",
        "/sdapi/v1/txt2img",
        of_images,
        model="stable-diffusion",
        prompt="a",
        n=2,
        size="64x128",
    ),
    sending(
        "music", "/api/t2m", "/release_task", of_music, prompt="[[sbx:task_s=0.1]] jazz", audio_duration=10.5
    ),
    Case("stt", "/api/stt", {"files": SOUND}, "/stt", of_hearing),
    Case(
        "transcription",
        "/v1/audio/transcriptions",
        {"files": SOUND, "data": {"model": "whisper-1"}},
        "/v1/audio/transcriptions",
        of_hearing,
    ),
    Case("whisper-asr", "/api/stt", {"files": SOUND, "data": {"model": "whisper-asr"}}, "/asr", of_hearing),
    Case(
        "clone",
        "/api/voice-clone",
        {"files": {"ref_audio": ("a.mp3", made.mp3(20))}, "data": {"text": "Say this"}},
        "/v1/audio/speech",
        of_speech,
    ),
    Case(
        "image2text",
        "/api/image2text",
        {"files": {"image": ("a.png", made.png(64, 48))}, "data": {"prompt": "Read the sign"}},
        "/v1/chat/completions",
        of_chat,
    ),
]


def newest_entry(platform: RunningPlatform) -> int:
    answer = httpx.get(
        f"{platform.sandbox_url}/__sandbox/journal", params={"limit": 1}, trust_env=False, timeout=60
    )
    return int(answer.json()["last_id"])


def entries_since(platform: RunningPlatform, entry_id: int, path: str) -> list[Entry]:
    answer = httpx.get(
        f"{platform.sandbox_url}/__sandbox/journal",
        params={"since": entry_id, "path": path},
        trust_env=False,
        timeout=60,
    )
    return [entry for entry in answer.json()["entries"] if entry["path"] == path]


def call(platform: RunningPlatform, client: httpx.Client, case: Case) -> tuple[httpx.Response, Units]:
    before = newest_entry(platform)
    answer = client.post(case.path, **case.request)
    assert answer.status_code == 200, answer.text
    (entry,) = eventually(
        lambda: [each for each in entries_since(platform, before, case.upstream_path) if each["completed"]]
    )
    return answer, case.units(entry)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_calls_units_are_those_of_the_journal(
    case: Case, platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    answer, recomputed = call(platform, client, case)

    units = books.receipt(answer)["units"]
    assert {name: count for name, count in units.items() if count} == recomputed


def test_a_tenants_whole_usage_is_that_of_the_journal(
    platform: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    recomputed: Units = {}
    for case in CASES:
        for name, count in call(platform, client, case)[1].items():
            recomputed[name] = recomputed.get(name, 0) + count

    events = eventually(lambda: found if len(found := books.calls()) == len(CASES) else None)
    for name, count in recomputed.items():
        assert sum(event["units"][name] for event in events) == count, name
    assert sum(event["cost_microcredits"] for event in events) == books.spent()
    assert books.held() == 0

"""What scenarios of tasks ask with: bodies of the seed document, and waiting for an end."""

import time
from typing import Any
from uuid import uuid4

import httpx

IMAGES = "/api/v1/images/generations"
VIDEOS = "/api/v1/videos/generations"
MUSIC = "/api/v1/audio/music"
SPEECH = "/api/v1/audio/speech"
REMOVE_BG = "/api/v1/images/tools/remove-bg"
FACE_SWAP = "/api/v1/images/tools/face-swap"
BG_REMOVER = "/api/v1/videos/tools/bg-remover"
TASKS = "/api/v1/tasks"
QUICK = "[[sbx:task_s=0.1]]"

# Every task example of the seed document, with its price in the sandbox's catalog.
EXAMPLES: dict[str, tuple[dict[str, Any], float]] = {
    IMAGES: (
        {
            "model": "flux-2",
            "prompt": "A serene Japanese garden with cherry blossoms",
            "aspect_ratio": "16:9",
            "type": "pro",
            "resolution": "1K",
        },
        5,
    ),
    VIDEOS: (
        {
            "model": "kling-3",
            "prompt": "A golden retriever running through sunflowers at sunset",
            "mode": "std",
            "duration": 5,
            "aspect_ratio": "16:9",
            "sound": True,
        },
        0,
    ),
    MUSIC: (
        {
            "model": "suno",
            "prompt": "Verse 1: Walking down the street\nChorus: Summer dreams",
            "style": "pop, upbeat, electronic",
            "title": "Summer Dreams",
            "make_instrumental": False,
        },
        0,
    ),
    SPEECH: (
        {
            "model": "elevenlabs-v3",
            "dialogue": [
                {"text": "Hello, welcome to API in One.", "voice": "narrator"},
                {"text": "Thank you! Tell me more.", "voice": "user"},
            ],
            "stability": 0.5,
            "language_code": "auto",
        },
        0,
    ),
    REMOVE_BG: ({"image": "https://example.com/photo.jpg"}, 1),
    FACE_SWAP: ({"image": "https://example.com/scene.jpg", "face_image": "https://example.com/face.jpg"}, 4),
    BG_REMOVER: ({"video": "https://example.com/talking-head.mp4"}, 10),
}


def image(text: str = "A cat", magic: str = QUICK, **fields: Any) -> dict[str, Any]:
    """A body for the cheapest image model: 5 credits."""
    return {"model": "flux-2", "prompt": f"{text} {magic}", **fields}


def marked_image(magic: str = QUICK, **fields: Any) -> tuple[dict[str, Any], str]:
    """A body that no other call has, and the mark by which the journal finds it."""
    mark = f"mark-{uuid4().hex}"
    return image(mark, magic, **fields), mark


def opened(client: httpx.Client, body: dict[str, Any], path: str = IMAGES, **headers: str) -> str:
    """The id of a new task."""
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["task_id"])


def polled(client: httpx.Client, task_id: str) -> dict[str, Any]:
    answer = client.get(f"{TASKS}/{task_id}")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def ended(client: httpx.Client, task_id: str, limit_s: float = 240.0) -> dict[str, Any]:
    """The task once it has ended."""
    give_up_at = time.monotonic() + limit_s
    while (data := polled(client, task_id))["status"] == "IN_PROGRESS":
        assert time.monotonic() < give_up_at, data
        time.sleep(0.1)
    return data

"""Task requests that cannot be carried: a clear error, and nothing held."""

from typing import Any

import httpx
import pytest
from scenarios.asking import START, Books, told
from scenarios.task_calls import BG_REMOVER, FACE_SWAP, IMAGES, MUSIC, REMOVE_BG, SPEECH, VIDEOS, image

PICTURE = "https://example.com/a.jpg"
VIDEO = {"model": "kling-3", "prompt": "A dog runs"}


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (IMAGES, {"model": "flux-2", "prompt": "ab"}, 400, "prompt"),
        (IMAGES, {"model": "flux-2", "prompt": "a" * 5001}, 400, "prompt"),
        (IMAGES, {"model": "flux-2"}, 400, "prompt"),
        (IMAGES, {"prompt": "A cat"}, 400, "model"),
        (IMAGES, {"model": 7, "prompt": "A cat"}, 400, "model"),
        (IMAGES, {"model": "no-such-model", "prompt": "A cat"}, 404, "model"),
        (IMAGES, {"model": "kling-3", "prompt": "A cat"}, 404, "model"),
        (IMAGES, {"model": "gemini", "prompt": "A cat"}, 404, "model"),
        (VIDEOS, {**VIDEO, "duration": "abc"}, 400, "duration"),
        (VIDEOS, {**VIDEO, "duration": -5}, 400, "duration"),
        (VIDEOS, {**VIDEO, "generateAudio": False}, 400, "generateAudio"),
        (VIDEOS, {**VIDEO, "image": "http://169.254.169.254/latest"}, 400, "image"),
        (MUSIC, {"model": "suno"}, 400, "prompt"),
        (SPEECH, {"model": "elevenlabs-v3", "dialogue": []}, 400, "dialogue"),
        (REMOVE_BG, {}, 400, "image"),
        (REMOVE_BG, {"image": "http://127.0.0.1/a.png"}, 400, "image"),
        (REMOVE_BG, {"image": "ftp://example.com/a.png"}, 400, "image"),
        (REMOVE_BG, {"image": PICTURE, "callback_url": "http://10.0.0.1/x"}, 400, "callback_url"),
        (REMOVE_BG, {"image": PICTURE, "callback_url": 5}, 400, "callback_url"),
        (FACE_SWAP, {"image": PICTURE, "face_image": PICTURE, "target_index": 11}, 400, "target_index"),
        (FACE_SWAP, {"image": PICTURE}, 400, "face_image"),
        (BG_REMOVER, {"video": "not a url"}, 400, "video"),
        (IMAGES, image("A cat\x00"), 400, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_body_that_cannot_be_carried_names_its_field_and_holds_nothing(
    path: str, body: dict[str, Any], status: int, param: str | None, client: httpx.Client, books: Books
) -> None:
    answer = client.post(path, json=body)

    assert (answer.status_code, told(answer)["param"]) == (status, param), answer.text
    assert (books.available(), books.held()) == (START, 0)
    assert client.get("/api/v1/tasks").json()["data"] == []


def test_a_body_over_the_limit_is_a_413(client: httpx.Client) -> None:
    assert client.post(IMAGES, json=image("a" * 1_100_000)).status_code == 413


def test_a_task_dearer_than_the_balance_is_a_402_and_leaves_no_task(
    client: httpx.Client, books: Books
) -> None:
    body = {**VIDEO, "mode": "pro", "duration": 15}
    made = 0
    while (
        answer := client.post(VIDEOS, json={**body, "prompt": "A dog [[sbx:task=stuck]]"})
    ).status_code == 200:
        made += 1
        assert made < 100
    assert answer.status_code == 402
    assert told(answer)["limit_source"] == "balance"

    tasks = client.get("/api/v1/tasks", params={"limit": 100}).json()["data"]

    assert len(tasks) == made
    for task in tasks:
        assert client.post(f"/api/v1/tasks/{task['task_id']}/cancel").status_code == 200
    assert (books.available(), books.held()) == (START, 0)

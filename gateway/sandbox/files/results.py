"""Result files of tasks: where they are, and what is in them."""

from __future__ import annotations

import math

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.files import mp3, mp4, png, wav
from gateway.sandbox.providers.tasks import Phase, Task, TaskStore
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Reply, Route

# An address that a server must never be talked into fetching.
PRIVATE_URL = "http://169.254.169.254/latest/meta-data"
EXTENSIONS = {"image": "png", "video": "mp4", "speech": "mp3", "music": "mp3"}
CONTENT_TYPES = {"png": b"image/png", "mp4": b"video/mp4", "mp3": b"audio/mpeg", "wav": b"audio/wav"}
_DEFAULT_SECONDS = {"video": 5.0, "music": 30.0}
_PIXELS = 512 * 512


class Files:
    """The files under /files/ and their URLs."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    def routes(self) -> list[Route]:
        """The file server."""
        return [Route("GET", "/files/{task}/{name}", self.fetch, dialects.fastapi)]

    def fetch(self, call: Call) -> Answer:
        """A result file; 404 until its task has succeeded, and for a task told to lose it."""
        task = self._tasks.find(call.params["task"])
        number, _, extension = call.params["name"].partition(".")
        if task is None or self._tasks.phase(task) is not Phase.SUCCEEDED or not number.isdigit():
            raise Refusal(404, "no such file")
        if task.magic.get("result") == "404" or extension not in CONTENT_TYPES:
            raise Refusal(404, "no such file")
        return Reply(content_of(task, extension, int(number)), content_type=CONTENT_TYPES[extension])


def url_of(task: Task, number: int = 0, extension: str | None = None) -> str:
    """Where a task's result is, or where its magic input pretends that it is."""
    name = f"{number}.{extension or EXTENSIONS[task.kind]}"
    if task.magic.get("result") == "private":
        return f"{PRIVATE_URL}/{name}"
    return f"{task.base_url}/files/{task.id}/{name}"


def content_of(task: Task, extension: str, number: int = 0) -> bytes:
    """The bytes of a task's result: they carry its prompt and have the size or length asked for."""
    if extension == "png":
        width, height = size_of(task)
        return png.draw(width, height, task.prompt, number)
    seconds = seconds_of(task)
    if extension == "mp4":
        return mp4.container(seconds, task.prompt)
    if extension == "mp3":
        return mp3.silence(seconds, task.prompt)
    if task.kind == "speech":
        return wav.speak(task.prompt)
    return wav.file_of(wav.tune(prose.digest(task.prompt, str(number)), seconds), task.prompt)


def seconds_of(task: Task) -> float:
    """How long a sound or video is: as asked, else as long as the text takes or the kind's usual length."""
    for name in ("duration", "audio_duration"):
        value: Json = task.input.get(name)
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            continue
        if 0 < seconds <= 600:
            return seconds
    if task.kind == "speech":
        return max(len(task.prompt), 1) / 16
    return _DEFAULT_SECONDS.get(task.kind, 5.0)


def size_of(task: Task) -> tuple[int, int]:
    """Width and height of an image: about half a megapixel's quarter, in the aspect ratio asked for."""
    wide, _, high = str(task.input.get("aspect_ratio") or "1:1").partition(":")
    if not (wide.isdigit() and high.isdigit() and int(wide) and int(high)):
        return 512, 512
    ratio = min(max(int(wide) / int(high), 0.1), 10.0)
    width = round(math.sqrt(_PIXELS * ratio) / 8) * 8
    return width, round(width / ratio / 8) * 8

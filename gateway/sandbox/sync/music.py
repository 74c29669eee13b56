"""ACE-Step 1.5: a queue for music, polled in batches, with its results in a JSON string."""

from __future__ import annotations

import time
from urllib.parse import quote

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.files import results as files
from gateway.sandbox.providers.tasks import Phase, Task, TaskStore
from gateway.sandbox.sync.forms import read_form
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Reply, Route, json_reply

FORMATS = ("mp3", "wav")
MAX_BATCH = 8
_FOLDER = "/srv/ace-step/outputs"
_STATUS = {Phase.QUEUED: 0, Phase.RUNNING: 0, Phase.SUCCEEDED: 1, Phase.FAILED: 2, Phase.CANCELED: 2}


class AceStep:
    """The ACE-Step server."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    def routes(self) -> list[Route]:
        """Its surface."""
        return [
            Route("POST", "/release_task", self.release, dialects.ace_step),
            Route("POST", "/query_result", self.query, dialects.ace_step),
            Route("GET", "/v1/audio", self.audio, dialects.ace_step),
        ]

    def release(self, call: Call) -> Answer:
        """Queue a song, described in JSON or in a form."""
        content_type = call.headers.get("content-type", "")
        given = dict(read_form(call).fields) if content_type.startswith("multipart/") else call.json()
        seconds = _number(given.get("audio_duration", given.get("duration")), "audio_duration")
        if seconds is not None and not 10 <= seconds <= 600:
            raise Refusal(422, "audio_duration must be from 10 to 600")
        sound_format = given.get("audio_format") or "mp3"
        if sound_format not in FORMATS:
            raise Refusal(422, f"audio_format {sound_format!r} is not supported here: mp3 or wav")
        task = self._tasks.create(call, "ace-step", "acestep-music", given, None)
        return _enveloped({"task_id": task.id, "status": "queued", "queue_position": 1})

    def query(self, call: Call) -> Answer:
        """Where each of the listed tasks stands; one that is unknown counts as still in progress."""
        wanted = call.json().get("task_id_list")
        if isinstance(wanted, str):
            try:
                wanted = orjson.loads(wanted)
            except orjson.JSONDecodeError:
                wanted = None
        if not isinstance(wanted, list):
            raise Refusal(422, "task_id_list must be an array or its JSON")
        return _enveloped([self._state(str(task_id)) for task_id in wanted])

    def audio(self, call: Call) -> Answer:
        """A finished song, by the path that its result names."""
        path = call.query.get("path", "")
        name = path.removeprefix(_FOLDER + "/")
        task_id, _, rest = name.partition("_")
        number, _, extension = rest.partition(".")
        task = self._tasks.find(task_id, "ace-step")
        if task is None or self._tasks.phase(task) is not Phase.SUCCEEDED or extension not in FORMATS:
            raise Refusal(404, "Audio file not found")
        if task.magic.get("result") == "404" or not number.isdigit():
            raise Refusal(404, "Audio file not found")
        content = files.content_of(task, extension, int(number))
        return Reply(content, content_type=files.CONTENT_TYPES[extension])

    def _state(self, task_id: str) -> dict[str, Json]:
        task = self._tasks.find(task_id, "ace-step")
        if task is None:
            return {"task_id": task_id, "status": 0, "result": "[]"}
        status = _STATUS[self._tasks.phase(task)]
        results = [_result(task, number, status) for number in range(_batch_size(task))]
        if status == 2:
            results = [{"file": "", "status": 2, "error": "sandbox: failed as asked"}]
        elif status == 0:
            progress = round(task.progress(self._tasks.clock.now()), 2)
            results = [{"file": "", "status": 0, "progress": progress, "stage": "running"}]
        return {"task_id": task_id, "status": status, "result": prose.json_text(results)}


def _result(task: Task, number: int, status: int) -> dict[str, Json]:
    extension = task.input.get("audio_format") or "mp3"
    path = f"{_FOLDER}/{task.id}_{number}.{extension}"
    file = f"/v1/audio?path={quote(path, safe='')}"
    if task.magic.get("result") == "private":
        file = f"{files.PRIVATE_URL}/{number}.{extension}"
    return {
        "file": file,
        "wave": "",
        "status": status,
        "create_time": int(task.created_at),
        "env": "sandbox",
        "prompt": task.prompt,
        "lyrics": str(task.input.get("lyrics") or ""),
        "metas": {"bpm": 120, "duration": files.seconds_of(task), "genres": "", "keyscale": "C Major"},
        "generation_info": "sandbox",
        "seed_value": str(task.input.get("seed", "")),
        "lm_model": "sbx-lm",
        "dit_model": task.model,
    }


def _batch_size(task: Task) -> int:
    """Two songs unless told otherwise: ACE-Step's own default."""
    wanted = _number(task.input.get("batch_size"), "batch_size")
    return int(min(max(2 if wanted is None else wanted, 1), MAX_BATCH))


def _enveloped(data: Json) -> Reply:
    stamp = int(time.time() * 1000)
    return json_reply({"data": data, "code": 200, "error": None, "timestamp": stamp, "extra": None})


def _number(value: Json, name: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Refusal(422, f"{name} must be a number") from None

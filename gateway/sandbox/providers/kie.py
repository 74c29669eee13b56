"""kie.ai: its market of models, and its Suno. Errors come under HTTP 200, in the body's `code`."""

from __future__ import annotations

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.files import results
from gateway.sandbox.providers import signatures
from gateway.sandbox.providers.tasks import Phase, Task, TaskStore
from gateway.sandbox.providers.webhooks import Notice, Postman
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Route, json_reply

STATES = {
    Phase.RUNNING: "generating",
    Phase.SUCCEEDED: "success",
    Phase.FAILED: "fail",
    Phase.CANCELED: "fail",
}
SUNO_MODELS = ("V3_5", "V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5")
SUNO_TRACKS = 2


class Kie:
    """The kie.ai server."""

    def __init__(self, tasks: TaskStore, postman: Postman) -> None:
        self._tasks = tasks
        self._postman = postman

    def routes(self) -> list[Route]:
        """Its surface."""
        return [
            Route("POST", "/api/v1/jobs/createTask", self.create, dialects.kie),
            Route("GET", "/api/v1/jobs/recordInfo", self.record, dialects.kie),
            Route("POST", "/api/v1/generate", self.create_song, dialects.kie),
            Route("GET", "/api/v1/generate/record-info", self.song_record, dialects.kie),
        ]

    def create(self, call: Call) -> Answer:
        """Start a market task."""
        body = call.json()
        model, given = body.get("model"), body.get("input")
        if not isinstance(model, str) or not model:
            raise Refusal(422, "The model field is required", http_status=200)
        if not isinstance(given, dict):
            raise Refusal(422, "The input field is required", http_status=200)
        task = self._tasks.create(call, "kie", model, given, _callback(body))
        self._postman.plan(task, self._write)
        return json_reply({"code": 200, "msg": "success", "data": {"taskId": task.id}})

    def record(self, call: Call) -> Answer:
        """Where a market task stands."""
        task = self._find(call, "kie")
        record = self._record_of(task, self._tasks.phase(task))
        return json_reply({"code": 200, "message": "success", "data": record})

    def create_song(self, call: Call) -> Answer:
        """Start a Suno song."""
        body = call.json()
        _check_song(body)
        task = self._tasks.create(call, "kie-suno", "suno-" + str(body["model"]), body, _callback(body))
        self._postman.plan(task, self._write_song)
        return json_reply({"code": 200, "msg": "success", "data": {"taskId": task.id}})

    def song_record(self, call: Call) -> Answer:
        """Where a Suno song stands."""
        task = self._find(call, "kie-suno")
        phase = self._tasks.phase(task)
        status = _song_status(task, phase, task.progress(self._tasks.clock.now()))
        tracks = {"SUCCESS": SUNO_TRACKS, "FIRST_SUCCESS": 1}.get(status, 0)
        failed = phase is Phase.FAILED
        record = {
            "taskId": task.id,
            "parentMusicId": "",
            "param": prose.json_text(task.input),
            "response": {
                "taskId": task.id,
                "sunoData": [_track(task, number, True) for number in range(tracks)],
            },
            "status": status,
            "type": "GENERATE",
            "errorCode": 501 if failed else None,
            "errorMessage": "sandbox: failed as asked" if failed else None,
        }
        return json_reply({"code": 200, "msg": "success", "data": record})

    def _find(self, call: Call, provider: str) -> Task:
        task = self._tasks.find(call.query.get("taskId", ""), provider)
        if task is None:
            raise Refusal(404, "recordInfo is null", http_status=200)
        return task

    def _record_of(self, task: Task, phase: Phase) -> dict[str, Json]:
        now = self._tasks.clock.now()
        # Both words mean "not started yet"; which one comes says nothing.
        state = STATES.get(phase, "waiting" if task.progress(now) < 0.1 else "queuing")
        failed = state == "fail"
        ended = phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)
        urls = [results.url_of(task)]
        return {
            "taskId": task.id,
            "model": task.model,
            "state": state,
            "param": prose.json_text({"model": task.model, "input": task.input}),
            "resultJson": prose.json_text({"resultUrls": urls}) if phase is Phase.SUCCEEDED else "",
            "failCode": "501" if failed else "",
            "failMsg": "sandbox: failed as asked" if failed else "",
            "costTime": round(task.duration_s * 1000) if ended else 0,
            "completeTime": round(task.ended_at * 1000) if ended else 0,
            "createTime": round(task.created_at * 1000),
            "updateTime": round(now * 1000),
        }

    def _write(self, task: Task, phase: Phase, now: float, forged: bool) -> Notice:
        well = phase is Phase.SUCCEEDED
        message = "Playground task completed successfully." if well else "Playground task failed."
        body = {"code": 200 if well else 501, "msg": message, "data": self._record_of(task, phase)}
        return _notice(task, orjson.dumps(body), now, forged)

    def _write_song(self, task: Task, phase: Phase, now: float, forged: bool) -> Notice:
        well = phase is Phase.SUCCEEDED
        tracks = [_track(task, number, False) for number in range(SUNO_TRACKS if well else 0)]
        data = {"callbackType": "complete" if well else "error", "task_id": task.id, "data": tracks}
        message = "All generated successfully." if well else "sandbox: failed as asked"
        return _notice(
            task, orjson.dumps({"code": 200 if well else 501, "msg": message, "data": data}), now, forged
        )


def _notice(task: Task, body: bytes, now: float, forged: bool) -> Notice:
    headers = {"content-type": "application/json", **signatures.kie(task.id, now, forged)}
    return Notice(headers, body)


def _callback(body: dict[str, Json]) -> str | None:
    url = body.get("callBackUrl")
    return url if isinstance(url, str) and url else None


def _check_song(body: dict[str, Json]) -> None:
    """Suno's rules: custom mode needs style and title, and lyrics unless instrumental; else a prompt."""
    if body.get("model") not in SUNO_MODELS:
        raise Refusal(422, f"model must be one of {', '.join(SUNO_MODELS)}", http_status=200)
    for name in ("customMode", "instrumental"):
        if not isinstance(body.get(name), bool):
            raise Refusal(422, f"{name} must be true or false", http_status=200)
    needed = ["style", "title"] if body["customMode"] else ["prompt"]
    if body["customMode"] and not body["instrumental"]:
        needed.append("prompt")
    for name in needed:
        if not isinstance(body.get(name), str) or not body[name]:
            raise Refusal(422, f"{name} is required", http_status=200)


def _song_status(task: Task, phase: Phase, progress: float) -> str:
    if phase is Phase.SUCCEEDED:
        return "SUCCESS"
    if phase in (Phase.FAILED, Phase.CANCELED):
        return "GENERATE_AUDIO_FAILED"
    if task.fate == "callback_exception" and progress >= 0.5:
        return "CALLBACK_EXCEPTION"
    if progress >= 0.75:
        return "FIRST_SUCCESS"
    return "TEXT_SUCCESS" if progress >= 0.5 else "PENDING"


def _track(task: Task, number: int, polled: bool) -> dict[str, Json]:
    """One song: polling spells its fields in camel case, webhooks in snake case."""
    audio = results.url_of(task, number)
    names = ("audioUrl", "streamAudioUrl", "imageUrl", "modelName") if polled else (
        "audio_url", "stream_audio_url", "image_url", "model_name")  # fmt: skip
    values = (audio, audio, results.url_of(task, number, "png"), task.model.removeprefix("suno-"))
    return {
        "id": prose.digest(task.id, str(number)).hex(),
        **dict(zip(names, values, strict=True)),
        "prompt": task.prompt,
        "title": str(task.input.get("title") or "Untitled"),
        "tags": str(task.input.get("style") or ""),
        "createTime": round(task.created_at * 1000),
        "duration": results.seconds_of(task),
    }

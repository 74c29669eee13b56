"""WaveSpeed predictions: one envelope around everything, `outputs` at the end."""

from __future__ import annotations

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.files import results
from gateway.sandbox.providers import signatures
from gateway.sandbox.providers.tasks import Phase, Task, TaskStore, iso_time
from gateway.sandbox.providers.webhooks import Notice, Postman
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Reply, Route, json_reply

STATUSES = {
    Phase.QUEUED: "created",
    Phase.RUNNING: "processing",
    Phase.SUCCEEDED: "completed",
    Phase.FAILED: "failed",
    Phase.CANCELED: "failed",
}
# The pictures that a model of this name cannot do without.
NEEDED = {
    "face_swap": ("image", "face_image"),
    "face-swap": ("image", "face_image"),
    "image-background-remover": ("image",),
    "video-background-remover": ("video",),
}
MAX_TARGET_INDEX = 10


class WaveSpeed:
    """The WaveSpeed server."""

    def __init__(self, tasks: TaskStore, postman: Postman) -> None:
        self._tasks = tasks
        self._postman = postman

    def routes(self) -> list[Route]:
        """Its surface."""
        return [
            Route("GET", "/api/v3/predictions/{id}", self.get, dialects.wavespeed),
            Route("GET", "/api/v3/predictions/{id}/result", self.get, dialects.wavespeed),
            Route("POST", "/api/v3/{model:path}", self.create, dialects.wavespeed),
        ]

    def create(self, call: Call) -> Answer:
        """Start a prediction; `webhook` in the query names who is told of its end."""
        body, model = call.json(), call.params["model"]
        for word, names in NEEDED.items():
            if word in model:
                _check(body, names)
        task = self._tasks.create(call, "wavespeed", model, body, call.query.get("webhook"))
        self._postman.plan(task, self._write)
        return _enveloped(_prediction(task, self._tasks.phase(task)))

    def get(self, call: Call) -> Answer:
        """A prediction as it stands; a failed one is an HTTP 200 too."""
        task = self._tasks.find(call.params["id"], "wavespeed")
        if task is None:
            raise Refusal(404, "prediction not found")
        return _enveloped(_prediction(task, self._tasks.phase(task)))

    def _write(self, task: Task, phase: Phase, now: float, forged: bool) -> Notice:
        body = orjson.dumps(_prediction(task, phase))
        signed = signatures.wavespeed(body, task.id, now, forged)
        return Notice({"content-type": "application/json", **signed}, body)


def _check(body: dict[str, Json], names: tuple[str, ...]) -> None:
    for name in names:
        if not isinstance(body.get(name), str) or not body[name]:
            raise Refusal(400, f"property {name} is missing")
    index = body.get("target_index", 0)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= MAX_TARGET_INDEX:
        raise Refusal(400, f"target_index must be a whole number from 0 to {MAX_TARGET_INDEX}")


def _prediction(task: Task, phase: Phase) -> dict[str, Json]:
    ended = phase in (Phase.SUCCEEDED, Phase.FAILED)
    return {
        "id": task.id,
        "model": task.model,
        "outputs": [results.url_of(task)] if phase is Phase.SUCCEEDED else [],
        "urls": {"get": f"{task.base_url}/api/v3/predictions/{task.id}/result"},
        "has_nsfw_contents": [False] if phase is Phase.SUCCEEDED else [],
        "status": STATUSES[phase],
        "created_at": iso_time(task.created_at),
        "error": "sandbox: failed as asked" if phase is Phase.FAILED else "",
        "timings": {"inference": round(task.duration_s * 1000) if ended else 0},
    }


def _enveloped(prediction: dict[str, Json]) -> Reply:
    return json_reply({"code": 200, "message": "success", "data": prediction})

"""The fal queue: submit, poll, fetch, cancel; a request that failed is COMPLETED too."""

from __future__ import annotations

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.files import results
from gateway.sandbox.providers import signatures
from gateway.sandbox.providers.tasks import Phase, Task, TaskStore
from gateway.sandbox.providers.webhooks import Notice, Postman
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Route, json_reply

STATUSES = {Phase.QUEUED: "IN_QUEUE", Phase.RUNNING: "IN_PROGRESS"}
FAILURE = "sandbox: failed as asked"


class Fal:
    """The fal queue server."""

    def __init__(self, tasks: TaskStore, postman: Postman) -> None:
        self._tasks = tasks
        self._postman = postman

    def routes(self) -> list[Route]:
        """Its surface; the app in a request's own URLs is only the first two segments of the model."""
        request = "/fal-ai/{app:path}/requests/{id}"
        return [
            Route("GET", request + "/status", self.status, dialects.fal),
            Route("PUT", request + "/cancel", self.cancel, dialects.fal),
            Route("GET", request, self.result, dialects.fal),
            Route("POST", "/fal-ai/{app:path}", self.submit, dialects.fal),
        ]

    def submit(self, call: Call) -> Answer:
        """Queue a request; `fal_webhook` in the query names who is told of its end."""
        model = "fal-ai/" + call.params["app"]
        task = self._tasks.create(call, "fal", model, call.json(), call.query.get("fal_webhook"))
        self._postman.plan(task, self._write)
        links = _links(task)
        return json_reply(
            {"status": "IN_QUEUE", "request_id": task.id, **links, "queue_position": 0, "logs": None}
        )

    def status(self, call: Call) -> Answer:
        """Where a request stands: 202 until it is completed, well or not."""
        task = self._find(call)
        phase = self._tasks.phase(task)
        document: dict[str, Json] = {"request_id": task.id, **_links(task), "logs": None}
        if phase in STATUSES:
            document["status"] = STATUSES[phase]
            if phase is Phase.QUEUED:
                document["queue_position"] = 0
            return json_reply(document, 202)
        document |= {"status": "COMPLETED", "metrics": {"inference_time": task.duration_s}}
        if phase is not Phase.SUCCEEDED:
            document |= {
                "error": _reason(phase),
                "error_type": "request_cancelled" if task.canceled_at else "runner",
            }
        return json_reply(document)

    def result(self, call: Call) -> Answer:
        """What a completed request made; 400 while it runs, its error when it failed."""
        task = self._find(call)
        phase = self._tasks.phase(task)
        if phase in STATUSES:
            raise Refusal(400, "Request is still in progress")
        if phase is not Phase.SUCCEEDED:
            raise Refusal(499 if phase is Phase.CANCELED else 500, _reason(phase))
        return json_reply(_payload(task))

    def cancel(self, call: Call) -> Answer:
        """Cancel a request that is not completed."""
        task = self._tasks.find(call.params["id"], "fal")
        if task is None:
            return json_reply({"status": "NOT_FOUND"}, 404)
        if not self._tasks.cancel(task):
            return json_reply({"status": "ALREADY_COMPLETED"}, 400)
        self._postman.tell_now(task, self._write)
        return json_reply({"status": "CANCELLATION_REQUESTED"}, 202)

    def _find(self, call: Call) -> Task:
        task = self._tasks.find(call.params["id"], "fal")
        if task is None:
            raise Refusal(404, "Request not found")
        return task

    def _write(self, task: Task, phase: Phase, now: float, forged: bool) -> Notice:
        document: dict[str, Json] = {"request_id": task.id, "gateway_request_id": task.id}
        if phase is Phase.SUCCEEDED:
            document |= {"status": "OK", "payload": _payload(task)}
        else:
            reason = _reason(phase)
            document |= {"status": "ERROR", "error": reason, "payload": {"detail": reason}}
        body = orjson.dumps(document)
        headers = {"content-type": "application/json", **signatures.fal(body, task.id, now, forged)}
        return Notice(headers, body)


def _reason(phase: Phase) -> str:
    return "Request was cancelled by the client" if phase is Phase.CANCELED else FAILURE


def _links(task: Task) -> dict[str, str]:
    app = "/".join(task.model.split("/")[:2])
    request = f"{task.base_url}/{app}/requests/{task.id}"
    return {"response_url": request, "status_url": request + "/status", "cancel_url": request + "/cancel"}


def _payload(task: Task) -> dict[str, Json]:
    """The output, in the shape that models of its kind have."""
    extension = results.EXTENSIONS[task.kind]
    content_type = results.CONTENT_TYPES[extension].decode("ascii")
    file: dict[str, Json] = {
        "url": results.url_of(task),
        "content_type": content_type,
        "file_name": f"0.{extension}",
    }
    if task.kind == "video":
        return {"video": file}
    if task.kind in ("speech", "music"):
        return {"audio": file}
    width, height = results.size_of(task)
    file |= {"width": width, "height": height}
    # Tools that change one picture answer with one picture, models that draw answer with a list.
    if "prompt" not in task.input:
        return {"image": file}
    return {"images": [file], "seed": task.input.get("seed", 0), "prompt": task.prompt, "timings": {}}

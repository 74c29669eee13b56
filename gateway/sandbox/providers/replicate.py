"""Replicate predictions: create (waiting for them if asked to), list, get, cancel, signed webhooks."""

from __future__ import annotations

import base64

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.files import results
from gateway.sandbox.providers import signatures
from gateway.sandbox.providers.tasks import Phase, Task, TaskStore, iso_time
from gateway.sandbox.providers.webhooks import Notice, Postman
from gateway.sandbox.wire import Answer, Call, Json, Later, Refusal, Reply, Route, json_reply

STATUSES = {
    Phase.QUEUED: "starting",
    Phase.RUNNING: "processing",
    Phase.SUCCEEDED: "succeeded",
    Phase.FAILED: "failed",
    Phase.CANCELED: "canceled",
}
EVENTS = ("start", "output", "logs", "completed")
DEFAULT_WAIT_S = 60.0
PAGE_SIZE = 100


class Replicate:
    """The Replicate server."""

    def __init__(self, tasks: TaskStore, postman: Postman) -> None:
        self._tasks = tasks
        self._postman = postman

    def routes(self) -> list[Route]:
        """Its surface."""
        table = [
            ("POST", "/v1/predictions", self.create),
            ("POST", "/v1/models/{owner}/{name}/predictions", self.create),
            ("GET", "/v1/predictions", self.newest),
            ("GET", "/v1/predictions/{id}", self.get),
            ("POST", "/v1/predictions/{id}/cancel", self.cancel),
        ]
        return [Route(method, path, handler, dialects.replicate) for method, path, handler in table]

    def create(self, call: Call) -> Answer:
        """Start a prediction; with `Prefer: wait` the answer comes at its end, or when the wait is over."""
        body = call.json()
        given = body.get("input")
        if not isinstance(given, dict):
            raise Refusal(422, "- input is required\n")
        if call.params:
            model = f"{call.params['owner']}/{call.params['name']}"
        else:
            model = str(body.get("version") or body.get("model") or "")
        if not model:
            raise Refusal(422, "- version is required\n")
        webhook = body.get("webhook")
        task = self._tasks.create(
            call, "replicate", model, given, webhook if isinstance(webhook, str) else None
        )
        events = body.get("webhook_events_filter") or EVENTS
        if not isinstance(events, list | tuple) or not set(map(str, events)) <= set(EVENTS):
            raise Refusal(422, f"- webhook_events_filter must be of {', '.join(EVENTS)}\n")
        if "start" in events:
            self._postman.tell_now(task, self._write)
        if "completed" in events:
            self._postman.plan(task, self._write)
        wait_s = _wait_s(call.headers.get("prefer", ""))
        if wait_s > 0:
            rest_s = min(max(task.ends_at - self._tasks.clock.now(), 0.0), wait_s)
            return Later(rest_s, lambda: self._reply(task, 201))
        return self._reply(task, 201)

    def newest(self, call: Call) -> Answer:
        """A page of predictions, newest first; a cursor names the one that the page before ended with."""
        tasks = self._tasks.of("replicate")
        cursor = call.query.get("cursor")
        start = 0
        if cursor is not None:
            places = [place for place, task in enumerate(tasks) if _cursor_after(task) == cursor]
            if not places:
                raise Refusal(400, "Invalid cursor")
            start = places[0] + 1
        page = tasks[start : start + PAGE_SIZE]
        path = f"{call.base_url}/v1/predictions"
        more = len(tasks) > start + PAGE_SIZE
        return json_reply(
            {
                "previous": path if start > 0 else None,
                "next": f"{path}?cursor={_cursor_after(page[-1])}" if more else None,
                "results": [_prediction(task, self._tasks.phase(task)) for task in page],
            }
        )

    def get(self, call: Call) -> Answer:
        """A prediction as it stands."""
        return self._reply(self._find(call), 200)

    def cancel(self, call: Call) -> Answer:
        """Cancel a prediction; one that has ended stays as it is."""
        task = self._find(call)
        if self._tasks.cancel(task):
            self._postman.tell_now(task, self._write)
        return self._reply(task, 200)

    def _find(self, call: Call) -> Task:
        task = self._tasks.find(call.params["id"], "replicate")
        if task is None:
            raise Refusal(404, "The requested resource could not be found.")
        return task

    def _reply(self, task: Task, status: int) -> Reply:
        return json_reply(_prediction(task, self._tasks.phase(task)), status)

    def _write(self, task: Task, phase: Phase, now: float, forged: bool) -> Notice:
        body = orjson.dumps(_prediction(task, phase))
        message_id = signatures.message_id_of(task.id, phase.value)
        signed = signatures.replicate(body, message_id, now, forged)
        return Notice({"content-type": "application/json", **signed}, body)


def _prediction(task: Task, phase: Phase) -> dict[str, Json]:
    ended = phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)
    url = f"{task.base_url}/v1/predictions/{task.id}"
    output: Json = None
    if phase is Phase.SUCCEEDED:
        # Image models give a list, the others a single file.
        output = [results.url_of(task)] if task.kind == "image" else results.url_of(task)
    return {
        "id": task.id,
        "model": task.model,
        "version": "sandbox",
        "input": task.input,
        "logs": "",
        "output": output,
        "data_removed": False,
        "error": "sandbox: failed as asked" if phase is Phase.FAILED else None,
        "source": "api",
        "status": STATUSES[phase],
        "created_at": iso_time(task.created_at),
        "started_at": None if phase is Phase.QUEUED else iso_time(task.created_at),
        "completed_at": iso_time(task.ended_at) if ended else None,
        "urls": {"get": url, "cancel": url + "/cancel"},
        **({} if task.webhook_url is None else {"webhook": task.webhook_url}),
        "metrics": {"predict_time": task.duration_s} if ended else {},
    }


def _cursor_after(task: Task) -> str:
    """As opaque as Replicate's own."""
    return base64.urlsafe_b64encode(f"p={task.id}".encode()).rstrip(b"=").decode("ascii")


def _wait_s(prefer: str) -> float:
    """`wait` or `wait=N` in the Prefer header, at most a minute; 0 where it is absent."""
    for part in prefer.split(","):
        name, _, value = part.strip().partition("=")
        if name == "wait":
            return min(float(value), DEFAULT_WAIT_S) if value.isdigit() else DEFAULT_WAIT_S
    return 0.0

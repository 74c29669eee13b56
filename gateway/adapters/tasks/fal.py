"""The fal queue: POST /{model}, GET /{app}/requests/{id}/status, GET /{app}/requests/{id}, PUT …/cancel.

Source: docs.fal.ai, "Queue". An app is the first two parts of a model's name, whatever else it has. The URLs that
fal answers with are not followed: the same paths are made here, on the route's own upstream. `COMPLETED` may carry an
error. There is no finding a request by anything but its id on this server; our mark goes into `fal_webhook`.
A real route names its key as a header: `Authorization = "env:…"` with `Key …` in it.
"""

from collections.abc import Generator, Mapping
from typing import Any

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Received, UpstreamCall
from gateway.adapters.shared.webhook_signatures import check_fal, task_id_in
from gateway.adapters.tasks.protocol import EVERY_TASK, Polled, Progress, Submitted, TaskRequest
from gateway.adapters.tasks.provider_input import provider_input, provider_model
from gateway.adapters.tasks.provider_tasks import (
    cancelled,
    failed,
    mapping,
    marked_webhook_url,
    model_path,
    submitted,
    succeeded,
)

SERVES = EVERY_TASK
RUNNING = ("IN_QUEUE", "IN_PROGRESS")
CANCELLED_TYPES = ("request_cancelled", "client_cancelled")
# Where models put their files; an output with none of these is searched as a whole.
OUTPUTS = ("images", "image", "video", "videos", "audio", "audio_file", "audio_url")


def submit(request: TaskRequest, route: AdapterRoute) -> Generator[UpstreamCall, Received, Submitted]:
    """One call."""
    model = model_path(provider_model(request, route))
    webhook_url = marked_webhook_url(request)
    query = {} if webhook_url is None else {"fal_webhook": webhook_url}
    received = yield UpstreamCall(f"/{model}", query=query, json=provider_input(request, route))
    task_id = mapping(received.json(), "object").get("request_id")
    return submitted(task_id, route, app="/".join(model.split("/")[:2]))


def find(request: TaskRequest, route: AdapterRoute) -> None:
    """The queue has no look-up."""
    return


def poll(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, Polled]:
    """The status, and once it is completed without an error, the output.

    A failed request's output answers with an HTTP error of 400 or more, which ends this generator.
    """
    path = _path(reference)
    received = yield UpstreamCall(f"{path}/status", method="GET")
    status = mapping(received.json(), "object")
    if status.get("status") in RUNNING:
        return Polled(Progress.RUNNING)
    if status.get("status") != "COMPLETED":
        raise MalformedAnswer("an unknown status")
    if status.get("error_type") in CANCELLED_TYPES:
        return cancelled()
    if status.get("error") or status.get("error_type"):
        return failed(status.get("error_type"), status.get("error"))
    received = yield UpstreamCall(path, method="GET")
    output = mapping(received.json(), "output")
    if set(output) == {"detail"}:
        return failed(output["detail"])
    return succeeded([value for name, value in output.items() if name in OUTPUTS] or output)


def cancel(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, None]:
    """Ask for it; a request that is completed answers 400."""
    yield UpstreamCall(f"{_path(reference)}/cancel", method="PUT")


def webhook_reference(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
    """The request's id in the queue: a request that fal retried itself has another one in the header."""
    check_fal(headers, body, secret, now_s)
    return task_id_in(body, ("request_id",))


def _path(reference: Mapping[str, Any]) -> str:
    return f"/{reference['app']}/requests/{reference['id']}"

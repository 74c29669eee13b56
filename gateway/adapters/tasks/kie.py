"""kie.ai's market of models: POST /api/v1/jobs/createTask, GET /api/v1/jobs/recordInfo.

Source: docs.kie.ai, "Market". Errors come under HTTP 200 with the real status in the body's `code`; a finished
task's `resultJson` is a JSON string. There is no way to cancel a task, and none to find one without its id: kie
takes no idempotency key and lists no tasks. So our mark goes only into `callBackUrl`, where it proves which of
our tasks a callback is about even if the answer to its submission was lost.
"""

from collections.abc import Generator, Mapping
from typing import Any

import orjson

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Received, UpstreamCall
from gateway.adapters.shared.webhook_signatures import check_kie, task_id_in
from gateway.adapters.tasks.protocol import EVERY_TASK, Polled, Progress, Submitted, TaskRequest
from gateway.adapters.tasks.provider_input import provider_input, provider_model
from gateway.adapters.tasks.provider_tasks import enveloped, failed, marked_webhook_url, submitted, succeeded

SERVES = EVERY_TASK
CREATE_PATH = "/api/v1/jobs/createTask"
RECORD_PATH = "/api/v1/jobs/recordInfo"
RUNNING = ("waiting", "queuing", "generating")


def submit(request: TaskRequest, route: AdapterRoute) -> Generator[UpstreamCall, Received, Submitted]:
    """One call, with the model's variant and its parameters as the route's options name them."""
    body: dict[str, Any] = {"model": provider_model(request, route), "input": provider_input(request, route)}
    return (yield from create(CREATE_PATH, body, request, route))


def create(
    path: str, body: dict[str, Any], request: TaskRequest, route: AdapterRoute
) -> Generator[UpstreamCall, Received, Submitted]:
    """Ask either of kie's services for a task, with where to tell of its end."""
    webhook_url = marked_webhook_url(request)
    if webhook_url is not None:
        body["callBackUrl"] = webhook_url
    received = yield UpstreamCall(path, json=body)
    return submitted(enveloped(received.json(), submitting=True).get("taskId"), route)


def find(request: TaskRequest, route: AdapterRoute) -> None:
    """kie has no look-up."""
    return


def poll(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, Polled]:
    """One look at the record."""
    received = yield UpstreamCall(RECORD_PATH, method="GET", query={"taskId": reference["id"]})
    record = enveloped(received.json(), submitting=False)
    state = record.get("state")
    if state in RUNNING:
        return Polled(Progress.RUNNING)
    if state == "fail":
        return failed(record.get("failCode"), record.get("failMsg"))
    if state != "success":
        raise MalformedAnswer("an unknown state")
    return succeeded(_results(record.get("resultJson")))


def cancel(reference: Mapping[str, Any], route: AdapterRoute) -> None:
    """kie has no way to cancel."""
    return


def webhook_reference(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
    """The task's id, which is all that kie's signature covers; the market and Suno spell it differently."""
    task_id = task_id_in(body, ("data", "taskId"), ("data", "task_id"))
    check_kie(headers, task_id, secret, now_s)
    return task_id


def _results(result_json: object) -> object:
    """`{"resultUrls": […]}`, which comes as a string; first-frame and watermarked copies beside it are left out."""
    try:
        results = orjson.loads(result_json) if isinstance(result_json, str) else result_json
    except orjson.JSONDecodeError:
        raise MalformedAnswer("a result that is not JSON") from None
    return results.get("resultUrls") if isinstance(results, dict) else None

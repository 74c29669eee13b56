"""WaveSpeed's predictions: POST /api/v3/{model}, GET /api/v3/predictions/{id}/result.

Source: wavespeed.ai/docs. One envelope `{code, message, data}` around everything; a failed prediction is an HTTP 200.
No way to cancel one is documented, and none to find one without its id; our mark goes into `webhook`.
"""

from collections.abc import Generator, Mapping
from typing import Any

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Received, UpstreamCall
from gateway.adapters.shared.webhook_signatures import check_wavespeed, task_id_in
from gateway.adapters.tasks.protocol import EVERY_TASK, Polled, Progress, Submitted, TaskRequest
from gateway.adapters.tasks.provider_input import provider_input, provider_model
from gateway.adapters.tasks.provider_tasks import (
    enveloped,
    failed,
    marked_webhook_url,
    model_path,
    submitted,
    succeeded,
)

SERVES = EVERY_TASK
PATH = "/api/v3"
RUNNING = ("created", "processing")


def submit(request: TaskRequest, route: AdapterRoute) -> Generator[UpstreamCall, Received, Submitted]:
    """One call."""
    webhook_url = marked_webhook_url(request)
    query = {} if webhook_url is None else {"webhook": webhook_url}
    path = f"{PATH}/{model_path(provider_model(request, route))}"
    received = yield UpstreamCall(path, query=query, json=provider_input(request, route))
    return submitted(enveloped(received.json(), submitting=True).get("id"), route)


def find(request: TaskRequest, route: AdapterRoute) -> None:
    """WaveSpeed has no look-up."""
    return


def poll(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, Polled]:
    """One look at the prediction."""
    received = yield UpstreamCall(f"{PATH}/predictions/{reference['id']}/result", method="GET")
    prediction = enveloped(received.json(), submitting=False)
    status = prediction.get("status")
    if status in RUNNING:
        return Polled(Progress.RUNNING)
    if status == "failed":
        return failed(prediction.get("error"))
    if status != "completed":
        raise MalformedAnswer("an unknown status")
    return succeeded(prediction.get("outputs"))


def cancel(reference: Mapping[str, Any], route: AdapterRoute) -> None:
    """WaveSpeed has no way to cancel."""
    return


def webhook_reference(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
    """The prediction's id."""
    check_wavespeed(headers, body, secret, now_s)
    return task_id_in(body, ("id",))

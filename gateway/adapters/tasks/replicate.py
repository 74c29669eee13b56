"""Replicate's predictions: POST /v1/models/{owner}/{name}/predictions, or /v1/predictions for `owner/name:version`.

Source: replicate.com/docs/reference/http. A prediction tells its `webhook` again (`Prediction.webhook` in
replicate-javascript's index.d.ts), so one whose answer was lost is found by our mark in the list of predictions,
newest first. A route whose upstream has no such list says so: `lookup = false`.
"""

from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Received, UpstreamCall
from gateway.adapters.shared.webhook_signatures import check_replicate, task_id_in
from gateway.adapters.tasks.protocol import EVERY_TASK, Polled, Progress, Submitted, TaskRequest
from gateway.adapters.tasks.provider_input import provider_input, provider_model
from gateway.adapters.tasks.provider_tasks import (
    cancelled,
    failed,
    mapping,
    marked_webhook_url,
    marker_in,
    model_path,
    submitted,
    succeeded,
)

SERVES = EVERY_TASK
PATH = "/v1/predictions"
RUNNING = ("starting", "processing")
CANCELLED = ("canceled", "aborted")
# A page has a hundred predictions: a submission is looked for within seconds, so it is among the newest.
MAX_PAGES = 5


def submit(request: TaskRequest, route: AdapterRoute) -> Generator[UpstreamCall, Received, Submitted]:
    """One call, which does not wait for the prediction."""
    name, _, version = provider_model(request, route).partition(":")
    body: dict[str, Any] = {"input": provider_input(request, route)}
    if version:
        body["version"] = version
    webhook_url = marked_webhook_url(request)
    if webhook_url is not None:
        body |= {"webhook": webhook_url, "webhook_events_filter": ["completed"]}
    path = PATH if version else f"/v1/models/{model_path(name)}/predictions"
    received = yield UpstreamCall(path, json=body)
    return submitted(mapping(received.json(), "prediction").get("id"), route)


def find(
    request: TaskRequest, route: AdapterRoute
) -> Generator[UpstreamCall, Received, Submitted | None] | None:
    """Among the newest predictions; None where the request had no webhook URL to carry our mark."""
    if request.webhook_url is None or route.options.get("lookup", True) is False:
        return None
    return _look_up(request.marker, route)


def poll(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, Polled]:
    """One look at the prediction."""
    received = yield UpstreamCall(f"{PATH}/{reference['id']}", method="GET")
    prediction = mapping(received.json(), "prediction")
    status = prediction.get("status")
    if status in RUNNING:
        return Polled(Progress.RUNNING)
    if status in CANCELLED:
        return cancelled()
    if status == "failed":
        return failed(prediction.get("error"))
    if status != "succeeded":
        raise MalformedAnswer("an unknown status")
    return succeeded(prediction.get("output"))


def cancel(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, None]:
    """Ask for it; a prediction that has ended stays as it is."""
    yield UpstreamCall(f"{PATH}/{reference['id']}/cancel")


def webhook_reference(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
    """The prediction's id."""
    check_replicate(headers, body, secret, now_s)
    return task_id_in(body, ("id",))


def _look_up(marker: str, route: AdapterRoute) -> Generator[UpstreamCall, Received, Submitted | None]:
    query: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        received = yield UpstreamCall(PATH, method="GET", query=query)
        page = mapping(received.json(), "list")
        predictions = page.get("results")
        if not isinstance(predictions, list):
            raise MalformedAnswer("no predictions")
        for prediction in predictions:
            if isinstance(prediction, dict) and marker_in(prediction.get("webhook")) == marker:
                return submitted(prediction.get("id"), route)
        cursor = _cursor(page.get("next"))
        if cursor is None:
            return None
        query = {"cursor": cursor}
    return None


def _cursor(next_page: object) -> str | None:
    """What the address of the next page says after `cursor=`; the address itself is not followed."""
    try:
        query = urlsplit(next_page).query if isinstance(next_page, str) else ""
    except ValueError:
        return None
    return parse_qs(query).get("cursor", [None])[0]

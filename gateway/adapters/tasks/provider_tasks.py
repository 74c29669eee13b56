"""What the task providers have in common: ids, our mark in webhook URLs, result URLs, and why a task failed.

Ids become parts of paths, so only plain ones are believed. A provider's own words never reach a customer: they
may name its internals, so a failure is told in one of the sentences here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, AnswerRefused, MalformedAnswer, UpstreamFault
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.shared.raise_error_body import CALLER_AT_FAULT
from gateway.adapters.tasks.protocol import (
    OPERATOR_AT_FAULT,
    NotTaken,
    NotWelcome,
    Polled,
    Progress,
    Submitted,
    TaskRequest,
)

MARKER_FIELD = "marker"
POLL_AFTER_S = 2.0
_TASK_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_MODEL_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_RESULT_SCHEMES = ("http://", "https://", "data:")
# HTTP's own two, and kie's for calls that come too often (430) and for maintenance (455).
BUSY = frozenset({429, 430, 455, 503})

FAILED = _("The generation failed at the model's provider.")
CANCELLED = _("The generation was cancelled at the model's provider.")
REFUSED_CONTENT = _("The model's provider refused the content of the request or of its result.")
REFUSED_INPUT = _("The model's provider could not use the request's input.")
_ABOUT_CONTENT = re.compile(
    r"nsfw|sensitive|moderat|content.?polic|safety|prohibited|copyright", re.IGNORECASE
)
_ABOUT_INPUT = re.compile(
    r"invalid|unsupported|download|unreachable|no face|too (large|small|long)", re.IGNORECASE
)


def submitted(task_id: object, route: AdapterRoute, **more: str) -> Submitted:
    """The reference, with the task's id under `id` as webhooks speak of it.

    Raises MalformedAnswer for what is no id. The first poll comes after the route's option `poll_after_s`.
    """
    return Submitted({"id": checked_id(task_id), **more}, _poll_after_s(route))


def checked_id(task_id: object) -> str:
    """The id where it can stand in a path; raises MalformedAnswer otherwise."""
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id) or set(task_id) == {"."}:
        raise MalformedAnswer("no task id")
    return task_id


def model_path(model: str) -> str:
    """A model's name that is part of a path; raises BadOption for one that would lead elsewhere."""
    if not _MODEL_PATH.fullmatch(model):
        raise BadOption(f"{model!r} is not a model path")
    return model


def marked_webhook_url(request: TaskRequest) -> str | None:
    """The webhook URL with our mark in its query, or None where there is no URL."""
    if request.webhook_url is None:
        return None
    parts = urlsplit(request.webhook_url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != MARKER_FIELD]
    return urlunsplit(parts._replace(query=urlencode([*query, (MARKER_FIELD, request.marker)])))


def marker_in(webhook_url: object) -> str | None:
    """The mark in a URL that `marked_webhook_url` made."""
    if not isinstance(webhook_url, str):
        return None
    try:
        found = parse_qs(urlsplit(webhook_url).query).get(MARKER_FIELD, [])
    except ValueError:
        return None
    return found[0] if len(found) == 1 else None


def succeeded(results: Any) -> Polled:
    """A success with every URL in `results`, in order; raises MalformedAnswer where there is none."""
    urls = list(dict.fromkeys(_urls(results)))
    if not urls:
        raise MalformedAnswer("a success without a result")
    return Polled(Progress.SUCCEEDED, urls)


def failed(*reasons: object) -> Polled:
    """A failure, told by the sentence that fits the provider's words."""
    text = " ".join(str(reason) for reason in reasons if reason)
    if _ABOUT_CONTENT.search(text):
        return Polled(Progress.FAILED, error_message=REFUSED_CONTENT)
    if _ABOUT_INPUT.search(text):
        return Polled(Progress.FAILED, error_message=REFUSED_INPUT)
    return Polled(Progress.FAILED, error_message=FAILED)


def cancelled() -> Polled:
    return Polled(Progress.FAILED, error_message=CANCELLED)


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """The object; raises MalformedAnswer, saying what was expected, for anything else."""
    if not isinstance(value, dict):
        raise MalformedAnswer(f"no {what}")
    return value


def enveloped(values: object, *, submitting: bool) -> Mapping[str, Any]:
    """The `data` of a `{code, …, data}` answer, whose `code` says what HTTP's status does elsewhere.

    Raises AnswerRefused where a submission is at fault, NotTaken where the provider is too busy for it, NotWelcome
    where it would not take any of ours, and UpstreamFault for every other code but 200: a poll that goes wrong says
    nothing about the task.
    """
    envelope = mapping(values, "envelope")
    code = envelope.get("code")
    if type(code) is not int:
        raise MalformedAnswer("no code")
    if code == 200:
        return mapping(envelope.get("data"), "data")
    told = f"code {code}"
    if submitting and code in CALLER_AT_FAULT:
        raise AnswerRefused(told)
    if submitting and code in OPERATOR_AT_FAULT:
        raise NotWelcome(code)
    raise NotTaken(told, code) if submitting and code in BUSY else UpstreamFault(told)


def _urls(value: Any, depth: int = 0) -> Iterator[str]:
    """Every URL in a text, a list, or an object's values; `{"url": …}` gives that one alone."""
    if depth > 8:
        return
    if isinstance(value, str):
        if value.startswith(_RESULT_SCHEMES):
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _urls(item, depth + 1)
    elif isinstance(value, dict):
        for item in [value["url"]] if "url" in value else value.values():
            yield from _urls(item, depth + 1)


def _poll_after_s(route: AdapterRoute) -> float:
    seconds = route.options.get("poll_after_s", POLL_AFTER_S)
    if type(seconds) not in (int, float) or not 0 < seconds <= 3600:
        raise BadOption(f"the option poll_after_s of {route.model} must be a number of seconds")
    return float(seconds)

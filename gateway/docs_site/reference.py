"""One operation as its page shows it: request, answers, errors, limits, prices and code."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gateway.docs_site import samples
from gateway.docs_site.answers import example_answer, stream_example
from gateway.docs_site.examples import error_example
from gateway.docs_site.openapi import METHODS, document, resolved
from gateway.docs_site.parameters import Row, row_of, rows_of
from gateway.endpoints import BY_ADDRESS
from gateway.openapi.documented_errors import (
    REFUSALS,
    REFUSALS_OF_BODIES,
    REFUSALS_OF_CHANGES,
    REFUSALS_OF_RECEIPTS,
)
from gateway.openapi.examples import variables_of
from gateway.openapi.presentation import presented_views
from gateway.task_models.shipped import SHIPPED

_BINARY_SAMPLE = "Content-Type: {type}\n\n…"
_FORM = "multipart/form-data"
# For operations whose own description says nothing of a refusal.
REFUSALS_BY_STATUS = REFUSALS | REFUSALS_OF_BODIES | REFUSALS_OF_CHANGES | REFUSALS_OF_RECEIPTS


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call that succeeds is answered with: the content type, an example, and the fields of JSON."""

    status: int
    content_type: str
    example: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    phrase: str
    description: str


@dataclass(frozen=True, slots=True)
class TaskModel:
    """One model's parameters on an endpoint of generation by task."""

    slug: str
    name: str
    description: str
    rows: tuple[Row, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of an address. `endpoint` is the catalog's name of what is carried, "" for the account's own API."""

    id: str
    method: str
    address: str
    description: str
    endpoint: str
    body_type: str
    path_rows: tuple[Row, ...]
    query_rows: tuple[Row, ...]
    header_rows: tuple[Row, ...]
    body_rows: tuple[Row, ...]
    task_models: tuple[TaskModel, ...]
    answers: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]
    error_example: str
    time_limit_s: float | None
    size_limit_bytes: int | None
    takes_session: bool
    takes_idempotency_key: bool
    samples: tuple[samples.Sample, ...]


def operations_of(address: str) -> list[Operation]:
    """The methods of an address, in the visitor's language; their code names no host yet."""
    return list(_operations_of(address, get_language() or settings.LANGUAGE_CODE))


def operation_of(operation_id: str) -> Operation | None:
    """The operation of that OpenAPI id."""
    for address, methods in document()["paths"].items():
        if any(each.get("operationId") == operation_id for each in methods.values()):
            return next(each for each in operations_of(address) if each.id == operation_id)
    return None


@lru_cache(maxsize=256)
def _operations_of(address: str, language: str) -> tuple[Operation, ...]:
    methods: Mapping[str, Any] = document()["paths"][address]
    return tuple(_operation(method, address, methods[method]) for method in METHODS if method in methods)


def _operation(method: str, address: str, described: Mapping[str, Any]) -> Operation:
    view = presented_views().get((method, address))
    called = BY_ADDRESS.get((method, address))
    endpoint = "" if called is None else called.name
    body_type, body_schema = _body(described)
    places: dict[str, list[Row]] = {"path": [], "query": [], "header": []}
    for parameter in described.get("parameters", ()):
        required = parameter.get("required", False)
        places[parameter["in"]].append(
            row_of(parameter["name"], parameter["schema"], required, 0, parameter.get("description", ""))
        )
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        address=address,
        description=_translated(_description(described, endpoint)),
        endpoint=endpoint,
        body_type=body_type,
        path_rows=tuple(_path_rows(address, places["path"])),
        query_rows=tuple(places["query"]),
        header_rows=tuple(places["header"]),
        body_rows=tuple(rows_of(body_schema)),
        task_models=tuple(_task_models(endpoint)),
        answers=tuple(_answers(method, address, described)),
        refusals=tuple(_refusals(described)),
        error_example=error_example(address),
        # A task's is of its whole life, which the guide to tasks tells.
        time_limit_s=None if called is None or called.is_task else called.time_limit.value(),
        size_limit_bytes=called.size_limit.value() if called and called.size_limit else None,
        takes_session=view is not None and view.session_allowed,
        takes_idempotency_key=bool(endpoint) and method == "post",
        samples=tuple(samples.samples_of(method, address)),
    )


def _path_rows(address: str, described: list[Row]) -> list[Row]:
    meanings = {
        "model": _("The model's id, or one of its aliases. It may have slashes in it."),
        "task_id": _("The task's id, as the answer that opened it said."),
        "key_id": _("The key's id, not its text."),
        "request_id": _("As in the X-Request-Id header of the call's answer."),
        "delivery_id": _("The delivery's id, as the list of deliveries says."),
    }
    known = {row.name for row in described}
    assert known <= set(variables_of(address))
    return [Row(name, "string", True, "", (), (), meanings[name]) for name in variables_of(address)]


def _description(described: Mapping[str, Any], endpoint: str) -> str:
    """The account API's views say themselves what they do; what others do is the page's own text."""
    return "" if endpoint or described.get("summary") else str(described.get("description", ""))


def _translated(text: str) -> str:
    return _(text) if text else ""


def _body(described: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    content: Mapping[str, Any] = described.get("requestBody", {}).get("content", {})
    for content_type in ("application/json", _FORM):
        if content_type in content:
            return content_type, content[content_type]["schema"]
    return "", {}


def _answers(method: str, address: str, described: Mapping[str, Any]) -> list[Answer]:
    found = []
    for status, answer in described["responses"].items():
        if not status.startswith("2"):
            continue
        for content_type, media in answer.get("content", {"": {}}).items():
            if content_type == "application/json":
                schema = media.get("schema", {})
                example = example_answer(method, address)
                found.append(Answer(int(status), content_type, example, tuple(rows_of(_listed(schema)))))
            elif content_type == "text/event-stream":
                found.append(Answer(int(status), content_type, stream_example(address), ()))
            elif content_type:
                found.append(Answer(int(status), content_type, _BINARY_SAMPLE.format(type=content_type), ()))
            else:
                found.append(Answer(int(status), "", "", ()))
    return found


def _listed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = resolved(schema)
    return resolved(inner["items"]) if inner.get("type") == "array" else inner


def _refusals(described: Mapping[str, Any]) -> list[Refusal]:
    found = []
    for status, answer in sorted(described["responses"].items()):
        if status.startswith(("4", "5")):
            text = answer.get("description") or REFUSALS_BY_STATUS.get(int(status), "")
            found.append(Refusal(int(status), HTTPStatus(int(status)).phrase, _translated(text)))
    return found


def _task_models(endpoint: str) -> list[TaskModel]:
    return [_task_model(slug) for slug in SHIPPED.slugs(endpoint)]


def _task_model(slug: str) -> TaskModel:
    model = SHIPPED.describe(slug)
    rows = [_task_row(parameter) for parameter in model["parameters"]]
    rows.sort(key=lambda row: not row.required)
    return TaskModel(
        slug, model["name"], _translated(model["doc"]), tuple(rows), tuple(_(rule) for rule in model["rules"])
    )


def _task_row(parameter: Mapping[str, Any]) -> Row:
    limits = []
    if "minimum" in parameter and "maximum" in parameter:
        limits.append(
            _("%(low)s to %(high)s")
            % {"low": _number_text(parameter["minimum"]), "high": _number_text(parameter["maximum"])}
        )
    if parameter.get("min_length"):
        limits.append(_("at least %(count)s characters") % {"count": f"{parameter['min_length']:,}"})
    if parameter.get("max_length"):
        limits.append(_("at most %(count)s characters") % {"count": f"{parameter['max_length']:,}"})
    if parameter.get("max_items"):
        limits.append(_("at most %(count)s items") % {"count": parameter["max_items"]})
    if parameter["changes_price"]:
        limits.append(_("changes the price"))
    default = parameter["default"]
    kind = {
        "text": "string",
        "choice": "string",
        "flag": "boolean",
        "urls": "array<url>",
        "dialogue": "array<object>",
    }
    choices = parameter.get("choices") or parameter.get("allowed") or parameter.get("voices") or ()
    return Row(
        parameter["name"],
        kind.get(parameter["type"], parameter["type"]),
        parameter["required"],
        "" if default is None else str(default).lower() if isinstance(default, bool) else str(default),
        tuple(limits),
        tuple(_number_text(choice) for choice in choices),
        _(parameter["doc"]),
    )


def _number_text(value: Any) -> str:
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return str(value)

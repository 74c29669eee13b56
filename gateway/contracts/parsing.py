"""From bytes to a validated contract, with the first problem named by its field. Why Pydantic: see ADR 6."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from aio_platform.errors import InvalidRequest, wrong_field
from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _

Contract = TypeVar("Contract", bound="RequestContract")
# OpenAI's codes for what can be wrong with a body; a value that is out of its range is the usual one.
NOT_JSON = "invalid_json"
MISSING, WRONG_TYPE = "missing_required_parameter", "invalid_type"
FIELD_REQUIRED = _("this field is required")


class RequestContract(BaseModel):
    """A JSON body. Types are strict, unknown fields are kept and passed on."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)
    # Fields that do nothing where they have one of these values, or null: they are dropped, whatever becomes of others.
    nothing_special: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    # What its fields mean, where that is not what it always means (`openapi.field_descriptions`).
    descriptions: ClassVar[Mapping[str, str]] = {}

    def check(self) -> None:
        """Raise InvalidRequest for what types cannot say; called once the types are right.

        Plain Python and not Pydantic's validators: those cost microseconds a message.
        """


def parse_body(contract: type[Contract], body: bytes, content_type: str) -> tuple[Contract, dict[str, Any]]:
    """Validate straight from the bytes; returns the contract and the body as plain JSON values.

    Raises InvalidRequest for another content type, for what is not UTF-8 JSON, and for the first field that
    breaks the contract, named as in `messages.0.role`.
    """
    if content_type and content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest(
            _("Send the body as application/json."),
            param="Content-Type",
            openai_code="unsupported_content_type",
        )
    if not body:
        raise InvalidRequest(_("The body is empty; a JSON object is expected."), openai_code=NOT_JSON)
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            _("The body is not valid JSON: %(where)s."), openai_code=NOT_JSON, where=_where(error)
        ) from None
    if not isinstance(values, dict):
        raise InvalidRequest(_("The body must be a JSON object."), openai_code=NOT_JSON)
    try:
        parsed = contract.model_validate_json(body)
    except ValidationError as error:
        raise first_problem(error) from None
    if not contract.nothing_special.keys().isdisjoint(values):
        _drop_nothing_special(parsed, values)
    parsed.check()
    return parsed, values


def _drop_nothing_special(parsed: RequestContract, values: dict[str, Any]) -> None:
    extra = parsed.model_extra or {}
    for name, meaningless in parsed.nothing_special.items():
        # By type too: False is not the number 0, nor true the number 1.
        if name in values and (
            values[name] is None or any(is_same(values[name], one) for one in meaningless)
        ):
            del values[name]
            extra.pop(name, None)


def is_same(value: object, other: object) -> bool:
    """Whether both are the same JSON value, where false is not 0."""
    return type(value) is type(other) and value == other


def first_problem(error: ValidationError) -> InvalidRequest:
    """The first of the contract's complaints, without echoing the value.

    A contract that raises ValueError(Message(…)) is told in the visitor's language; Pydantic's own words are English.
    """
    problem = error.errors(include_url=False, include_input=False)[0]
    # A union reports every branch it tried; the names of branches are not part of the caller's body.
    path = [str(part) for part in problem["loc"] if not _is_branch_name(part)]
    field = ".".join(path)
    code = WRONG_TYPE if problem["type"].endswith("_type") else None
    told = _told(problem.get("ctx", {}).get("error"))
    if problem["type"] == "missing":
        told, code = Message(FIELD_REQUIRED), MISSING
    if told is None:
        words = problem["msg"].removeprefix("Value error, ")
        told = Message.verbatim(f"{field}: {words}." if field else f"{words}.")
        return InvalidRequest(told, param=field or None, openai_code=code)
    if not field:
        return InvalidRequest(_("%(problem)s."), openai_code=code, problem=told)
    refusal = wrong_field(field, told)
    refusal.openai_code = code
    return refusal


def _told(error: Any) -> Message | None:
    words = error.args[0] if isinstance(error, ValueError) and error.args else None
    return words if isinstance(words, Message) else None


def _is_branch_name(part: int | str) -> bool:
    return isinstance(part, str) and (
        part in ("str", "int", "float", "bool") or "[" in part or part[:1].isupper()
    )


def _where(error: orjson.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"

"""What upstreams say, in the body of an error, is wrong with a request: the well-known faults, in every dialect.

Only which fault it is and which field is at fault are taken from it: their words may name their internals, and ours
are what a caller reads.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Fault(Enum):
    """A fault that callers' programs know, or one that is not the caller's at all."""

    CONTENT = "the content of the request is refused"
    OPERATOR = "our key, our credit there, or the model's name is wrong"
    CONTEXT = "the request is longer than the model takes"
    PARAMETER = "the model does not take a parameter"
    VALUE = "the model does not take a parameter's value"


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What was understood of a body; `param` is the field as the upstream names it, which may be anything."""

    fault: Fault | None = None
    param: str | None = None


NOTHING_TOLD = ErrorBody()

# Codes, types and reasons as the dialects write them, in lower case.
_CODES: Mapping[Fault, frozenset[str]] = {
    Fault.CONTENT: frozenset(
        {
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "moderation_blocked",
            "data_inspection_failed",
            "image_generation_user_error",
        }
    ),
    Fault.OPERATOR: frozenset(
        {
            "invalid_api_key",
            "api_key_invalid",
            "invalid_authentication",
            "account_deactivated",
            "billing_not_active",
            "billing_hard_limit_reached",
            "insufficient_quota",
            "insufficient_balance",
            "model_not_found",
            "deploymentnotfound",
            "unsupported_country_region_territory",
        }
    ),
    Fault.CONTEXT: frozenset(
        {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
    ),
    Fault.PARAMETER: frozenset({"unsupported_parameter", "unknown_parameter", "extra_forbidden"}),
    Fault.VALUE: frozenset({"unsupported_value"}),
}
# Where the code says no more than that the request is invalid, their sentences do.
_SENTENCES: Mapping[Fault, re.Pattern[str]] = {
    Fault.CONTENT: re.compile(
        r"content (management )?policy|flagged|safety system|inappropriate content|requires moderation", re.I
    ),
    Fault.OPERATOR: re.compile(
        r"api key not valid|incorrect api key|model .{1,200} (does not exist|not found)", re.I
    ),
    Fault.CONTEXT: re.compile(
        r"context (length|window|size)|prompt is too long|prompt length|reduce the length|too large for model"
        r"|input is too long|must have less than \d+ tokens|token count.{0,40} exceeds|max_model_len",
        re.I,
    ),
    Fault.PARAMETER: re.compile(
        r"unsupported parameter|unrecognized (request )?argument|unknown (parameter|field|name)|extra inputs",
        re.I,
    ),
    Fault.VALUE: re.compile(r"unsupported value", re.I),
}
_MAX_SENTENCE = 2000


def read_error_body(values: object) -> ErrorBody:
    """What an error's JSON says; nothing where it is in no dialect that is known.

    Knows OpenAI's `{"error": {…}}` (and Azure's inner error, OpenRouter's metadata, Gemini's status and details, also
    in a list), vLLM's and Mistral's `{"object": "error", …}`, text-embeddings-inference's and xAI's `{"error": "…"}`
    and FastAPI's `{"detail": …}`.
    """
    if isinstance(values, list) and values:
        values = values[0]
    if not isinstance(values, dict):
        return NOTHING_TOLD
    detail = values.get("detail")
    if isinstance(detail, list):
        return _of_details(detail)
    error = values.get("error")
    told: dict[str, Any] = error if isinstance(error, dict) else values
    codes = {code.lower() for code in _codes(told, values) if isinstance(code, str)}
    sentences = (told.get("message"), error, detail)
    sentence = next((text for text in sentences if isinstance(text, str)), "")[:_MAX_SENTENCE]
    param = told.get("param")
    metadata = told.get("metadata")
    if isinstance(metadata, dict) and metadata.keys() & {"flagged_input", "reasons"}:
        return ErrorBody(Fault.CONTENT)
    return ErrorBody(_fault(codes, sentence), param if isinstance(param, str) else None)


def _fault(codes: set[str], sentence: str) -> Fault | None:
    for fault, known in _CODES.items():
        if codes & known:
            return fault
    return next((fault for fault, pattern in _SENTENCES.items() if pattern.search(sentence)), None)


def _codes(told: dict[str, Any], values: dict[str, Any]) -> Iterator[object]:
    yield from (told.get("code"), told.get("type"), told.get("status"))
    yield from (values.get("code"), values.get("error_type"))
    inner = told.get("innererror")
    if isinstance(inner, dict):
        yield inner.get("code")
    details = told.get("details")
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict):
            yield each.get("reason")


def _of_details(details: list[Any]) -> ErrorBody:
    """FastAPI's list: the first says where it is and what."""
    first = details[0] if details else None
    if not isinstance(first, dict):
        return NOTHING_TOLD
    place = first.get("loc")
    names = (
        [part for part in place if isinstance(part, str) and part != "body"]
        if isinstance(place, list)
        else []
    )
    kind, sentence = first.get("type"), first.get("msg")
    fault = _fault(
        {kind.lower()} if isinstance(kind, str) else set(),
        sentence[:_MAX_SENTENCE] if isinstance(sentence, str) else "",
    )
    return ErrorBody(fault, names[0] if names else None)

"""Failures that upstreams tell under HTTP 200, in any of the dialects that these protocols use."""

import re
from typing import NoReturn

from gateway.adapters.protocol import AnswerRefused, UpstreamFault
from gateway.adapters.shared.error_bodies import read_error_body

# Of the codes upstreams repeat in a body, only these say that the caller's request is at fault.
CALLER_AT_FAULT = frozenset({400, 413, 415, 422})
# text-embeddings-inference's `error_type`, and OpenAI's `type` where there is no code.
CALLER_TYPES = frozenset({"validation", "tokenizer", "empty", "invalid_request_error", "BadRequestError"})


def raise_for_error_body(values: object) -> None:
    """Returns where the answer tells no error; else raises AnswerRefused or UpstreamFault.

    Knows OpenAI's `{"error": {"code", "type"}}`, text-embeddings-inference's `{"error", "error_type"}`,
    FastAPI's lone `{"detail"}` and vLLM's older `{"object": "error", "code", "type"}`.
    """
    if not isinstance(values, dict):
        return
    error = values.get("error")
    if isinstance(error, dict):
        _raise(values, error.get("code"), error.get("type"))
    if error:
        _raise(values, values.get("code"), values.get("error_type"))
    if values.get("object") == "error":
        _raise(values, values.get("code"), values.get("type"))
    if set(values) == {"detail"}:
        _raise(values, 422 if isinstance(values["detail"], list) else None, None)


def _raise(values: object, code: object, kind: object) -> NoReturn:
    number = int(code) if isinstance(code, str) and re.fullmatch(r"[1-5]\d\d", code, re.ASCII) else code
    # A number is exact, so it decides; words are looked at only where there is none.
    at_fault = number in CALLER_AT_FAULT if type(number) is int else str(kind) in CALLER_TYPES
    if at_fault:
        raise AnswerRefused(f"told in a 200: {code}, {kind}", read_error_body(values))
    raise UpstreamFault(f"told in a 200: {code}, {kind}")

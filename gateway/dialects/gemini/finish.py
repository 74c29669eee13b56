"""Why an answer ended, in Gemini's words.

Source: `FinishReason` and `BlockedReason` in python-genai's types. Gemini says STOP for a stop sequence and for
calls of tools too.
"""

from gateway.dialects.reply import Finish

_READ = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    "SAFETY": Finish.CONTENT_FILTER,
    "RECITATION": Finish.CONTENT_FILTER,
    "BLOCKLIST": Finish.CONTENT_FILTER,
    "PROHIBITED_CONTENT": Finish.CONTENT_FILTER,
    "SPII": Finish.CONTENT_FILTER,
    "MODEL_ARMOR": Finish.CONTENT_FILTER,
    "IMAGE_SAFETY": Finish.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": Finish.CONTENT_FILTER,
    "IMAGE_RECITATION": Finish.CONTENT_FILTER,
}
_WRITTEN = {
    Finish.STOP: "STOP",
    Finish.STOP_SEQUENCE: "STOP",
    Finish.TOOL_CALLS: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.CONTENT_FILTER: "SAFETY",
    Finish.REFUSAL: "SAFETY",
}
MALFORMED = "MALFORMED_FUNCTION_CALL"


def read_finish(reason: object, *, has_calls: bool) -> Finish | None:
    """Why a candidate ended; None where it goes on."""
    if not isinstance(reason, str) or not reason or reason.upper().endswith("UNSPECIFIED"):
        return None
    finish = _READ.get(reason.upper(), Finish.OTHER)
    return Finish.TOOL_CALLS if has_calls and finish is Finish.STOP else finish


def written_finish(finish: Finish, *, is_malformed: bool) -> str:
    """The reason; an answer that seemed to end well, but whose call nobody can read, is malformed."""
    reason = _WRITTEN.get(finish, "OTHER")
    return MALFORMED if is_malformed and reason == "STOP" else reason

"""OpenAI's own words for our errors: the `type` and `code` that programs written for its API act on.

A kind of error has its words in `error_kinds`; a class or an instance that is more than its kind says so by
`openai_code`. See ADR 24.
"""

from aio_platform.error_kinds import INVALID_REQUEST, KIND_OF
from aio_platform.errors import PlatformError


def openai_words(error: PlatformError) -> tuple[str, str]:
    """OpenAI's type and code for an error."""
    kind = KIND_OF.get((error.status, error.type))
    if kind is not None:
        return kind.openai_type, error.openai_code or kind.openai_code
    if error.status < 500:
        return INVALID_REQUEST, error.openai_code or error.type
    return "server_error", error.openai_code or "server_error"

"""Text that several contracts take."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _

ModelSlug = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError(Message(_("must not be empty")))
    return text


NonBlank = Annotated[str, AfterValidator(_says_something)]
# A bound for what is read at all; each route has its own.
MAX_CHARACTERS = 100_000
Speakable = Annotated[NonBlank, StringConstraints(max_length=MAX_CHARACTERS)]

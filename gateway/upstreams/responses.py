"""An upstream's answer, whichever client asked for it, and reading its body."""

from collections.abc import Mapping
from typing import Protocol

import aiohttp

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.errors import BROKEN_OFF_ANSWER, UpstreamFailed
from gateway.upstreams.connection import BrokenConnection

MAX_ANSWER_BYTES = 256_000_000


class UpstreamAnswer(Protocol):
    """An answer whose status and headers have come."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]:
        """With lower-case names."""
        ...

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case; `application/octet-stream` where none is given."""
        ...

    @property
    def content_encoding(self) -> str | None:
        """As it was announced."""
        ...

    @property
    def content_length(self) -> int | None:
        """As it was announced."""
        ...

    async def read_available(self) -> bytes:
        """What has come since the last read, at least a byte; empty at the end.

        Raises BrokenConnection. Cancelled, it leaves the connection as it is: the next read goes on.
        """
        ...

    def close(self) -> None:
        """Break the connection off where the answer has not come whole, so that the upstream stops."""
        ...


class AiohttpAnswer:
    """The answer to a request that aiohttp sent."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self._response.headers.items()}

    @property
    def content_type(self) -> str:
        return self._response.content_type

    @property
    def content_encoding(self) -> str | None:
        return self._response.headers.get("Content-Encoding")

    @property
    def content_length(self) -> int | None:
        return self._response.content_length

    async def read_available(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise BrokenConnection(str(error)) from error

    def close(self) -> None:
        self._response.close()


async def read_answer_body(answer: UpstreamAnswer, limit_bytes: int = MAX_ANSWER_BYTES) -> bytes:
    """The whole body. Raises UpstreamFailed when it breaks off or is larger than any such answer should be.

    Closes the connection when it is cancelled, so that the upstream stops at once.
    """
    parts: list[bytes] = []
    size = 0
    while part := await read_chunk(answer):
        size += len(part)
        if size > limit_bytes:
            answer.close()
            raise UpstreamFailed(_("The model's server sent too large an answer."))
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def read_chunk(answer: UpstreamAnswer) -> bytes:
    """What has come since the last read, at least a byte; empty at the end. Raises UpstreamFailed when broken.

    Closes the connection when it is cancelled, so that the upstream stops at once.
    """
    try:
        return await answer.read_available()
    except BrokenConnection as error:
        answer.close()
        raise UpstreamFailed(BROKEN_OFF_ANSWER) from error
    except BaseException:
        answer.close()
        raise

"""Decodes answers that come compressed although we did not ask for it, as some servers and proxies send them."""

import zlib
from collections.abc import Mapping

from gateway.errors import MALFORMED_ANSWER, UpstreamFailed
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.responses import UpstreamAnswer

# What one read gives at most, however well it was compressed.
MAX_READ_BYTES = 2**18
_GZIP = frozenset({"gzip", "x-gzip"})
_AS_IT_IS = frozenset({"", "identity"})


def decoded(answer: UpstreamAnswer) -> UpstreamAnswer:
    """The answer itself, or where its Content-Encoding is gzip or deflate, one that decodes it while it is read.

    Raises UpstreamFailed, and closes the answer, for any other coding.
    """
    given = answer.content_encoding
    if given is None:
        return answer
    coding = given.strip().lower()
    if coding in _AS_IT_IS:
        return answer
    if coding in _GZIP or coding == "deflate":
        return DecodedAnswer(answer, is_gzip=coding in _GZIP)
    answer.close()
    raise UpstreamFailed(MALFORMED_ANSWER, upstream_status=answer.status)


class DecodedAnswer:
    """An UpstreamAnswer that decodes another. It announces no length, since that was of the compressed bytes."""

    content_encoding = None
    content_length = None

    def __init__(self, answer: UpstreamAnswer, *, is_gzip: bool) -> None:
        self._answer = answer
        self._is_gzip = is_gzip
        self._decoder: zlib._Decompress | None = None
        self._waiting = b""
        self._ended = False

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def content_type(self) -> str:
        return self._answer.content_type

    async def read_available(self) -> bytes:
        """As an UpstreamAnswer's; at most MAX_READ_BYTES. Raises BrokenConnection for what is not so compressed."""
        while True:
            if not self._waiting and not self._ended:
                self._waiting = await self._answer.read_available()
                self._ended = not self._waiting
            if self._ended and self._decoder is None and not self._waiting:
                return b""
            data = self._next()
            if data:
                return data
            if self._ended and self._decoder is not None:
                raise BrokenConnection("compressed, and cut short")

    def close(self) -> None:
        self._answer.close()

    def _next(self) -> bytes:
        """Decode the bytes that have come, up to the limit of one read; the rest waits for the next."""
        if self._decoder is None:
            self._decoder = zlib.decompressobj(self._window(self._waiting))
        try:
            data = self._decoder.decompress(self._waiting, MAX_READ_BYTES)
        except zlib.error as error:
            raise BrokenConnection(f"not compressed as it says: {error}") from error
        if self._decoder.eof:
            # Gzip may go on with another member; after deflate's end there is nothing.
            self._waiting = self._decoder.unused_data if self._is_gzip else b""
            self._decoder = None
        else:
            self._waiting = self._decoder.unconsumed_tail
        return data

    def _window(self, first: bytes) -> int:
        if self._is_gzip:
            return 16 + zlib.MAX_WBITS
        # Deflate is zlib's format; many send it bare.
        return zlib.MAX_WBITS if first[0] & 15 == 8 else -zlib.MAX_WBITS

"""Bodies that came compressed: decoded as they arrive, in pieces of bounded size, so that no bomb grows in memory.

RFC 9110 section 8.4 names the codings; "deflate" is zlib's format, and raw deflate from clients that took the name by
its word. How much may come out of all pieces together is for the reader to say.
"""

import sys
import zlib
from collections.abc import Iterator
from typing import Any

from aio_platform.errors import InvalidRequest, UnsupportedCoding
from aio_platform.i18n.translatable import Template
from aio_platform.i18n.translatable import gettext_noop as _

CODINGS = ("gzip", "deflate", "zstd")
ALIASES = {"x-gzip": "gzip"}
PIECE_BYTES = 262_144
# gzip and zstd bodies may be several joined together; each is a decoder's setting-up.
MAX_MEMBERS = 1000
# 8 MB, the window that RFC 8878 asks decoders to have; frames that want more want our memory.
ZSTD_WINDOW_LOG = 23
_ZLIB_WRAPPED, _GZIP_WRAPPED, _RAW = zlib.MAX_WBITS, zlib.MAX_WBITS + 16, -zlib.MAX_WBITS


def decoder_of(content_encoding: str) -> "BodyDecoder | None":
    """The decoder of a Content-Encoding header, None where there is nothing to decode.

    Raises UnsupportedCoding for a coding we have not, and for one upon another.
    """
    codings = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [ALIASES.get(name, name) for name in codings if name not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in CODINGS:
        raise UnsupportedCoding(
            _("%(param)s: send the body as %(codings)s or identity, one of them."),
            param="Content-Encoding",
            headers={"Accept-Encoding": ", ".join(CODINGS)},
            codings=", ".join(CODINGS),
        )
    return BodyDecoder(codings[0])


class BodyDecoder:
    """Feed it the body as it comes: `pieces` yields what it decodes to, and `finish` says whether it came whole."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._member: Any = None
        self._members = 0
        self.decoded_bytes = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the data decode to, at most PIECE_BYTES at a time; raises InvalidRequest for what does not decode."""
        try:
            while data:
                if self._member is None:
                    self._begin(data)
                for piece in self._of_member(data):
                    self.decoded_bytes += len(piece)
                    if piece:
                        yield piece
                if not self._member.eof:
                    return
                data, self._member = self._member.unused_data, None
        except zlib.error:
            raise _wrong(_("The body is not valid %(coding)s data."), self._coding) from None
        except Exception as error:
            if self._coding != "zstd" or not isinstance(error, _zstd().ZstdError):
                raise
            raise _wrong(_("The body is not valid %(coding)s data."), self._coding) from None

    def finish(self) -> None:
        """No more comes; raises InvalidRequest where the data were cut short."""
        if self._member is not None:
            raise _wrong(_("The body's %(coding)s data is cut short."), self._coding)

    def _begin(self, data: bytes) -> None:
        self._members += 1
        if self._members > (1 if self._coding == "deflate" else MAX_MEMBERS):
            raise _wrong(_("The body goes on after its %(coding)s data."), self._coding)
        if self._coding == "zstd":
            self._member = _zstd_decompressor()
        elif self._coding == "gzip":
            self._member = zlib.decompressobj(_GZIP_WRAPPED)
        else:
            # Deflate's own first byte never has the low bits of zlib's header.
            self._member = zlib.decompressobj(_ZLIB_WRAPPED if data[0] & 0x0F == 8 else _RAW)

    def _of_member(self, data: bytes) -> Iterator[bytes]:
        member = self._member
        while True:
            piece = member.decompress(data, PIECE_BYTES)
            yield piece
            if self._coding == "zstd":
                data = b""
                if member.eof or member.needs_input:
                    return
            else:
                data = member.unconsumed_tail
                if member.eof or (not data and len(piece) < PIECE_BYTES):
                    return


def _wrong(template: Template, coding: str) -> InvalidRequest:
    return InvalidRequest(template, param="Content-Encoding", coding=coding)


def _zstd() -> Any:
    # Loaded by the first body that needs it: Python has it since 3.14.
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _zstd_decompressor() -> Any:
    zstd = _zstd()
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})

"""uvicorn's HTTP protocol, but a response's head waits for the first of its body, and both go out in one write.

uvicorn writes them one after the other: two system calls here, and two wake-ups of whoever reads. Of what a short call
costs this worker that is a twelfth. Why uvicorn, and not a server in Rust: see ADR 29.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/"


class OneWriteProtocol(HttpToolsProtocol):
    """For uvicorn's `http` setting."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, HeadHoldingTransport(transport)))

    def connection_lost(self, exc: Exception | None) -> None:
        # uvloop raises where a connection is written to once it is closed.
        cast(HeadHoldingTransport, self.transport).forget()
        super().connection_lost(exc)


class HeadHoldingTransport:
    """What uvicorn uses of a transport. A head that nothing follows goes out in the loop's next turn."""

    __slots__ = (
        "_held",
        "_transport",
        "abort",
        "get_extra_info",
        "get_write_buffer_size",
        "is_closing",
        "pause_reading",
        "resume_reading",
        "set_protocol",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: bytes | None = None
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.set_protocol = transport.set_protocol

    def write(self, data: Any) -> None:
        held = self._held
        if held is not None:
            self._held = None
            self._transport.writelines((held, data))
        elif data[:5] == _HEAD:
            self._held = data
            asyncio.get_running_loop().call_soon(self._let_go)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._let_go()
        self._transport.close()

    def write_eof(self) -> None:
        self._let_go()
        self._transport.write_eof()

    def forget(self) -> None:
        """Nobody is there to read a head that is still held."""
        self._held = None

    def _let_go(self) -> None:
        held = self._held
        if held is not None:
            self._held = None
            self._transport.write(held)

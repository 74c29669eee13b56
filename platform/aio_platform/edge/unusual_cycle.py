"""UnusualCycle: answers for HTTP/1.0 clients, and for those that ask before they send a body."""

import socket
import struct
from typing import Any

from aio_platform.http.cycle import Cycle

# On, and no second: what is closed is reset.
_RESET = struct.pack("ii", 1, 0)


class UnusualCycle(Cycle):
    """HTTP/1.0 knows no chunks: an answer without a length ends with its connection, a broken one with a reset.

    A client that waits for '100 Continue' and is answered instead may send its body or not: nobody could tell the
    body from its next request, so the connection ends with the answer.
    """

    async def send(self, message: Any) -> None:
        old = self.scope["http_version"] != "1.1"
        if message["type"] == "http.response.start":
            if self.waiting_for_100_continue:
                self.keep_alive = False
            if old:
                self.keep_alive = False
                self.chunked_encoding = False
        elif old:
            # The length that was announced, if any, is not checked: a body that is short ends the connection too.
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)

    async def run_asgi(self, app: Any) -> None:
        try:
            await super().run_asgi(app)
        finally:
            if self.response_started and not self.response_complete and not self.disconnected:
                line = self.transport.get_extra_info("socket")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

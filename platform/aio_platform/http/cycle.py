"""Cycle: uvicorn's request and response, whose body can be taken at once and whose client's leaving is told."""

from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    _on_departure: Callable[[], None] | None = None

    def take_whole_body(self) -> bytes | None:
        """The body, if all of it has come and none was taken: what `receive` would give, without its waits.

        None where more is to come, where the client waits for '100 Continue', or where it has left.
        """
        if self.more_body or self.disconnected or self.response_complete or self.waiting_for_100_continue:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body = bytes(self.body)
        self.body = bytearray()
        return body

    def watch_departure(self, on_departure: Callable[[], None] | None) -> None:
        """Have the function called when the client leaves, or now where it has; None ends the watch.

        For a request whose body has been taken. A task that waits in `receive` costs each call ten microseconds more.
        """
        self._on_departure = on_departure
        if on_departure is None:
            return
        if self.disconnected:
            self.client_left()
        else:
            self.flow.resume_reading()  # of a connection that is not read nobody knows when it ends

    def client_left(self) -> None:
        """Let whoever works on the answer know that nobody waits for it."""
        self.disconnected = True
        self.body = bytearray()
        self.message_event.set()
        on_departure, self._on_departure = self._on_departure, None
        if on_departure is not None:
            on_departure()

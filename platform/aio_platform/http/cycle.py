"""Cycle: uvicorn's request and response, whose body can be taken at once where it is there already."""

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """One request and its answer."""

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

"""Runs an adapter's steps against one route's upstream: sends what they ask for, hands back what came, and waits."""

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

from gateway.adapters.protocol import Received, UpstreamCall, Wait
from gateway.catalog.routes import Route
from gateway.upstreams.client import Upstreams
from gateway.upstreams.responses import MAX_ANSWER_BYTES, UpstreamAnswer, read_answer_body

Answer = TypeVar("Answer")
_NOTHING = Received("", {}, b"")


class StepRun:
    """One run of an adapter's steps, and what is known of it however it ends.

    `response` is the newest answer of the upstream; of a streamed call its body is still to be read. `answered` says
    whether any call had its answer, `headers_at_s` when the newest one's headers came, by `time.perf_counter()`.
    """

    __slots__ = ("_repeatable", "_route", "_upstreams", "answered", "headers_at_s", "response")

    def __init__(self, upstreams: Upstreams, route: Route, *, repeatable: bool) -> None:
        """`repeatable`: calls that do not start a job may be sent twice (see the connection pool)."""
        self._upstreams = upstreams
        self._route = route
        self._repeatable = repeatable
        self.response: UpstreamAnswer | None = None
        self.answered = False
        self.headers_at_s: float | None = None

    async def answer(self, steps: Generator[UpstreamCall | Wait, Received, Answer]) -> Answer:
        """What the steps return.

        Raises what they raise (MalformedAnswer, UpstreamFault, AnswerRefused), and of what is sent for them what
        `Upstreams.send` and `read_answer_body` do. On every way out but a return the connection is broken off, so that
        the upstream stops.
        """
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                    step = steps.send(_NOTHING)
                    continue
                again = self._repeatable and not step.starts_a_job
                response = self.response = await self._upstreams.send(self._route, step, again=again)
                self.headers_at_s = time.perf_counter()
                body = b""
                if not step.streamed:
                    body = await read_answer_body(response, step.max_answer_bytes or MAX_ANSWER_BYTES)
                self.answered = True
                step = steps.send(Received(response.content_type, response.headers, body))
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer
        except BaseException:
            steps.close()
            if self.response is not None:
                self.response.close()
            raise

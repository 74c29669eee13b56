"""Runs an adapter's steps against a route's upstream, and says what a fault means for a task."""

import asyncio
from collections.abc import Generator
from enum import Enum
from typing import TypeVar

import aiohttp

from gateway.adapters.steps import AnswerRefused, MalformedAnswer, Received, UpstreamCall, UpstreamFault
from gateway.adapters.task_steps import NotTaken
from gateway.catalog import Route
from gateway.errors import UpstreamFailed, UpstreamRejected, UpstreamSaturated
from gateway.upstream import Upstreams, read_answer_body

Answer = TypeVar("Answer")
NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Meaning(Enum):
    """What is known after a step that brought no answer."""

    REFUSED = "the upstream says that the request is bad"
    NOT_TAKEN = "the upstream never took it: it was not reached, or too busy"
    FAULTY = "the upstream says that it failed"
    UNKNOWN = "whether the upstream took it is not known"


class StepFault(Exception):
    """A step brought no answer; `retry_after_s` is how long the upstream asked to be left alone."""

    def __init__(self, meaning: Meaning, retry_after_s: float = 0.0) -> None:
        super().__init__(meaning.value)
        self.meaning = meaning
        self.retry_after_s = retry_after_s


async def ask(
    upstreams: Upstreams, route: Route, steps: Generator[UpstreamCall, Received, Answer], limit_s: float
) -> Answer:
    """The steps' answer. Raises StepFault; counts the upstream's own faults against it."""
    try:
        async with asyncio.timeout(limit_s):
            answer = await _run(upstreams, route, steps)
    except StepFault as fault:
        if fault.meaning is Meaning.REFUSED:
            upstreams.succeeded(route)
        else:
            upstreams.failed(route)
        raise
    except TimeoutError:
        upstreams.failed(route)
        raise StepFault(Meaning.UNKNOWN) from None
    upstreams.succeeded(route)
    return answer


async def _run(
    upstreams: Upstreams, route: Route, steps: Generator[UpstreamCall, Received, Answer]
) -> Answer:
    answered = False
    try:
        step = next(steps)
        while True:
            received = await _send(upstreams, route, step, answered)
            answered = True
            step = steps.send(received)
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer
    except AnswerRefused as error:
        raise StepFault(Meaning.REFUSED) from error
    except NotTaken as error:
        raise StepFault(Meaning.NOT_TAKEN) from error
    except UpstreamFault as error:
        raise StepFault(Meaning.FAULTY) from error
    except MalformedAnswer as error:
        raise StepFault(Meaning.UNKNOWN) from error
    finally:
        steps.close()


async def _send(upstreams: Upstreams, route: Route, step: UpstreamCall, answered: bool) -> Received:
    response: aiohttp.ClientResponse | None = None
    try:
        response = await upstreams.send(route, step)
        body = await read_answer_body(response)
    except UpstreamRejected as error:
        raise StepFault(Meaning.REFUSED) from error
    except UpstreamSaturated as error:
        raise StepFault(Meaning.NOT_TAKEN, retry_after_s=error.retry_after_s or 0.0) from error
    except UpstreamFailed as error:
        # Only a connection that was never made says that nothing arrived there.
        unreached = isinstance(error.__cause__, NEVER_CONNECTED) and not answered
        raise StepFault(Meaning.NOT_TAKEN if unreached else Meaning.UNKNOWN) from error
    except BaseException:
        if response is not None:
            response.close()
        raise
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Received(response.content_type, headers, body)

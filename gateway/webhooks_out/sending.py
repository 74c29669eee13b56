"""One attempt: an event goes out over HTTP, and what came back becomes an outcome."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import structlog

from aio_platform.http import public_client
from aio_platform.http.safe_urls import AddressRefused
from gateway.upstreams.refusals import seconds_in

log = structlog.get_logger(__name__)
TIME_LIMIT_S = 15.0
RESPONSE_LIMIT_S = 2.0
MAX_RESPONSE_BYTES = 1024
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. `error` is for the customer: why there is no status, or what is wrong with it."""

    duration_ms: int
    status: int | None = None
    error: str | None = None
    response: str | None = None
    retry_after_s: float = 0.0

    @property
    def acknowledged(self) -> bool:
        """Any 2xx: the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def unwanted(self) -> bool:
        """410: the receiver asks for no more at this address."""
        return self.status == GONE


async def send(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """POST the event; whatever happens within 15 s is an outcome, and nothing but cancellation is raised."""
    started = time.monotonic()

    def ended(
        status: int | None = None,
        error: str | None = None,
        response: str | None = None,
        retry_after_s: float = 0.0,
    ) -> Outcome:
        return Outcome(round((time.monotonic() - started) * 1000), status, error, response, retry_after_s)

    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            answer = await public_client.request(
                session, "POST", url, body=body, headers={"Content-Type": "application/json", **headers}
            )
    except TimeoutError:
        return ended(error=f"No answer within {TIME_LIMIT_S:g} seconds.")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return ended(error=_words_for(error))
    try:
        if 200 <= answer.status < 300:
            return ended(answer.status)
        text = await _start_of(answer)
        if 300 <= answer.status < 400:
            return ended(answer.status, "It redirects in a way that a POST does not follow.", text)
        return ended(
            answer.status, response=text, retry_after_s=seconds_in(answer.headers.get("Retry-After"))
        )
    finally:
        # Closed, not drained: a receiver must not keep us reading.
        answer.close()


async def _start_of(answer: aiohttp.ClientResponse) -> str | None:
    """The first kilobyte of what the receiver said, as text the database takes; it helps to find the fault."""
    parts = bytearray()
    try:
        async with asyncio.timeout(RESPONSE_LIMIT_S):
            while len(parts) < MAX_RESPONSE_BYTES:
                part = await answer.content.read(MAX_RESPONSE_BYTES - len(parts))
                if not part:
                    break
                parts += part
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass  # the status is known, which is what counts
    return parts.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}") or None


def _words_for(error: Exception) -> str:
    """Why there was no answer, without a word about our own network."""
    if isinstance(error, AddressRefused):
        return str(error)
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return "The TLS connection failed: is the certificate valid for this host?"
    if isinstance(error, (aiohttp.ClientConnectorError, ConnectionRefusedError)):
        return "No connection could be made."
    if isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionError, aiohttp.ClientOSError)):
        return "The connection was closed before an answer came."
    return "The answer was not valid HTTP."

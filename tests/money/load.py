"""The load generator of the money tests: one process, many calls in flight, every answer judged for completeness.

An answer counts as received in full only when nothing of it can be missing: an ordinary one by its length, a
streamed one by its [DONE]. What breaks off is kept too, as an answer that is not complete.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import aiohttp
from running_platform import RunningPlatform, Tenant
from scenarios.asking import in_our_words

CHAT = "/v1/chat/completions"
PATIENCE_S = 180.0
DONE = b"data: [DONE]"
Client = aiohttp.ClientSession


@dataclass(slots=True)
class Answer:
    """What came back of one call; `status` 0 where not even a status line came."""

    started: float
    tenant: Tenant
    streamed: bool
    status: int = 0
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # found whatever their case
    body: bytes = b""
    complete: bool = False
    trouble: str = ""

    @property
    def accepted(self) -> bool:
        return self.status == 200

    def error(self) -> dict[str, Any]:
        """The error object of a refusal, with our own type in it."""
        return in_our_words(self.status, json.loads(self.body)["error"])

    def microcredits(self) -> int:
        """The price this answer names: in its header, or in a stream's last data event."""
        if not self.streamed:
            return int(Decimal(self.headers["X-Credits-Consumed"]) * 1_000_000)
        last = [event for event in self.body.split(b"\n\n") if event.startswith(b"data: {")][-1]
        return int(Decimal(str(json.loads(last[6:])["credits_consumed"])) * 1_000_000)


def chat_body(text: str = "hi", *, magic: str = "", stream: bool = False, **fields: Any) -> bytes:
    """A chat body with a small output limit; the same arguments make the same bytes."""
    content = f"{text} [[sbx:{magic}]]" if magic else text
    values = {
        "model": "gemini",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 16,
        "stream": stream,
        **fields,
    }
    return json.dumps(values).encode()


def session(platform: RunningPlatform) -> Client:
    """An HTTP client that opens a connection for every call in flight."""
    return aiohttp.ClientSession(
        platform.base_url,
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
        trust_env=False,
    )


async def ask(client: Client, tenant: Tenant, body: bytes, path: str = CHAT) -> Answer:
    """Make one call; never raises for what a server or a connection may do."""
    answer = Answer(time.monotonic(), tenant, streamed=False)
    headers = {**tenant.headers, "Content-Type": "application/json"}
    try:
        async with client.post(path, data=body, headers=headers) as response:
            answer.status = response.status
            answer.request_id = response.headers.get("X-Request-Id", "")
            answer.headers = response.headers
            answer.streamed = response.content_type == "text/event-stream"
            async for part in response.content.iter_any():
                answer.body += part
        answer.complete = not answer.streamed
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        answer.trouble = type(error).__name__
    if answer.streamed:
        answer.complete = DONE in answer.body
    return answer


async def at_once(client: Client, tenant: Tenant, body: bytes, calls: int) -> list[Answer]:
    """So many calls at the same moment, each on a connection of its own."""
    return await asyncio.gather(*[ask(client, tenant, body) for _ in range(calls)])


async def all_at_once(platform: RunningPlatform, tenant: Tenant, body: bytes, calls: int) -> list[Answer]:
    """`at_once` with a client of its own."""
    async with session(platform) as client:
        return await at_once(client, tenant, body, calls)


def by_status(answers: list[Answer]) -> dict[int, int]:
    """How many answers have each status."""
    counts: dict[int, int] = {}
    for answer in answers:
        counts[answer.status] = counts.get(answer.status, 0) + 1
    return counts


def with_key(tenant: Tenant, key: str) -> Tenant:
    """The same account, calling with another key."""
    return replace(tenant, key=key)

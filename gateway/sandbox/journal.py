"""The journal: what this upstream received and what it handed to the socket, as evidence for tests.

An entry is opened when a request's headers arrive and filled in as the call walks, so a call still in
flight can be seen too. Rendering is left to whoever reads the journal: writing it must stay cheap.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.sandbox.chat import tokens
from gateway.sandbox.magic import Magic
from gateway.sandbox.wire import Headers, Json, Text

KEPT_BODY_BYTES = 16_384
KEPT_EVENTS = 5_000


@dataclass(slots=True)
class Entry:
    """One request and its response, as far as they have come."""

    id: int
    method: str
    path: str
    query: bytes
    headers: Headers
    request_bytes: int = 0
    body: bytes | None = None
    body_sha256: str | None = None
    magic: Magic = field(default_factory=Magic)
    status: int | None = None
    content_type: bytes = b""
    bytes_sent: int = 0
    events: list[bytes] | None = None
    texts: list[Text] = field(default_factory=list)
    started_at: float = field(default_factory=time.time)
    started_monotonic: float = field(default_factory=time.monotonic)
    first_byte_monotonic: float | None = None
    finished_monotonic: float | None = None
    aborted_monotonic: float | None = None
    aborted_by: str | None = None
    aborted_during: str | None = None
    phase: str = "reading"
    completed: bool = False
    error: str | None = None

    def keep_body(self, body: bytes) -> None:
        """Remember a small body as it is, a large one by its digest."""
        if len(body) <= KEPT_BODY_BYTES:
            self.body = body
        else:
            self.body_sha256 = hashlib.sha256(body).hexdigest()

    def keep_event(self, data: bytes, text: Text | None) -> None:
        """Remember an event that was handed to the socket in full."""
        if self.events is None:
            self.events = []
        if len(self.events) < KEPT_EVENTS:
            self.events.append(data)
        if text is not None:
            self.texts.append(text)

    def mark_aborted(self, by: str) -> None:
        """Note who broke the connection and when it was noticed; the first one to say so is right."""
        if self.aborted_monotonic is None and not self.completed:
            self.aborted_monotonic = time.monotonic()
            self.aborted_by = by
            self.aborted_during = self.phase

    def mentions(self, needle: bytes) -> bool:
        """Whether the request's path, query or (small) body contains `needle`."""
        return needle in (self.body or b"") or needle in self.path.encode() or needle in self.query

    def render(self) -> dict[str, Json]:
        """The entry as the journal endpoint shows it."""
        body, digest = self._body_text()
        delivered = {
            "content": "".join(text.content for text in self.texts),
            "reasoning": "".join(text.reasoning for text in self.texts),
            "tool": "".join(text.tool for text in self.texts),
        }
        return {
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "query": self.query.decode("latin-1"),
            "headers": _joined(self.headers),
            "request_bytes": self.request_bytes,
            "body": body,
            "body_sha256": digest,
            "magic": dict(self.magic),
            "status": self.status,
            "content_type": self.content_type.decode("latin-1"),
            "bytes_sent": self.bytes_sent,
            "events": None if self.events is None else [_event_data(event) for event in self.events],
            "delivered": delivered,
            "delivered_tokens": tokens.count(delivered.values()),
            "started_at": self.started_at,
            "started_monotonic": self.started_monotonic,
            "first_byte_monotonic": self.first_byte_monotonic,
            "finished_at": self._wall(self.finished_monotonic),
            "finished_monotonic": self.finished_monotonic,
            "aborted_at": self._wall(self.aborted_monotonic),
            "aborted_monotonic": self.aborted_monotonic,
            "aborted_after_ms": None
            if self.aborted_monotonic is None
            else (self.aborted_monotonic - self.started_monotonic) * 1000,
            "aborted_by": self.aborted_by,
            "aborted_during": self.aborted_during,
            "phase": self.phase,
            "completed": self.completed,
            "error": self.error,
        }

    def _wall(self, moment: float | None) -> float | None:
        return None if moment is None else self.started_at + (moment - self.started_monotonic)

    def _body_text(self) -> tuple[str | None, str | None]:
        if self.body is None:
            return None, self.body_sha256
        try:
            return self.body.decode("utf-8"), None
        except UnicodeDecodeError:
            return None, hashlib.sha256(self.body).hexdigest()


class Journal:
    """The last `size` entries, oldest first; a size of 0 keeps none."""

    def __init__(self, size: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._last_id = 0

    @property
    def last_id(self) -> int:
        """The id of the newest entry ever opened."""
        return self._last_id

    def open(self, method: str, path: str, query: bytes, headers: Headers) -> Entry:
        """A new entry, already in the journal."""
        self._last_id += 1
        entry = Entry(self._last_id, method, path, query, headers)
        self._entries.append(entry)
        return entry

    def search(self, contains: str, path: str, since: int, limit: int) -> list[Entry]:
        """The newest `limit` entries that match every filter given, oldest first."""
        needle = contains.encode("utf-8")
        found: list[Entry] = []
        for entry in self._newest_first():
            if entry.id <= since or len(found) >= limit:
                break
            if (not path or entry.path.startswith(path)) and (not needle or entry.mentions(needle)):
                found.append(entry)
        return found[::-1]

    def clear(self) -> None:
        """Forget every entry; ids go on counting."""
        self._entries.clear()

    def _newest_first(self) -> Iterator[Entry]:
        return reversed(self._entries)


def _joined(headers: Headers) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _event_data(event: bytes) -> str:
    return event.decode("utf-8", "replace").removeprefix("data: ").rstrip("\n")

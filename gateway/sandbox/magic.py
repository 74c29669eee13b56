"""Magic inputs: instructions written into any text field, so that they survive the proxy.

`[[sbx:status=429;retry_after=2]]` asks for a 429; several directives may appear in one request, the last
value of a key wins. A key nobody knows is refused, so that a test with a typing error cannot pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

MARK = b"[[sbx:"
_DIRECTIVE = re.compile(r"\[\[sbx:(.*?)\]\]", re.DOTALL)

_TAKE_THE_REST = ("text", "script")

MAGIC: dict[str, str] = {
    "delay_ms": "wait this long before the first byte of the response (any endpoint)",
    "until": 'wait until the gate of this name is opened: POST /__sandbox/release {"name": NAME}',
    "first_token_ms": "SSE: headers at once, then wait before the first event; JSON: same as delay_ms",
    "gap_ms": "SSE: wait this long between two events",
    "chunks": "SSE: split the answer's text into exactly this many deltas (as far as it has characters)",
    "hang": "never answer; the connection stays open until the client leaves",
    "hang_after": "SSE: send this many events, then nothing more until the client leaves",
    "status": "answer with this HTTP status and the protocol's own error body",
    "retry_after": "with status: the Retry-After header, as given",
    "times": "apply the directives to the first N requests with this same body only; later ones go well",
    "reset": "reset the TCP connection before any byte of the response",
    "reset_after": "break the connection after exactly N body bytes, the rest is never sent",
    "hard": "with reset_after: a TCP reset (RST) where otherwise the connection is closed mid-body (FIN)",
    "dribble": "send the body seven bytes at a time, a pause of this many ms (1 when bare) between",
    "empty": "200 with an empty body, of the type that the answer would have had",
    "error_in_200": "HTTP 200 whose body is the protocol's error, with this code (500 when bare)",
    "wrong_type": "200 with a text/html page",
    "malformed": "200 with broken JSON (SSE: the second event is broken; audio and images: garbage bytes)",
    "malformed_chunk": "SSE: the Nth event is broken JSON, the stream goes on after it",
    "stream_error": "SSE: after N events comes an error event, then the stream ends without [DONE]",
    "no_done": "SSE: the stream ends cleanly but without [DONE]",
    "no_usage": "leave the usage out, also where it was asked for",
    "usage": "report this usage whatever was sent: usage=PROMPT,COMPLETION",
    "empty_choices": "a chat answer with choices: []",
    "nested": "a chat answer (SSE: its first event) with a field nested this many levels deep",
    "comments": "SSE: this many bytes of comments before the first event",
    "text": "exactly this answer (takes everything up to the closing brackets, so it comes last)",
    "tokens": "an answer of exactly this many tokens",
    "tool": "answer with a tool call, when the request has tools (tool=NAME picks one)",
    "script": "the steps of an agent, a list as JSON (takes everything up to the closing brackets)",
    "task": "tasks: fail (at its end), stuck (never ends), late_fail (at 10x its time), callback_exception",
    "task_s": "tasks: seconds from creation to the end, on the sandbox's clock",
    "webhook": "tasks: duplicate, late, forged, or none",
    "result": "tasks: the result URL is 404, or private (points at a link-local address)",
}


class MagicError(ValueError):
    """A directive that means nothing; the message says which."""


class Magic(dict[str, str]):
    """The directives of one request; falsy when there are none."""

    def integer(self, key: str, default: int) -> int:
        """The whole number given for `key`, or `default` where the key is absent or bare."""
        value = self.get(key)
        if not value:
            return default
        try:
            return int(value)
        except ValueError:
            raise MagicError(f"sbx: {key} takes a whole number, not {value!r}") from None

    def number(self, key: str, default: float) -> float:
        """The number given for `key`, or `default` where the key is absent or bare."""
        value = self.get(key)
        if not value:
            return default
        try:
            return float(value)
        except ValueError:
            raise MagicError(f"sbx: {key} takes a number, not {value!r}") from None

    def seconds(self, key: str) -> float:
        """`key`'s milliseconds as seconds; 0.0 where absent."""
        return self.number(key, 0.0) / 1000.0


NO_MAGIC = Magic()


def parse_directive(inside: str, into: Magic) -> None:
    """Add what stands between `[[sbx:` and `]]` to `into`; raises MagicError on an unknown key."""
    rest = inside
    while rest:
        key, sign, value = rest.partition("=")
        if sign and key.strip() in _TAKE_THE_REST:
            into[key.strip()] = value
            return
        part, _, rest = rest.partition(";")
        key, _, value = part.partition("=")
        key = key.strip()
        if not key:
            continue
        if key not in MAGIC:
            raise MagicError(f"sbx: unknown magic input {key!r}")
        into[key] = value.strip()


def parse_text(text: str) -> Magic:
    """All directives written in `text`."""
    found = Magic()
    for match in _DIRECTIVE.finditer(text):
        parse_directive(match.group(1), found)
    return found


def read_magic(body: bytes, document: Any, query: bytes) -> Magic:
    """The directives of a request: of its JSON strings when `document` is given, else of its raw bytes.

    The raw bytes are searched first because almost no request has any: that costs a microsecond.
    """
    in_query = b"sbx" in query and b"sbx:" in unquote_plus(query.decode("latin-1")).encode("utf-8", "replace")
    if MARK not in body and not in_query:
        return NO_MAGIC
    texts = [unquote_plus(query.decode("latin-1"))] if in_query else []
    if MARK in body:
        texts.extend(_strings(document) if document is not None else [body.decode("utf-8", "ignore")])
    found = Magic()
    for text in texts:
        for match in _DIRECTIVE.finditer(text):
            parse_directive(match.group(1), found)
    return found


def without_magic(text: str) -> str:
    """`text` with every directive taken out, so that an echo never asks for the fault again."""
    return _DIRECTIVE.sub("", text).strip() if "[[sbx:" in text else text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)

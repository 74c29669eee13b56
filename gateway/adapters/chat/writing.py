"""How events of a dialect go over the wire: with names or without, what keeps a caller awake, how an error is told."""

from typing import Any

from gateway.adapters.protocol import HEARTBEAT
from gateway.adapters.shared.upstream_json import write_json
from gateway.dialects.conversation import DialectName
from gateway.dialects.dialect import Event

# Where a stream's price stands: beside its counts.
PRICE = "credits_consumed"
END_MARK = b"[DONE]"
# Google's own clients read nothing but data, and take a comment for half an answer.
_BLANK = b"\n\n"
_PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def written(event: Event) -> bytes:
    """The event as it is sent."""
    data = END_MARK if event.values is None else write_json(event.values)
    name = b"event: " + event.name.encode() + b"\n" if event.name else b""
    return name + b"data: " + data + b"\n\n"


def heartbeat_in(dialect: DialectName) -> bytes:
    """What keeps a caller's connection awake while nothing comes."""
    if dialect is DialectName.GEMINI:
        return _BLANK
    return _PING if dialect is DialectName.ANTHROPIC_MESSAGES else HEARTBEAT


def error_event(dialect: DialectName, body: dict[str, Any], number: int) -> bytes:
    """The event that tells of an error, from the body that it would have been; OpenAI's Responses number theirs.

    Google tells of one without an event's form: its client for JavaScript looks for that, and takes an event for a part
    of the answer. Other readers pass over it.
    """
    if dialect is DialectName.OPENAI_RESPONSES:
        return written(Event("error", {**body["error"], "type": "error", "sequence_number": number}))
    if dialect is DialectName.GEMINI:
        return written(Event("", body)) + write_json(body)
    return written(Event("error" if dialect is DialectName.ANTHROPIC_MESSAGES else "", body))

"""Thinking blocks, both ways.

Anthropic proves a thought by its `signature`. A caller of this dialect may be answered by another provider, whose
thoughts must come back untouched too. Their ids and secrets travel in the same field, which callers do not read: as
`aio.` and base64 of JSON.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from gateway.dialects.conversation import Conversation, DialectName, Reasoning

_SEAL = "aio."
_HERE = DialectName.ANTHROPIC_MESSAGES


def read_thinking(text: str, signature: str) -> Reasoning:
    """The thought in a thinking block. One without a proof can be sent back to nobody."""
    if not signature:
        return Reasoning(text)
    sealed = _unsealed(signature)
    if sealed is None:
        return Reasoning(text, signature=signature, made_by=_HERE)
    is_summary = sealed.get("summary") is True and bool(text)
    return Reasoning(
        text="" if is_summary else text,
        summary=[text] if is_summary else [],
        signature=_text(sealed.get("signature")),
        encrypted=_text(sealed.get("encrypted")),
        item_id=_text(sealed.get("item_id")),
        made_by=_maker(sealed.get("made_by")),
    )


def _unsealed(signature: str) -> Mapping[str, Any] | None:
    if not signature.startswith(_SEAL):
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(signature.removeprefix(_SEAL)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _maker(value: object) -> DialectName | None:
    return DialectName(value) if isinstance(value, str) and value in list(DialectName) else None


def signature_of(thought: Reasoning, *, is_summary: bool) -> str:
    """The `signature` of the block that shows a thought; empty where nothing has to come back."""
    if thought.made_by is _HERE:
        return thought.signature or ""
    if not (thought.signature or thought.encrypted or thought.item_id):
        return ""
    sealed = {
        "made_by": thought.made_by,
        "signature": thought.signature,
        "encrypted": thought.encrypted,
        "item_id": thought.item_id,
        "summary": is_summary,
    }
    # Written in ASCII: what models and their servers say may hold half a surrogate pair.
    return _SEAL + base64.urlsafe_b64encode(json.dumps(sealed, separators=(",", ":")).encode()).decode()


def is_redacted(thought: Reasoning) -> bool:
    """Whether it is a thought of Anthropic's that nobody may read."""
    return thought.made_by is _HERE and thought.encrypted is not None


def write_thought(thought: Reasoning, *, is_hidden: bool = False) -> dict[str, Any] | None:
    """The block of an answer that shows a thought, whoever thought it; None where there is nothing to show or return.

    Where it `is_hidden` the block has no text, as Anthropic's own have then.
    """
    if is_redacted(thought):
        return {"type": "redacted_thinking", "data": thought.encrypted}
    text = "" if is_hidden else thought.text or "\n\n".join(thought.summary)
    signature = signature_of(thought, is_summary=bool(thought.summary) and not thought.text)
    return {"type": "thinking", "thinking": text, "signature": signature} if text or signature else None


def hides_thoughts(asked: Conversation) -> bool:
    """Whether the caller wants none of the thoughts to be shown."""
    return asked.reasoning is not None and asked.reasoning.shown is False


def own_thought(thought: Reasoning) -> dict[str, Any] | None:
    """The block that gives Anthropic its own thought back; None for another's, which it would refuse."""
    is_proven = thought.made_by is _HERE and (thought.signature or thought.encrypted)
    return write_thought(thought) if is_proven else None

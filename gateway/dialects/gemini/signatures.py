"""What clients of Gemini carry from an answer into the next request: thought signatures, and the ids of calls.

Gemini puts the proof of a thought on the call that follows it, and its clients send that back untouched while many
leave the thoughts out. Where another dialect answered, its thoughts, with their own proofs, are put there instead: a
model that must see its thoughts beside its calls (Anthropic's) then does.
"""

import base64
import binascii
import hashlib
import json
from typing import Any

from gateway.dialects.conversation import DialectName, Reasoning

# Google's own stand-in for calls that its models have not made: newer models refuse a call without a signature.
UNSIGNED = "skip_thought_signature_validator"
_SEAL = b"aio-thoughts:"
_ID_PREFIX = "gcall-"


def made_up_id(*where: object) -> str:
    """An id for a call that has none: the same for the same place of the same answer or request."""
    digest = hashlib.sha256("\x00".join(map(str, where)).encode("utf-8", "surrogatepass")).hexdigest()
    return _ID_PREFIX + digest[:24]


def is_made_up(call_id: str) -> bool:
    return len(call_id) == len(_ID_PREFIX) + 24 and call_id.startswith(_ID_PREFIX)


def without_name(call_id: str, name: str) -> str:
    """The id as the model gave it: gemini-cli writes the tool's name before each."""
    return call_id.removeprefix(f"{name}__") or call_id


def seal(thoughts: list[Reasoning]) -> str | None:
    """A signature that stands for another dialect's thoughts; None where none of them has to come back."""
    if all(thought.made_by in (None, DialectName.GEMINI) for thought in thoughts):
        return None
    values = [
        [
            thought.made_by,
            thought.text,
            thought.summary,
            thought.signature,
            thought.encrypted,
            thought.item_id,
        ]
        for thought in thoughts
        if thought.made_by is not DialectName.GEMINI
    ]
    return base64.b64encode(_SEAL + json.dumps(values).encode()).decode()


def unseal(signature: str | None) -> list[Reasoning] | None:
    """The thoughts that a signature of `seal` stands for; None for any other signature.

    Clients that hold signatures as bytes write them in base64's other alphabet.
    """
    if signature is None or not signature.startswith(_SEALED_START):
        return None
    try:
        plain = base64.b64decode(signature.replace("-", "+").replace("_", "/") + "==")
        values = json.loads(plain.removeprefix(_SEAL))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(values, list):
        return None
    thoughts = [_thought(each) for each in values]
    return None if None in thoughts else [thought for thought in thoughts if thought is not None]


def _thought(values: Any) -> Reasoning | None:
    if not isinstance(values, list) or len(values) != 6:
        return None
    made_by, text, summary, *proofs = values
    if not isinstance(text, str) or not isinstance(summary, list):
        return None
    if not all(isinstance(each, str) for each in summary):
        return None
    if not all(each is None or isinstance(each, str) for each in (made_by, *proofs)):
        return None
    if made_by is not None and made_by not in set(DialectName):
        return None
    signature, encrypted, item_id = proofs
    return Reasoning(
        text=text,
        summary=summary,
        signature=signature,
        encrypted=encrypted,
        item_id=item_id,
        made_by=None if made_by is None else DialectName(made_by),
    )


# Whole groups of three bytes, so that every sealed text begins with it.
_SEALED_START = base64.b64encode(_SEAL[: len(_SEAL) // 3 * 3]).decode()

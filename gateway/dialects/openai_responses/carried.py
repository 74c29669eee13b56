"""What clients of the Responses API carry from an answer into the next request for a model of another provider.

They send reasoning items back as they came, with the `encrypted_content` that nobody but its maker reads. Where
another dialect answered, the proof of its thought (and, since some clients drop a thought's text, the text) travels
there: as `aio.` and base64 of JSON. So does the signature that Gemini puts on a text or a call, in a reasoning item of
its own that follows that part.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.dialects.conversation import DialectName, Reasoning

_MARK = "aio."


@dataclass(slots=True)
class CarriedSecrets:
    """`call_id` is of the call whose signature this is, `is_of_text` says that it is of the text before."""

    made_by: DialectName | None = None
    signature: str | None = None
    encrypted: str | None = None
    text: str = ""
    # Whether the first summary of the item is the text, shown to a caller who asked for summaries.
    is_shown: bool = False
    call_id: str | None = None
    is_of_text: bool = False

    @classmethod
    def from_thought(cls, thought: Reasoning, *, is_shown: bool) -> "CarriedSecrets":
        proof = thought.signature is not None or thought.encrypted is not None
        text = thought.text if proof or is_shown else ""
        return cls(thought.made_by, thought.signature, thought.encrypted, text, is_shown)

    @property
    def is_of_a_part(self) -> bool:
        return self.call_id is not None or self.is_of_text

    @property
    def is_needed(self) -> bool:
        """Whether the item says less without: no other's thought is to be taken for one of this dialect."""
        is_others = self.made_by not in (None, DialectName.OPENAI_RESPONSES)
        return is_others or self.is_shown or self.signature is not None or self.encrypted is not None

    def sealed(self) -> str:
        """The `encrypted_content` that carries it."""
        values = {
            "made_by": self.made_by,
            "signature": self.signature,
            "encrypted": self.encrypted,
            "text": self.text or None,
            "shown": self.is_shown or None,
            "call_id": self.call_id,
            "of_text": self.is_of_text or None,
        }
        told = {name: value for name, value in values.items() if value is not None}
        # Texts may hold half a surrogate pair, which JSON written in ASCII can say.
        # Written in ASCII: texts of models may hold half a surrogate pair.
        return _MARK + base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


def unseal(encrypted_content: str | None) -> CarriedSecrets | None:
    """What an `encrypted_content` carries; None for a provider's own, or one that somebody has changed."""
    if encrypted_content is None or not encrypted_content.startswith(_MARK):
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(encrypted_content.removeprefix(_MARK)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    return CarriedSecrets(
        made_by=_maker(values),
        signature=_text(values, "signature"),
        encrypted=_text(values, "encrypted"),
        text=_text(values, "text") or "",
        is_shown=values.get("shown") is True,
        call_id=_text(values, "call_id"),
        is_of_text=values.get("of_text") is True,
    )


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None


def _maker(values: Mapping[str, Any]) -> DialectName | None:
    made_by = values.get("made_by")
    return DialectName(made_by) if isinstance(made_by, str) and made_by in list(DialectName) else None

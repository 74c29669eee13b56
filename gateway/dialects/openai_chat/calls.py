"""Which tool call a piece of one belongs to, whatever of its index, id and name the server sends."""

from collections.abc import Mapping
from typing import Any


class CallSoFar:
    """A tool call of which pieces come. It begins, as part number `part`, when its name is known."""

    __slots__ = ("arguments", "id", "name", "part", "signature")

    def __init__(self) -> None:
        self.part: int | None = None
        self.id = self.name = self.arguments = ""
        self.signature: str | None = None


class CallPieces:
    """The calls of one choice, found by what their pieces say of themselves.

    OpenAI numbers them. Google's compatibility layer and some others send whole calls without a number, and a few give
    every call the number 0: another id with a name begins a new one.
    """

    def __init__(self) -> None:
        self.all: list[CallSoFar] = []
        self._by_key: dict[int | str, CallSoFar] = {}

    def of(self, values: Mapping[str, Any], *, name: object) -> CallSoFar:
        """The call that a piece belongs to, new where none is known."""
        id, key = values.get("id"), values.get("index")
        if not isinstance(id, str):
            id = ""
        if not isinstance(key, int | str):
            key = id or None
        if key is None:
            known = self.all[-1] if self.all and not name else None
        else:
            known = self._by_key.get(key)
        if known is None or (id and known.id and id != known.id and name):
            known = CallSoFar()
            self.all.append(known)
        if key is not None:
            # Later pieces of this number are the newer call's.
            self._by_key[key] = known
        return known

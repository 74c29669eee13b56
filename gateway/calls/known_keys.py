"""Keys that were valid when they last called: their next body is read without waiting for another look-up.

This admits no call. A key that is not here is looked up before its body is read; one that was revoked meanwhile is
refused by the authorising statement.
"""

from usage.ledger.calls import Credentials

MAX_KNOWN = 20_000
_known: dict[bytes, None] = {}


def note_valid(caller: Credentials) -> None:
    """Remember the caller's key; the one that has been known the longest is forgotten where there are too many."""
    digest = caller.key_digest
    if digest is None or digest in _known:
        return
    if len(_known) >= MAX_KNOWN:
        del _known[next(iter(_known))]
    _known[digest] = None


def forget(caller: Credentials) -> None:
    """The caller was refused."""
    if caller.key_digest is not None:
        _known.pop(caller.key_digest, None)


def is_known(caller: Credentials) -> bool:
    """Whether the caller's key was valid when it last called; a session was looked up by whoever read it."""
    return caller.key_digest is None or caller.key_digest in _known

"""Limits on the memory of bodies whose key has not been looked up yet: in total, and for each address.

Small bodies cost less to read than a key costs to look up; a great many of them held open do not.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from aio_platform.edge.limits import Share, address_to_count_by

# Less is bounded by the number of connections.
UNCOUNTED_BYTES = 4_096
_held = Share(settings.MAX_BODIES_BEFORE_KEY_BYTES, settings.ADDRESS_SHARE_PERCENT / 100)


@contextmanager
def room_for(size_bytes: int, address: str) -> Iterator[bool]:
    """Whether a stranger's body of that size may be held until the block ends."""
    if size_bytes <= UNCOUNTED_BYTES:
        yield True
        return
    address = address_to_count_by(address)
    taken = _held.take(address, size_bytes)
    try:
        yield taken
    finally:
        if taken:
            _held.give_back(address, size_bytes)

"""Streams that own something which must be let go of, however they end."""

from collections.abc import AsyncGenerator

STARTED = b""


async def started(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Run the stream to its first yield, which must be STARTED, and return it.

    Closing a generator that never ran runs none of it, its `finally` included. A response may be dropped between
    being made and being sent; a stream that was started lets go even then. Nothing is awaited on the way, so it
    cannot be cancelled in between.
    """
    first = await anext(stream)
    assert first is STARTED
    return stream

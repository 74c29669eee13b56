"""Where a file rests while its call is carried: in memory while it is small, else in a file without a name.

The file has no name from its first byte (where the system can), so nothing is left of it however its process
ends. Writing goes through a thread, a batch at a time: the event loop never waits for a disk.
"""

import asyncio
import errno
import io
import os
import tempfile
from threading import Lock
from typing import BinaryIO, cast

from django.conf import settings

from aio_platform.errors import ServiceUnavailable
from gateway.errors import NO_ROOM

IN_MEMORY_BYTES = 1_000_000
BATCH_BYTES = 262_144
_HEAD_BYTES = 64
# The disk may be that of the database: so much of it is left to others, and no more than this.
KEPT_FREE_PART = 10
KEPT_FREE_BYTES = 1_000_000_000
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class NoDiskLeft(ServiceUnavailable):
    """Files of calls under way have filled the disk; nobody's file is the cause of it alone."""

    code = "no_disk_left"
    template = NO_ROOM


class Spool:
    """One file's bytes: add them as they come, finish, read as often as needed, close."""

    def __init__(self, *, starts_on_disk: bool) -> None:
        self._on_disk = starts_on_disk
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._file: BinaryIO | None = None
        # Writing happens in a thread that a cancelled call leaves behind: closing waits for it.
        self._lock = Lock()
        self._closed = False
        self.size_bytes = 0
        self.head = b""

    def add(self, data: bytes) -> None:
        """Take more bytes; call `flush` before taking much more."""
        if len(self.head) < _HEAD_BYTES:
            self.head = (self.head + data[:_HEAD_BYTES])[:_HEAD_BYTES]
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.size_bytes += len(data)

    async def flush(self, *, all_of_it: bool = False) -> None:
        """Write what has come to disk, where there is enough of it for a batch and too much for memory.

        Raises NoDiskLeft where the disk is full, but for what is left to others.
        """
        if self.size_bytes > IN_MEMORY_BYTES:
            self._on_disk = True
        if self._on_disk and self._waiting and (all_of_it or self._waiting_bytes >= BATCH_BYTES):
            batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
            await asyncio.to_thread(self._write, batch)

    async def finish(self) -> None:
        """Nothing more comes; from now on the bytes can be read."""
        await self.flush(all_of_it=True)
        if not self._on_disk:
            self._waiting = [b"".join(self._waiting)]

    def _write(self, batch: list[bytes]) -> None:
        with self._lock:
            if self._closed:
                return
            if self._file is None:
                directory = getattr(settings, "UPLOAD_DIR", None)
                # Closed by `close`, which outlives this method.
                self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=directory, buffering=0))  # noqa: SIM115
            if not _has_room(self._file):
                raise NoDiskLeft
            try:
                for data in batch:
                    rest = memoryview(data)
                    while rest:
                        rest = rest[self._file.write(rest) :]
            except OSError as error:
                if error.errno in _NO_ROOM:
                    raise NoDiskLeft from error
                raise

    def read(self) -> bytes:
        """All bytes; reads from disk where they are there."""
        with self.reader() as file:
            return file.read()

    def reader(self) -> BinaryIO:
        """A file object of its own at the start; it stays readable after `close`."""
        if not self._on_disk:
            return io.BytesIO(self._waiting[0] if self._waiting else b"")
        assert self._file is not None, "finish comes first"
        return cast(BinaryIO, io.BufferedReader(_OwnPosition(os.dup(self._file.fileno()))))

    @property
    def on_disk(self) -> bool:
        """Whether the bytes are in a file rather than in memory."""
        return self._on_disk

    def close(self) -> None:
        """Let go of the bytes; safe to call again, and while a batch is being written."""
        with self._lock:
            self._closed = True
            self._waiting = []
            if self._file is not None:
                self._file.close()
                self._file = None


def _has_room(file: BinaryIO) -> bool:
    disk = os.fstatvfs(file.fileno())
    return disk.f_bavail > min(disk.f_blocks // KEPT_FREE_PART, KEPT_FREE_BYTES // disk.f_frsize)


class _OwnPosition(io.RawIOBase):
    """Reads an open file at a position of its own, so that several readers do not move one another."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._at = 0
        self._lock = Lock()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        # Without the lock a close between the check and the read could hand us somebody else's file.
        with self._lock:
            if self.closed:
                raise ValueError("read of a closed file")
            count = os.preadv(self._descriptor, [buffer], self._at)
            self._at += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}[
            whence
        ]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        with self._lock:
            if not self.closed:
                os.close(self._descriptor)
                super().close()

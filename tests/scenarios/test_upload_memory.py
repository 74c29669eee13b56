"""Two hundred uploads at once on one gateway worker: little memory, and nothing of them is lost.

Of 5 MB each, they are more than twice what the worker may take; `make prove` sends the largest sounds that callers do.
"""

import asyncio
import json
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import CREDIT, Books

UPLOADS = 200
BYTES_A_SECOND = 32_000  # 16 kHz, 16 bits, mono
MICROCREDITS_PER_HEARD_MS = 100
MEMORY_LIMIT_BYTES = 400_000_000
# Two hundred whole uploads go by at the machine's own speed; what is proven is memory and bytes, not time.
TIME_LIMIT_S = 1500
GIVE_UP_S = TIME_LIMIT_S + 60.0
BOUNDARY = "two-hundred-at-once"


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    directory = tmp_path_factory.mktemp("uploads")
    spool = directory / "temporary"
    spool.mkdir()
    # The server's own user writes there, whoever runs the tests.
    spool.chmod(0o777)
    limits = {"AIO_STT_TIME_LIMIT_S": str(TIME_LIMIT_S), "AIO_BODY_TIME_LIMIT_S": str(TIME_LIMIT_S)}
    running = RunningPlatform(
        directory / "data", workers=1, environment={"TMPDIR": str(spool), **limits}
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def rich(one_worker: RunningPlatform) -> Tenant:
    """200 uploads of at most 625 seconds cost at most 12,500 credits."""
    return one_worker.new_tenant(credits="20000")


@dataclass
class Memory:
    """What a process holds, looked at all the while."""

    pid: int
    seen: list[int] = field(default_factory=list)

    def now(self) -> int:
        return self._status("VmRSS")

    def peak(self) -> int:
        """The kernel's own high-water mark, which no pause between two looks can miss."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024

    @contextmanager
    def watched(self) -> Iterator[None]:
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.05):
                self.seen.append(self.now())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav_around(transcript: str, sound_bytes: int) -> tuple[bytes, bytes]:
    """What comes before and after the samples. The transcript is last: it is read only from a whole file."""
    layout = struct.pack("<HHIIHH", 1, 1, 16_000, BYTES_A_SECOND, 2, 16)
    last = chunk(b"LIST", b"INFO" + chunk(b"ICMT", transcript.encode() + b"\0"))
    first = b"WAVE" + chunk(b"fmt ", layout) + b"data" + struct.pack("<I", sound_bytes)
    return b"RIFF" + struct.pack("<I", len(first) + sound_bytes + len(last)) + first, last


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


async def upload(
    port: int, key: str, transcript: str, samples: Path, all_begun: asyncio.Barrier, path: str = "/api/stt"
) -> Answer:
    """One upload: begun, then held until all are begun, then sent from disk by the kernel."""
    sound_bytes = samples.stat().st_size
    before, after = wav_around(transcript, sound_bytes)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    tail = f"\r\n--{BOUNDARY}--\r\n"
    length = len(head) + len(before) + sound_bytes + len(after) + len(tail)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n"
            f"Connection: close\r\n\r\n{head}".encode()
            + before
        )
        await writer.drain()
        await all_begun.wait()
        # A server that refuses may stop reading at any byte: what it says is looked at all the same.
        with suppress(ConnectionError):
            with samples.open("rb") as file:
                await asyncio.get_running_loop().sendfile(writer.transport, file)
            writer.write(after + tail.encode())
            await writer.drain()
        return read_answer(await reader.read())
    finally:
        writer.close()


def read_answer(raw: bytes) -> Answer:
    assert raw, "the connection was ended without an answer; serve.log says why"
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert int(headers["content-length"]) == len(body)
    return Answer(int(first.split()[1]), headers, json.loads(body))


async def all_at_once(port: int, key: str, samples: Path) -> dict[str, Answer]:
    all_begun = asyncio.Barrier(UPLOADS)
    transcripts = [f"This is upload number {number:03d}." for number in range(UPLOADS)]
    async with asyncio.timeout(GIVE_UP_S), asyncio.TaskGroup() as group:
        tasks = {
            transcript: group.create_task(upload(port, key, transcript, samples, all_begun))
            for transcript in transcripts
        }
    return {transcript: task.result() for transcript, task in tasks.items()}


def files_of_uploads(pid: int) -> list[str]:
    """The nameless files that the process has open."""
    held = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if "(deleted)" in target and "temporary" in target:
            held.append(target)
    return held


@pytest.mark.slow
@pytest.mark.parametrize("sound_bytes", [5_000_000, pytest.param(20_000_000, marks=pytest.mark.prove)])
def test_two_hundred_uploads_at_once_take_little_memory_and_lose_nothing(
    sound_bytes: int, one_worker: RunningPlatform, rich: Tenant, tmp_path: Path
) -> None:
    assert UPLOADS * sound_bytes > 2 * MEMORY_LIMIT_BYTES
    samples = tmp_path / "samples"
    samples.write_bytes(bytes(sound_bytes))
    (pid,) = one_worker.process_ids("gateway_worker")
    memory = Memory(pid)
    at_rest = memory.now()

    began = time.monotonic()
    with memory.watched():
        answers = asyncio.run(all_at_once(one_worker.port, rich.key, samples))
    took_s = time.monotonic() - began

    print(
        f"{UPLOADS} uploads of {sound_bytes / 1e6:g} MB in {took_s:.1f} s; worker at rest {at_rest / 1e6:.0f} MB, "
        f"most seen {max(memory.seen) / 1e6:.0f} MB, high-water mark {memory.peak() / 1e6:.0f} MB"
    )
    assert {answer.status for answer in answers.values()} == {200}, next(
        answer for answer in answers.values() if answer.status != 200
    )
    assert {said: answer.body["text"] for said, answer in answers.items()} == {said: said for said in answers}
    assert memory.peak() < MEMORY_LIMIT_BYTES
    assert one_worker.process_ids("gateway_worker") == [pid], "the same worker, never started again"

    sound_ms = sound_bytes * 1000 // BYTES_A_SECOND
    price = sound_ms * MICROCREDITS_PER_HEARD_MS
    with one_worker.client(rich) as client:
        books = Books(client)
        assert 20_000 * CREDIT - books.available() == UPLOADS * price
        assert books.held() == 0
        for answer in answers.values():
            assert books.receipt(answer.headers["x-request-id"])["units"]["audio_ms"] == sound_ms

    sent_whole = len(b"".join(wav_around(next(iter(answers)), sound_bytes))) + sound_bytes
    entries = [entry for entry in one_worker.journal("") if entry["path"] == "/stt"]
    assert len(entries) == UPLOADS
    for entry in entries:
        assert entry["completed"]
        assert entry["request_bytes"] == int(entry["headers"]["content-length"]) > sent_whole

    assert files_of_uploads(pid) == []
    assert list((one_worker.data_dir.parent / "temporary").iterdir()) == []

"""Uploads over a real socket: the key before the body, the limit before the end, and nothing left behind."""

import concurrent.futures
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books, eventually, told

BOUNDARY = "a-boundary"
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


@contextmanager
def uploading(
    platform: RunningPlatform, key: str, length: int | None, path: str = "/api/stt"
) -> Iterator[socket.socket]:
    """A connection that has sent the headers of an upload; without a length the body is chunked."""
    lines = [f"POST {path} HTTP/1.1", "Host: aio", f"Authorization: Bearer {key}"]
    lines.append(f"Content-Type: multipart/form-data; boundary={BOUNDARY}")
    lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        yield connection


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(65_536).split(b" ", 2)[1])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


def open_files_of(platform: RunningPlatform) -> list[str]:
    """What the workers hold open that is a spooled upload: files without a name."""
    found = []
    for pid in platform.process_ids("gateway_worker"):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except FileNotFoundError:
                continue
            if target.endswith("(deleted)"):
                found.append(target)
    return found


def test_a_bad_key_is_refused_before_the_body_is_sent(platform: RunningPlatform) -> None:
    key = platform.demo_key()
    unknown = key[:-1] + ("a" if key[-1] != "a" else "b")

    with uploading(platform, unknown, 50_000_000) as connection:
        assert status_of(connection) == 401


def test_a_revoked_key_is_refused_before_the_body_is_sent(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant()
    platform.manage("revoke_key", tenant.key_id)

    with uploading(platform, tenant.key, 50_000_000) as connection:
        assert status_of(connection) == 401


def test_a_key_without_the_scope_is_refused_before_the_body_is_sent(platform: RunningPlatform) -> None:
    tenant = platform.new_tenant(key_options=("--scope=chat",))

    with uploading(platform, tenant.key, 50_000_000) as connection:
        assert status_of(connection) == 403


@pytest.mark.parametrize(
    ("path", "length"),
    [("/api/stt", 100_000_001), ("/api/voice-clone", 20_000_001), ("/api/image2text", 20_000_001)],
)
def test_an_announced_size_over_the_limit_is_refused_at_once(
    path: str, length: int, platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    with uploading(platform, tenant.key, length, path) as connection:
        assert status_of(connection) == 413
    books.assert_nothing_held_or_spent()


def test_an_unannounced_size_over_the_limit_is_refused_before_the_end(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    megabyte = chunk(bytes(1_000_000))
    sent = 0
    with uploading(platform, tenant.key, None, "/api/image2text") as connection:
        connection.sendall(chunk(HEAD.replace(b'"file"', b'"image"')))
        connection.settimeout(0.01)
        received = b""
        while not received and sent < 40_000_000:
            connection.settimeout(60)
            connection.sendall(megabyte)
            sent += 1_000_000
            connection.settimeout(0.02)
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                continue
        connection.settimeout(60)
        while b"}" not in received and (more := connection.recv(65_536)):
            received += more  # head and body are written one after the other
    assert b" 413 " in received.split(b"\r\n")[0]
    assert b'"param":"image"' in received
    assert sent < 30_000_000
    books.assert_nothing_held_or_spent()
    assert eventually(lambda: not open_files_of(platform))


def test_a_caller_who_leaves_in_mid_upload_leaves_nothing(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    with uploading(platform, tenant.key, 50_000_000) as connection:
        connection.sendall(HEAD + made.wav(1_000) + bytes(4_000_000))
        assert eventually(lambda: open_files_of(platform))

    assert eventually(lambda: not open_files_of(platform))
    books.assert_nothing_held_or_spent()
    assert books.calls() == []


def test_a_form_that_is_cut_short_is_a_400(platform: RunningPlatform, tenant: Tenant, books: Books) -> None:
    body = HEAD + made.wav(100)
    with uploading(platform, tenant.key, len(body)) as connection:
        connection.sendall(body)
        assert status_of(connection) == 400
    books.assert_nothing_held_or_spent()


def test_an_upload_that_comes_slowly_and_in_pieces_is_whole(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    body = HEAD + made.wav(100) + TAIL
    with uploading(platform, tenant.key, len(body)) as connection:
        for at in range(0, len(body), 100):
            connection.sendall(body[at : at + 100])
            time.sleep(0.005)
        assert status_of(connection) == 200
    assert books.spent() == 100 * 100


def test_many_uploads_at_once_lose_nothing_and_leave_nothing(
    platform: RunningPlatform, client: httpx.Client, tenant: Tenant, books: Books
) -> None:
    sound = made.wav(62_500, rate=16_000)  # 2 MB

    def upload(_: int) -> httpx.Response:
        with platform.client(tenant) as one:
            return one.post("/api/stt", files={"file": ("a.wav", sound)})

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(upload, range(24)))

    assert [answer.status_code for answer in answers] == [200] * 24
    assert books.spent() == 24 * 62_500 * 100
    assert books.held() == 0
    assert eventually(lambda: not open_files_of(platform))


def test_a_refused_upload_says_what_is_wrong_in_the_mounts_shape(client: httpx.Client) -> None:
    omakase = client.post("/api/stt", files={"file": ("a.wav", b"text")})
    openai = client.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", b"text")}, data={"model": "whisper-1"}
    )

    assert told(omakase)["param"] == told(openai)["param"] == "file"

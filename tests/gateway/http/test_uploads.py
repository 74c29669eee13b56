"""Forms as they arrive: cut anywhere, in any order, too large, too slow, given up."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import media_files as made
import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aio_platform.errors import BodyTooLarge, ClientGone, InvalidRequest
from aio_platform.http.handler import GatewayRequest
from gateway.http import spool
from gateway.http.spool import IN_MEMORY_BYTES, Spool
from gateway.http.uploads import BodyTooSlow, ReceivedForm, received_form, safe_file_name

BOUNDARY = "a-boundary"
END = f"--{BOUNDARY}--\r\n".encode()
LIMIT_BYTES = 10_000_000


def field(name: str, value: str | bytes) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value + b"\r\n"


def file(data: bytes, name: str = "file", file_name: str = "speech.wav", kind: str = "audio/wav") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
    return head.encode() + f"Content-Type: {kind}\r\n\r\n".encode() + data + b"\r\n"


def request_of(
    chunks: list[bytes], *, announced: int | None = None, content_type: str | None = None, gone: bool = False
) -> GatewayRequest:
    """A request whose body arrives in these chunks; `gone` ends it with the client's departure."""
    kind = content_type or f"multipart/form-data; boundary={BOUNDARY}"
    headers = [(b"content-type", kind.encode())]
    if announced is not None:
        headers.append((b"content-length", b"%d" % announced))
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b""})
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return next(waiting)

    return GatewayRequest({"path": "/api/stt", "method": "POST", "headers": headers}, receive)


async def read(chunks: list[bytes], **options: Any) -> tuple[ReceivedForm, bytes]:
    async with received_form(request_of(chunks, **options), "file", LIMIT_BYTES) as form:
        return form, form.spool.read()


async def refusal(*parts: bytes, **options: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        await read([b"".join(parts)], **options)
    return caught.value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_form_is_the_same_however_it_was_cut(data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=1, max_size=400)) + data.draw(
        st.sampled_from([b"", b"\r\n--a-bound", b"\r\n\r\n--", f"--{BOUNDARY}--".encode()])
    )
    text = data.draw(st.text(st.characters(codec="utf-8"), max_size=40))
    body = field("before", text) + file(content) + field("after", "한국어") + END
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=30)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    form, received = asyncio.run(read([chunk for chunk in chunks if chunk]))

    assert received == content
    assert form.fields == {"before": [text], "after": ["한국어"]}


async def test_a_form_that_comes_byte_by_byte() -> None:
    body = field("a", "1") + file(made.wav(10)) + END

    _, received = await read([body[at : at + 1] for at in range(len(body))])

    assert received == made.wav(10)


@pytest.mark.parametrize("announces", [True, False])
async def test_past_a_megabyte_a_file_is_on_disk_without_a_name(announces: bool, tmp_path: Any) -> None:
    data = os.urandom(3_000_000)
    body = file(data) + field("language", "ko") + END
    chunks = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]

    with override_settings(UPLOAD_DIR=tmp_path):
        request = request_of(chunks, announced=len(body) if announces else None)
        async with received_form(request, "file", LIMIT_BYTES) as form:
            assert form.spool.on_disk
            assert form.spool.read() == data
            assert list(tmp_path.iterdir()) == []
            assert form.fields == {"language": ["ko"]}
            one, other = form.spool.reader(), form.spool.reader()
            one.seek(1_000_000)
            assert other.read(10) == data[:10]
            assert one.read(10) == data[1_000_000:1_000_010]
            assert os.fstat(one.fileno()).st_size == len(data)
    assert other.read(10) == data[10:20], "whoever still sends it can read on"
    one.close()
    other.close()


async def test_a_small_file_stays_in_memory() -> None:
    form, _ = await read([file(made.wav(100)) + END])

    assert not form.spool.on_disk
    assert form.spool.size_bytes < IN_MEMORY_BYTES


async def test_what_was_sent_has_one_digest_whatever_its_boundary_and_order() -> None:
    parts = field("a", "1") + field("b", "2") + file(made.wav(10)) + END
    async with received_form(request_of([parts]), "file", LIMIT_BYTES) as form:
        first = await form.digest()
    moved = (file(made.wav(10)) + field("b", "2") + field("a", "1") + END).replace(BOUNDARY.encode(), b"XX")
    request = request_of([moved], content_type="multipart/form-data; boundary=XX")
    async with received_form(request, "file", LIMIT_BYTES) as form:
        assert await form.digest() == first
    async with received_form(request_of([parts.replace(b"1", b"9")]), "file", LIMIT_BYTES) as form:
        assert await form.digest() != first


FILES = {"image": 3, "mask": 1}


async def read_files(*parts: bytes) -> dict[str, list[bytes]]:
    """What came in each field of a form that takes several images and one mask."""
    async with received_form(request_of([b"".join(parts)]), "image", LIMIT_BYTES, FILES) as form:
        found: dict[str, list[bytes]] = {}
        for sent in form.files:
            found.setdefault(sent.field, []).append(sent.spool.read())
        return found


async def test_a_form_may_have_files_in_several_fields_and_several_in_one() -> None:
    parts = [file(b"m", "mask"), file(b"1", "image"), field("prompt", "x"), file(b"2", "image[]")]
    assert await read_files(*parts, END) == {"image": [b"1", b"2"], "mask": [b"m"]}


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([file(b"1", "image")] * 4, "image"),
        ([file(b"1", "image[]")] * 4, "image[]"),
        ([file(b"1", "image"), file(b"m", "mask"), file(b"m", "mask")], "mask"),
        ([file(b"1", "image"), file(b"m", "mask[]")], "mask[]"),
        ([file(b"1", "image"), file(b"", "mask")], "mask"),
        ([file(b"m", "mask")], "image"),
        ([field("image[]", "text")], "image[]"),
    ],
)
async def test_what_is_too_much_or_missing_among_several_files_is_named(
    parts: list[bytes], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await read_files(*parts, END)
    assert caught.value.param == param


async def test_several_files_take_no_more_memory_than_two_small_ones() -> None:
    parts = b"".join(file(os.urandom(900_000), "image[]") for _ in range(3))
    async with received_form(request_of([parts, END]), "image", LIMIT_BYTES, FILES) as form:
        assert [sent.spool.on_disk for sent in form.files] == [False, False, True]
        spools = [sent.spool for sent in form.files]
    assert all(spool._closed for spool in spools)


async def test_another_file_or_another_place_for_it_is_another_digest() -> None:
    digests = set()
    for parts in (
        [file(b"1", "image"), file(b"2", "mask")],
        [file(b"2", "image"), file(b"1", "mask")],
        [file(b"12", "image"), file(b"2", "mask")],
        [file(b"1", "image"), file(b"2", "image")],
        [file(b"1", "image")],
    ):
        async with received_form(request_of([*parts, END]), "image", LIMIT_BYTES, FILES) as form:
            digests.add(await form.digest())
    assert len(digests) == 5


async def test_a_missing_or_empty_file_is_named() -> None:
    missing = await refusal(field("language", "ko"), END)
    empty = await refusal(file(b""), END)
    as_text = await refusal(field("file", "some text"), END)

    assert (missing.status, missing.param) == (400, "file")
    assert "required" in missing.message
    assert (empty.status, empty.param) == (400, "file")
    assert "empty" in empty.message
    assert (as_text.status, as_text.param) == (400, "file")


async def test_a_second_and_a_foreign_file_are_named() -> None:
    twice = await refusal(file(made.wav()), file(made.wav()), END)
    foreign = await refusal(file(made.wav(), name="audio"), END)

    assert twice.param == "file"
    assert foreign.param == "audio"
    assert "'file'" in foreign.message


async def test_fields_are_bounded() -> None:
    long = await refusal(field("prompt", "x" * 65_537), file(made.wav()), END)
    many = await refusal(*[field(f"f{index}", "x") for index in range(65)], file(made.wav()), END)
    not_text = await refusal(field("prompt", b"\xff\xfe"), file(made.wav()), END)
    nameless = await refusal(field("x" * 101, "y"), END)

    assert long.param == "prompt"
    assert many.param == "f64"
    assert not_text.param == "prompt"
    assert nameless.status == 400


async def test_a_body_that_is_no_form_is_refused() -> None:
    assert (await refusal(b"not a form at all")).status == 400
    assert (await refusal(field("a", "1"), file(made.wav()))).status == 400, "its end is missing"
    assert (await refusal(b"{}", content_type="application/json")).param == "Content-Type"
    assert (await refusal(b"{}", content_type="multipart/form-data")).param == "Content-Type"
    assert (await refusal(END)).status == 400


async def test_too_large_is_known_from_what_is_announced() -> None:
    request = request_of([b"never read"], announced=LIMIT_BYTES + 1)

    with pytest.raises(BodyTooLarge) as caught:
        async with received_form(request, "file", LIMIT_BYTES):
            pass

    assert caught.value.param == "file"
    assert caught.value.status == 413


async def test_too_large_is_known_before_all_is_read() -> None:
    read_bytes = 0

    def endless() -> Iterator[bytes]:
        nonlocal read_bytes
        yield file(b"RIFF")[:-2]
        while True:
            read_bytes += 65_536
            yield bytes(65_536)

    chunks = endless()
    request = request_of([])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(chunks), "more_body": True}

    request._receive = receive
    with pytest.raises(BodyTooLarge):
        async with received_form(request, "file", 500_000):
            pass
    assert read_bytes < 700_000


async def test_a_client_that_leaves_ends_it() -> None:
    with pytest.raises(ClientGone):
        await read([file(made.wav())[:500]], gone=True)


async def test_a_client_that_dawdles_is_told_so() -> None:
    request = request_of([])

    async def never() -> dict[str, Any]:
        await asyncio.sleep(3600)
        raise AssertionError

    request._receive = never
    with override_settings(BODY_TIME_LIMIT_S=0.05), pytest.raises(BodyTooSlow) as caught:
        async with asyncio.timeout(20), received_form(request, "file", LIMIT_BYTES):
            pass
    assert caught.value.status == 408


async def test_a_cancelled_upload_leaves_nothing(tmp_path: Any) -> None:
    body = file(os.urandom(5_000_000)) + END
    chunks = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    descriptors = len(os.listdir("/proc/self/fd"))

    async def upload() -> AsyncIterator[None]:
        async with received_form(request_of(chunks, announced=len(body)), "file", LIMIT_BYTES):
            await asyncio.sleep(3600)
        yield

    with override_settings(UPLOAD_DIR=tmp_path):
        for wait_s in (0.0, 0.001, 0.005, 0.05):
            task = asyncio.ensure_future(anext(upload()))
            await asyncio.sleep(wait_s)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1


async def test_a_batch_written_after_the_close_is_dropped(tmp_path: Any) -> None:
    spool = Spool(starts_on_disk=True)
    spool.close()

    with override_settings(UPLOAD_DIR=tmp_path):
        spool._write([b"late"])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"%PDF-1.7" + bytes(100), "must be an audio file"),
        (b"just some text", "must be an audio file"),
        (made.png(1, 1), "must be an audio file"),
        (made.wav()[:-10], "cut short"),
    ],
)
async def test_what_is_no_sound_is_refused_by_its_bytes(data: bytes, complaint: str) -> None:
    async with received_form(request_of([file(data) + END]), "file", LIMIT_BYTES) as form:
        with pytest.raises(InvalidRequest) as caught:
            await form.sound()

    assert caught.value.param == "file"
    assert complaint in caught.value.message


async def test_sound_is_measured_and_named_by_what_it_is() -> None:
    body = file(made.mp3(125), file_name="../../etc/Meeting notes.wav", kind="text/plain") + END
    async with received_form(request_of([body]), "file", LIMIT_BYTES) as form:
        upload, length = await form.sound()

    assert (upload.content_type, upload.file_name, length.ms) == ("audio/mpeg", "Meeting notes.mp3", 3_000)
    assert upload.size_bytes == 125 * 96


async def test_a_bomb_is_refused_without_decoding() -> None:
    async with received_form(request_of([file(made.png(60_000, 60_000)) + END]), "file", LIMIT_BYTES) as form:
        with pytest.raises(InvalidRequest, match="pixels"):
            await form.image()
    async with received_form(request_of([file(made.jpeg(5_000, 5_000)) + END]), "file", LIMIT_BYTES) as form:
        assert (await form.image()).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("sent", "safe"),
    [
        ("speech.wav", "speech.mp3"),
        ("", "upload.mp3"),
        ("C:\\Temp\\a.b.wav", "a.b.mp3"),
        ("/etc/passwd", "upload.mp3"),
        ("-rf.mp3", "rf.mp3"),
        ('x"\r\nEvil: 1.mp3', "x___Evil_ 1.mp3"),
        ("회의.m4a", "회의.mp3"),
        ("x" * 300 + ".mp3", "x" * 80 + ".mp3"),
    ],
)
def test_file_names_are_made_harmless(sent: str, safe: str) -> None:
    assert safe_file_name(sent, "audio/mpeg") == safe


async def test_files_leave_the_disk_what_others_need(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's files may be on the same disk: no caller's uploads fill it."""
    monkeypatch.setattr(spool, "KEPT_FREE_PART", 1)
    monkeypatch.setattr(spool, "KEPT_FREE_BYTES", 1 << 60)
    body = file(os.urandom(1_500_000)) + END
    with override_settings(UPLOAD_DIR=tmp_path):
        with pytest.raises(spool.NoDiskLeft) as caught:
            await read([body])
        assert caught.value.status == 503
        assert list(tmp_path.iterdir()) == []

"""Files that callers send: read as they arrive, bounded in size and time, gone when their call has ended."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from django.conf import settings

from aio_platform.errors import BodyTooLarge, BodyTooSlow, InvalidRequest, wrong_field
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import Template
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.http.multipart import FormParser, SentFile, boundary_of
from gateway.http.spool import IN_MEMORY_BYTES, Spool
from gateway.media.audio_length import BrokenSound, SoundLength, sound_length
from gateway.media.image_size import BrokenImage, image_size
from gateway.media.kinds import AUDIO_KINDS, EXTENSIONS, IMAGE_KINDS, kind_of

DEFAULT_BODY_TIME_LIMIT_S = 60
MAX_PIXELS = 50_000_000
_MAX_STEM_LENGTH = 80
_UNSAFE = re.compile(r"[^\w.\- ]")


def body_time_limit_s() -> float:
    """How long a caller may take to send a body."""
    limit_s: float = getattr(settings, "BODY_TIME_LIMIT_S", DEFAULT_BODY_TIME_LIMIT_S)
    return limit_s


class body_deadline:
    """Raises BodyTooSlow where the block, which reads a body, takes longer than it may."""

    __slots__ = ("_limit_s", "_timeout")

    def __init__(self) -> None:
        self._limit_s = body_time_limit_s()
        self._timeout = asyncio.timeout(self._limit_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            limit_s = self._limit_s
            raise BodyTooSlow(
                _("The body did not arrive within %(limit_s)s seconds."), limit_s=f"{limit_s:g}"
            ) from None


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file whose type was told by its bytes; what adapters know as an Upload."""

    spool: Spool
    file_name: str
    content_type: str

    @property
    def size_bytes(self) -> int:
        return self.spool.size_bytes

    def read(self) -> bytes:
        return self.spool.read()

    def reader(self) -> BinaryIO:
        return self.spool.reader()


@dataclass(frozen=True, slots=True)
class ReceivedForm:
    """A form read to its end. A field may have come several times; the files are not looked at yet.

    The first of them is the one that the form is about.
    """

    fields: dict[str, list[str]]
    files: Sequence[SentFile]

    @property
    def spool(self) -> Spool:
        """The first file's bytes."""
        return self.files[0].spool

    async def sound(self) -> tuple[ReceivedFile, SoundLength]:
        """The file as audio, and how long it plays; raises InvalidRequest for anything else."""
        sent = self.files[0]
        file = _file_of(sent, AUDIO_KINDS, _("must be an audio file (WAV, MP3, FLAC, OGG, M4A, WEBM or AAC)"))
        try:
            return file, await asyncio.to_thread(_measured, file)
        except BrokenSound as error:
            raise wrong_field(sent.field, Template(str(error))) from None

    async def image(self) -> ReceivedFile:
        """The file as an image that can be decoded in reasonable memory; raises InvalidRequest otherwise."""
        return await _image(self.files[0])

    async def images(self, field: str) -> list[ReceivedFile]:
        """Every file of that field as an image, in the order that they were sent; raises as `image` does."""
        return [await _image(sent) for sent in self.files if sent.field == field]

    async def digest(self) -> bytes:
        """What was sent, whatever boundary or order it came with: equal for the same fields and files."""
        return await asyncio.to_thread(self._digest)

    def _digest(self) -> bytes:
        state = hashlib.sha256()
        for name in sorted(self.fields):
            for value in (name, *self.fields[name]):
                state.update(b"%d:" % len(value.encode()) + value.encode())
            state.update(b";")
        for sent in sorted(self.files, key=lambda each: each.field):
            if len(self.files) > 1:
                state.update(f"{sent.field}:{sent.spool.size_bytes}:".encode())
            with sent.spool.reader() as file:
                while data := file.read(1 << 20):
                    state.update(data)
        return state.digest()


@asynccontextmanager
async def received_form(
    request: GatewayRequest,
    file_field: str,
    limit_bytes: int,
    most_files: Mapping[str, int] | None = None,
) -> AsyncIterator[ReceivedForm]:
    """Read a form with its required file; its bytes are let go when the block ends, however it ends.

    `most_files` says which fields take files, and how many; without it there is the one. Raises InvalidRequest for a
    form that is not as it should be or lacks its file, BodyTooLarge as soon as it is known to be larger than
    `limit_bytes`, BodyTooSlow, and ClientGone.
    """
    announced = request.header(b"content-length")
    large = announced.isdecimal() and len(announced) < 19 and int(announced) > IN_MEMORY_BYTES
    spools: list[Spool] = []

    def open_spool() -> Spool:
        in_memory = sum(spool.size_bytes for spool in spools if not spool.on_disk)
        spools.append(Spool(starts_on_disk=large or in_memory > IN_MEMORY_BYTES))
        return spools[-1]

    try:
        parser = FormParser(
            boundary_of(request.header(b"content-type")), most_files or {file_field: 1}, open_spool
        )
        async with body_deadline():
            await _read(request, parser, file_field, limit_bytes)
        if not any(sent.field == file_field for sent in parser.files):
            raise InvalidRequest(_("%(param)s: this file is required."), param=file_field)
        for sent in parser.files:
            if sent.spool.size_bytes == 0:
                raise InvalidRequest(_("%(param)s: the file is empty."), param=sent.field)
        yield ReceivedForm(parser.fields, sorted(parser.files, key=lambda sent: sent.field != file_field))
    finally:
        for spool in spools:
            spool.close()


async def _read(request: GatewayRequest, parser: FormParser, file_field: str, limit_bytes: int) -> None:
    try:
        async for chunk in request.chunks(limit_bytes):
            parser.feed(chunk)
            for sent in parser.files:
                await sent.spool.flush()
    except BodyTooLarge as error:
        raise BodyTooLarge(_("%(param)s: %(problem)s"), param=file_field, problem=error.told) from None
    parser.finish()
    for sent in parser.files:
        await sent.spool.finish()


def _file_of(sent: SentFile, kinds: frozenset[str], problem: Template) -> ReceivedFile:
    kind = kind_of(sent.spool.head)
    if kind not in kinds:
        raise wrong_field(sent.field, problem)
    return ReceivedFile(sent.spool, safe_file_name(sent.name, kind), kind)


async def _image(sent: SentFile) -> ReceivedFile:
    file = _file_of(sent, IMAGE_KINDS, _("must be an image (JPG, PNG, WEBP or GIF)"))
    try:
        width, height = await asyncio.to_thread(_dimensions, file)
    except BrokenImage as error:
        raise wrong_field(sent.field, Template(str(error))) from None
    if width * height > MAX_PIXELS:
        raise wrong_field(
            sent.field,
            _("the image has %(width)s × %(height)s pixels; at most %(max_pixels)s are taken"),
            width=f"{width:,}",
            height=f"{height:,}",
            max_pixels=f"{MAX_PIXELS:,}",
        )
    return file


def safe_file_name(sent: str, kind: str) -> str:
    """A name that no server can take for a path or an option, with the extension that the bytes deserve."""
    stem = re.split(r"[/\\]", sent)[-1].rpartition(".")[0] or "upload"
    stem = _UNSAFE.sub("_", stem)[:_MAX_STEM_LENGTH].strip(" .-") or "upload"
    return f"{stem}.{EXTENSIONS[kind]}"


def _measured(file: ReceivedFile) -> SoundLength:
    with file.reader() as opened:
        return sound_length(opened, file.content_type, file.size_bytes)


def _dimensions(file: ReceivedFile) -> tuple[int, int]:
    with file.reader() as opened:
        return image_size(opened, file.content_type)

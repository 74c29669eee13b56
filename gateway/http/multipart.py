"""multipart/form-data, parsed as it arrives: text fields into memory, each file into its spool."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from aio_platform.errors import InvalidRequest, wrong_field
from aio_platform.i18n.translatable import gettext_noop
from gateway.contracts.form import LIST_MARK
from gateway.http.spool import Spool

MAX_FIELDS = 64
MAX_FIELD_BYTES = 65_536
MAX_NAME_LENGTH = 100
_MAX_BOUNDARY_BYTES = 200
# It warns about bytes after the form's end, which anybody can send.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names. Raises InvalidRequest for anything but multipart/form-data."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= _MAX_BOUNDARY_BYTES:
        raise InvalidRequest(
            gettext_noop("Send the body as multipart/form-data with its boundary."), param="Content-Type"
        )
    return boundary


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent: the field that it came in, without a list's mark, what it was called, and its bytes."""

    field: str
    name: str
    spool: Spool


class FormParser:
    """Feed it the body; `fields` and `files` fill as it goes.

    `most_files` says which fields take files, and how many; where there may be several, the name may end with a list's
    mark. `open_spool` is called when a file's part begins. Everything that is wrong with the form raises InvalidRequest
    with the name of the part.
    """

    def __init__(
        self, boundary: bytes, most_files: Mapping[str, int], open_spool: Callable[[], Spool]
    ) -> None:
        self.fields: dict[str, list[str]] = {}
        self.files: list[SentFile] = []
        self._most_files = most_files
        self._open_spool = open_spool
        self._field_count = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._name = ""
        self._value: bytearray | None = None  # None while a file's part is read
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name_comes,
                "on_header_value": self._header_value_comes,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data_comes,
                "on_part_end": self._part_ends,
                "on_end": self._form_ends,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take the next bytes, however they were cut."""
        try:
            self._parser.write(data)
        except MultipartParseError:
            raise InvalidRequest(gettext_noop("The body is not valid multipart/form-data.")) from None

    def finish(self) -> None:
        """No more comes: raises InvalidRequest where the form has not ended."""
        if not self._ended:
            raise InvalidRequest(gettext_noop("The form is cut short: its last boundary is missing."))

    def _part_begins(self) -> None:
        self._headers = {}
        self._header_name = self._header_value = b""

    def _header_name_comes(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_comes(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise InvalidRequest(gettext_noop("A part of the form has no name."))
        self._name = options[b"name"].decode("utf-8", "replace")
        if len(self._name) > MAX_NAME_LENGTH or not self._name.isprintable():
            raise InvalidRequest(
                gettext_noop("A part's name must be at most %(max_name_length)s printable characters."),
                max_name_length=MAX_NAME_LENGTH,
            )
        if b"filename" in options:
            self._file_begins(options[b"filename"].decode("utf-8", "replace"))
        else:
            self._field_begins()

    def _file_begins(self, file_name: str) -> None:
        field = self._file_field()
        if field is None:
            raise wrong_field(
                self._name,
                gettext_noop("no file is taken here; send it as '%(file_field)s'"),
                file_field=next(iter(self._most_files)),
            )
        most = self._most_files[field]
        if sum(file.field == field for file in self.files) >= most:
            if most == 1:
                raise wrong_field(self._name, gettext_noop("only one file is taken"))
            raise wrong_field(self._name, gettext_noop("at most %(most)s files are taken"), most=most)
        self.files.append(SentFile(field, file_name, self._open_spool()))
        self._value = None

    def _file_field(self) -> str | None:
        """The field of files that this part's name stands for; None where it stands for none."""
        if self._name in self._most_files:
            return self._name
        name = self._name.removesuffix(LIST_MARK)
        return name if self._most_files.get(name, 1) > 1 else None

    def _field_begins(self) -> None:
        if self._file_field() is not None:
            raise wrong_field(self._name, gettext_noop("must be sent as a file, with a file name"))
        self._field_count += 1
        if self._field_count > MAX_FIELDS:
            raise wrong_field(
                self._name, gettext_noop("a form has at most %(max_fields)s fields"), max_fields=MAX_FIELDS
            )
        self._value = bytearray()

    def _data_comes(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self.files[-1].spool.add(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > MAX_FIELD_BYTES:
            raise wrong_field(
                self._name,
                gettext_noop("must be at most %(max_field_bytes)s bytes"),
                max_field_bytes=f"{MAX_FIELD_BYTES:,}",
            )

    def _part_ends(self) -> None:
        if self._value is None:
            return
        try:
            value = self._value.decode()
        except UnicodeDecodeError:
            raise wrong_field(self._name, gettext_noop("must be UTF-8 text")) from None
        self.fields.setdefault(self._name, []).append(value)

    def _form_ends(self) -> None:
        self._ended = True

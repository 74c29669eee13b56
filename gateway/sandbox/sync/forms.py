"""multipart/form-data, read from a body that is already complete."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.sandbox.wire import Call, Refusal

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(slots=True)
class Upload:
    """A file in a form."""

    filename: str
    content_type: str
    data: bytes


@dataclass(slots=True)
class Form:
    """The parts of a form, by name; the last of a name wins, but for the lists, which have all of each."""

    fields: dict[str, str]
    files: dict[str, Upload]
    lists: dict[str, list[str]]
    file_lists: dict[str, list[Upload]]

    def file(self, name: str) -> Upload:
        """The file called `name`; the request is refused with 422 where it is missing or empty."""
        upload = self.files.get(name)
        if upload is None:
            raise Refusal(422, f"Field required: {name}")
        if not upload.data:
            raise Refusal(400, f"{name} is empty")
        return upload


def read_form(call: Call) -> Form:
    """The form in a call's body; refused where it is none or was cut."""
    content_type = call.headers.get("content-type", "")
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or match is None:
        raise Refusal(422, "the body must be multipart/form-data")
    mark = b"--" + match.group(1).encode("latin-1")
    form = Form({}, {}, {}, {})
    pieces = (b"\r\n" + call.body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise Refusal(400, "the form has no end")
    for piece in pieces[1:-1]:
        head, gap, data = piece.partition(b"\r\n\r\n")
        if not gap:
            raise Refusal(400, "a part of the form has no headers")
        _add_part(form, head.decode("utf-8", "replace"), data)
    return form


def _add_part(form: Form, head: str, data: bytes) -> None:
    headers: dict[str, str] = {}
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        headers[key.strip().lower()] = value.strip()
    parameters: dict[str, str] = dict(_PARAMETER.findall(headers.get("content-disposition", "")))
    name = parameters.get("name")
    if name is None:
        raise Refusal(400, "a part of the form has no name")
    if "filename" in parameters:
        content_type = headers.get("content-type", "application/octet-stream")
        form.files[name] = Upload(parameters["filename"], content_type, data)
        form.file_lists.setdefault(name, []).append(form.files[name])
    else:
        form.fields[name] = data.decode("utf-8", "replace")
        form.lists.setdefault(name, []).append(form.fields[name])

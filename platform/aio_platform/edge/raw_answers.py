"""Answers to what never became a request: written as bytes, with no application to ask."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from aio_platform import errors, problems
from aio_platform.http.request_ids import new_request_uuid, public_request_id


def error_answer(error: errors.PlatformError, url: bytes) -> bytes:
    """A whole response that says the error in the shape of the mount that `url` belongs to, and ends the connection."""
    response = problems.render(error, url.decode("latin-1"), public_request_id(new_request_uuid()))
    body = response.content
    lines = [f"{name.lower()}: {value}\r\n".encode("latin-1") for name, value in response.items()]
    return b"".join(
        (
            STATUS_LINE[response.status_code],
            *lines,
            b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body),
            body,
        )
    )

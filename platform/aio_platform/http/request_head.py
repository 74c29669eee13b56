"""What a request's head must be, beyond what the parser refuses. Raises MalformedRequest and its kin.

Two servers that read one head differently can be played against each other: what is ambiguous is refused.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from aio_platform import errors
from aio_platform.i18n.translatable import gettext_noop

Headers = list[tuple[bytes, bytes]]
# Under these names an application finds, in its scope, the headers by name and how far the connection is trusted.
HEADERS_BY_NAME = "aio.headers"
TRUST = "aio.trust"
VERSIONS = ("1.1", "1.0")
# Each says who calls, where to, or how much comes: of two, one reader takes the first and another the last.
SINGLE_HEADERS = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"transfer-encoding",
        b"x-api-key",
        b"x-goog-api-key",
    }
)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?\Z")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)\Z", re.IGNORECASE | re.DOTALL)
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class MalformedRequest(errors.InvalidRequest):
    """The request is not HTTP as it should be; the connection ends with the answer."""

    code = "malformed_request"


class TargetTooLong(errors.InvalidRequest):
    code = "target_too_long"
    status = 414


class HeadTooLarge(errors.InvalidRequest):
    code = "head_too_large"
    status = 431


class HeadTooSlow(errors.InvalidRequest):
    code = "head_too_slow"
    status = 408


class Target(NamedTuple):
    """A request's target: the path with its escapes decoded, as it came, and the query as it came."""

    path: str
    raw_path: bytes
    query: bytes


def read_target(url: bytes, headers: dict[bytes, bytes]) -> Target:
    """The target of a request. One that names the whole address must name the host that `Host` names."""
    if url[:1] != b"/":
        url = _without_authority(url, headers)
    raw_path, _, query = url.partition(b"?")
    if b"#" in url:
        raise MalformedRequest(
            gettext_noop("The address has a fragment ('#'), which is the client's to keep.")
        )
    if b"%" not in url:
        return Target(raw_path.decode("ascii"), raw_path, query)
    if _BROKEN_ESCAPE.search(raw_path):
        raise MalformedRequest(
            gettext_noop("The address has a '%' that is not followed by two hexadecimal digits.")
        )
    try:
        return Target(unquote_to_bytes(raw_path).decode(), raw_path, query)
    except UnicodeDecodeError:
        raise MalformedRequest(gettext_noop("The address is not UTF-8.")) from None


def _without_authority(url: bytes, headers: dict[bytes, bytes]) -> bytes:
    whole = _ABSOLUTE.match(url)
    if whole is None:
        raise MalformedRequest(gettext_noop("The request must name a path, as in 'GET /v1/models HTTP/1.1'."))
    authority, rest = whole.groups()
    if authority.lower() != headers.get(b"host", authority).lower():
        raise MalformedRequest(gettext_noop("The address and the Host header name different hosts."))
    return rest if rest[:1] == b"/" else b"/" + rest


def check_headers(version: str, method: str, headers: Headers, known: dict[bytes, bytes]) -> None:
    """Raise MalformedRequest where the head is no HTTP/1.1 or 1.0 or can be read in two ways.

    `known` is the same headers by name.
    """
    if version not in VERSIONS:
        raise MalformedRequest(gettext_noop("Speak HTTP/1.1 or HTTP/1.0."))
    if method == "CONNECT":
        raise errors.MethodNotAllowed(gettext_noop("This server is no proxy."))
    if len(known) != len(headers):
        _check_duplicates(headers)
    host = known.get(b"host")
    if host is None:
        if version == "1.1":
            raise MalformedRequest(gettext_noop("The Host header is missing."))
    elif not _HOST.match(host):
        raise MalformedRequest(gettext_noop("The Host header is not a host's name."))
    coding = known.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
        raise MalformedRequest(gettext_noop("Send the body with a Content-Length, or chunked in HTTP/1.1."))


def _check_duplicates(headers: Headers) -> None:
    seen = set()
    for name, _ in headers:
        if name in seen and name in SINGLE_HEADERS:
            shown = name.decode("latin-1").title()
            raise MalformedRequest(gettext_noop("The %(param)s header came twice."), param=shown)
        seen.add(name)


def headers_by_name(headers: Headers) -> dict[bytes, bytes]:
    """The headers by name; values of one name are joined as a list, in the order in which they came."""
    known = dict(headers)
    if len(known) == len(headers):
        return known
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        separator = b"; " if name == b"cookie" else b", "
        joined[name] = joined[name] + separator + value if name in joined else value
    return joined


def head_without_upgrade(method: str, url: bytes, headers: Headers) -> bytes:
    """The request's head as a client would have sent it that wishes no other protocol, and no second request."""
    kept = [
        (name, value) for name, value in headers if name not in (b"connection", b"upgrade", b"http2-settings")
    ]
    lines = [b"%s: %s\r\n" % header for header in (*kept, (b"connection", b"close"))]
    return b"".join((method.encode(), b" ", url, b" HTTP/1.1\r\n", *lines, b"\r\n"))

"""How an upstream's body becomes bytes on its socket, and where they are cut, broken off or left hanging."""

from typing import Any

from hypothesis import strategies as st
from money.delivered.scripted_upstream import Script


def http_answer(
    body: bytes, content_type: str | None, *, status: int = 200, framing: str = "length", more: str = ""
) -> bytes:
    """An HTTP/1.1 answer; `framing` is "length", "chunked" (a chunk every 7 to 64 bytes) or "close"."""
    head = f"HTTP/1.1 {status} Whatever\r\n"
    if content_type is not None:
        head += f"Content-Type: {content_type}\r\n"
    if framing == "length":
        head += f"Content-Length: {len(body)}\r\n"
    elif framing == "chunked":
        head += "Transfer-Encoding: chunked\r\n"
    else:
        head += "Connection: close\r\n"
    raw = (head + more + "\r\n").encode("latin-1")
    return raw + (_chunked(body) if framing == "chunked" else body)


def _chunked(body: bytes) -> bytes:
    parts, place, size = [], 0, 7
    while place < len(body):
        chunk = body[place : place + size]
        parts.append(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        place, size = place + size, min(size * 3, 64)
    return b"".join(parts) + b"0\r\n\r\n"


@st.composite
def scripts(draw: st.DrawFn, raw: bytes, *, framing: str, ends_well: bool) -> Script:
    """That answer in pieces; unless it `ends_well`, it may end or hang at any byte."""
    cuts = tuple(draw(st.lists(st.integers(1, max(len(raw) - 1, 1)), max_size=4)))
    whole_end: Any = (
        "close" if framing == "close" else draw(st.sampled_from(("stay", "stay", "stay", "close")))
    )
    if ends_well:
        return Script(raw, cuts, None, whole_end)
    ending: Any = draw(st.sampled_from(("close", "reset", "wait")))
    return Script(raw, cuts, draw(st.integers(0, len(raw))), ending)


FRAMINGS = st.sampled_from(("length", "length", "chunked", "close"))
STATUSES = st.sampled_from(
    (200,) * 20 + (201, 204, 302, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504)
)

"""Calls of the other endpoints, as odd as those of chat: texts to numbers, sound and images, and those to texts."""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from media_files import wav
from money.delivered.catalog import price_of
from money.delivered.http_script import FRAMINGS, STATUSES, http_answer, scripts
from money.delivered.leaving import leavings
from money.delivered.odd_values import ABSENT, LAX, ODD, PLAIN_TEXTS, TEXTS, to_json, without_absent
from money.delivered.world import Call

PNG = b"\x89PNG\r\n\x1a\n" + bytes(56)
BOUNDARY = "the-boundary"
JSON = "application/json"


class Exchange(NamedTuple):
    """A request, a plain answer to it, and what that costs; all but `answer` as bytes on the wire."""

    path: str
    content_type: str
    body: bytes
    answer: Any
    answer_type: str
    true_price: int | None


def _asked(
    draw: st.DrawFn, path: str, fields: dict[str, Any], answer: Any, answer_type: str, price: int
) -> Exchange:
    """The fields as JSON with the model, sometimes with one that nobody checks, or an odd one in a checked place."""
    values = without_absent({"model": "lane-@lane@", **fields})
    values |= draw(
        st.dictionaries(st.sampled_from(("user", "input_type", "extra", "quality", "x")), ODD, max_size=1)
    )
    true_price: int | None = price
    if draw(st.integers(0, 19)) == 19:
        values[draw(st.sampled_from(sorted(values)))] = draw(ODD)
        true_price = None
    body = to_json(values, ascii_only=draw(st.booleans()))
    return Exchange(path, JSON, body, answer, answer_type, true_price)


def _tokens(draw: st.DrawFn, *texts: str) -> int:
    """A believable count of tokens of these texts."""
    size = sum(len(text.encode()) for text in texts)
    return draw(st.integers(-(-size // 4), size + 1))


def _embeddings(draw: st.DrawFn) -> Exchange:
    texts = draw(st.lists(PLAIN_TEXTS, min_size=1, max_size=3))
    tokens = _tokens(draw, *texts)
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": n, "embedding": [0.5, -1.25]} for n in range(len(texts))],
        "model": "upstream/small",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    if draw(st.booleans()):
        return _asked(draw, "/v1/embeddings", {"input": texts}, answer, JSON, price_of(tokens_in=tokens))
    answer["data"] = answer["data"][:1]  # type: ignore[index]
    tokens = _tokens(draw, texts[0])
    answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return _asked(draw, "/api/embedding", {"input": texts[0]}, answer, JSON, price_of(tokens_in=tokens))


def _rerank(draw: st.DrawFn) -> Exchange:
    query, documents = draw(PLAIN_TEXTS), draw(st.lists(PLAIN_TEXTS, min_size=1, max_size=3))
    tokens = _tokens(draw, *[query] * len(documents), *documents)
    answer = {
        "results": [{"index": index, "relevance_score": 0.5} for index in range(len(documents))],
        "usage": {"total_tokens": tokens},
    }
    path, name = draw(st.sampled_from((("/v1/rerank", "documents"), ("/api/rerank", "input"))))
    return _asked(draw, path, {"query": query, name: documents}, answer, JSON, price_of(tokens_in=tokens))


def _form(draw: st.DrawFn, fields: dict[str, str], file_field: str, file: bytes) -> bytes:
    """The fields and the file as multipart/form-data, sometimes with an odd text in a field."""
    if draw(st.integers(0, 19)) == 19:
        fields[draw(st.sampled_from(sorted(fields)))] = draw(TEXTS)
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + value.encode("utf-8", "replace")
        for name, value in fields.items()
    ]
    file_head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{file_field}"; filename="a"\r\n\r\n'
    parts.append(file_head.encode() + file)
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _transcription(draw: st.DrawFn) -> Exchange:
    """What a sound is charged for is its own length; what the upstream says of it is not the only measure."""
    fields = {"model": "lane-@lane@"}
    path = draw(st.sampled_from(("/v1/audio/transcriptions", "/api/stt")))
    if path != "/api/stt":
        fields["response_format"] = draw(st.sampled_from(("json", "text", "srt", "vtt", "verbose_json")))
    body = _form(draw, fields, "file", wav(draw(st.integers(50, 400))))
    answer = {
        "text": draw(PLAIN_TEXTS),
        "duration": draw(st.sampled_from((0.2, 0, 99999.5, "0.2", None))),
        "language": "en",
        "segments": [{"id": 0, "start": 0.0, "end": 0.2, "text": draw(PLAIN_TEXTS)}],
    }
    return Exchange(path, f"multipart/form-data; boundary={BOUNDARY}", body, answer, JSON, None)


def _vision(draw: st.DrawFn) -> Exchange:
    text = draw(PLAIN_TEXTS)
    tokens_out = _tokens(draw, text)
    fields = {"model": "lane-@lane@", "prompt": draw(TEXTS) or "What is this?", "temperature": "0.5"}
    body = _form(draw, fields, "image", PNG)
    answer = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": tokens_out, "total_tokens": 120 + tokens_out},
    }
    price = price_of(tokens_in=120, tokens_out=tokens_out)
    return Exchange("/api/image2text", f"multipart/form-data; boundary={BOUNDARY}", body, answer, JSON, price)


def _speech(draw: st.DrawFn) -> Exchange:
    text = draw(PLAIN_TEXTS)
    sound = b"RIFF" + struct.pack("<I", 500) + b"WAVEfmt " + bytes(draw(st.integers(52, 600)))
    price = price_of(characters=len(text))
    if draw(st.booleans()):
        voice = draw(st.sampled_from(("Ryan", "Vivian")))
        fields = {"input": text, "voice": voice, "response_format": "wav"}
        return _asked(draw, "/v1/audio/speech", fields, sound, "audio/wav", price)
    return _asked(draw, "/api/tts", {"text": text}, sound, "audio/wav", price)


def _images(draw: st.DrawFn) -> Exchange:
    count = draw(st.integers(1, 2))
    path = draw(st.sampled_from(("/v1/images/generations", "/api/t2i")))
    fields: dict[str, Any] = {"prompt": draw(PLAIN_TEXTS)}
    if path == "/api/t2i":
        count = 1
    else:
        fields |= {"n": count, "size": draw(st.sampled_from((ABSENT, "512x512", "auto")))}
    answer = {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()} for _ in range(count)]}
    return _asked(draw, path, fields, answer, JSON, price_of(images=count))


_EXCHANGES: tuple[Callable[[st.DrawFn], Exchange], ...] = (
    _embeddings,
    _rerank,
    _vision,
    _transcription,
    _speech,
    _speech,
    _images,
)


def _oddly(draw: st.DrawFn, answer: Any) -> Any:
    """The answer with one value in it replaced, missing or repeated."""
    if isinstance(answer, dict) and answer and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(answer)))
        changed = (
            draw(st.sampled_from((ABSENT, 0))) if draw(st.integers(0, 5)) == 5 else _oddly(draw, answer[name])
        )
        return without_absent({**answer, name: changed})
    if isinstance(answer, list) and answer and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(answer) - 1))
        changed = [*answer[:place], _oddly(draw, answer[place]), *answer[place + 1 :]]
        return draw(st.sampled_from((changed, answer[:place], answer + answer)))
    return draw(LAX)


@st.composite
def media_calls(draw: st.DrawFn) -> Call:
    exchange = draw(st.sampled_from(_EXCHANGES))(draw)
    answer, answer_type, status = exchange.answer, exchange.answer_type, 200
    is_plain = draw(st.integers(0, 3)) < 2
    if not is_plain:
        status = draw(STATUSES)
        answer_type = draw(st.sampled_from((answer_type,) * 6 + (JSON, "audio/mpeg", "text/html", "")))
        if not isinstance(answer, bytes):
            answer = _oddly(draw, answer)
        elif draw(st.booleans()):
            answer = draw(st.sampled_from((b"", b"RIFF", b"ID3", json.dumps({"error": "no"}).encode())))
    raw_body = answer if isinstance(answer, bytes) else to_json(answer)
    if not is_plain and draw(st.integers(0, 9)) == 9:
        raw_body = raw_body[: draw(st.integers(0, len(raw_body)))]
    framing = draw(FRAMINGS)
    raw = http_answer(raw_body, answer_type, status=status, framing=framing)
    script = draw(scripts(raw, framing=framing, ends_well=draw(st.integers(0, 5)) < 5))
    return Call(
        exchange.path,
        exchange.body,
        script,
        {"Content-Type": exchange.content_type},
        draw(leavings(len(exchange.body) + 200, len(raw))),
        repeats=draw(st.integers(0, 19)) == 19,
        true_price=exchange.true_price if is_plain and script.stop is None else None,
        can_deliver=200 <= status < 300,
    )

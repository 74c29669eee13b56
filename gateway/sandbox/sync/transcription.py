"""Text from speech, in the words of three servers; the transcript is the one that the WAV file carries."""

from __future__ import annotations

import re

import orjson

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.files import mp3, wav
from gateway.sandbox.magic import without_magic
from gateway.sandbox.sync.forms import Form, Upload, read_form
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Reply, Route, Text, json_reply

# Sound that is no WAV has no length of its own here: this many bytes count as a second (32 kbit/s).
BYTES_PER_SECOND = 4_000
_WORD = re.compile(r"[\w'-]+")
_SENTENCE = re.compile(r"[^.!?。]+[.!?。]*\s*")


def routes() -> list[Route]:
    """The speech-to-text surface."""
    return [
        Route("POST", "/stt", wrapper, dialects.fastapi),
        Route("POST", "/asr", whisper_asr, dialects.fastapi),
        Route("POST", "/v1/audio/transcriptions", openai_transcription, dialects.openai),
        Route("POST", "/v1/audio/translations", openai_translation, dialects.openai),
    ]


def wrapper(call: Call) -> Answer:
    """The faster-whisper wrapper: text, language, duration, segments."""
    form = read_form(call)
    upload = form.file("file")
    task = form.fields.get("task") or "transcribe"
    if task not in ("transcribe", "translate"):
        raise Refusal(422, "task must be transcribe or translate")
    beam_size = form.fields.get("beam_size") or "5"
    if not beam_size.isdigit() or int(beam_size) < 1:
        raise Refusal(422, "beam_size must be a whole number of at least 1")
    text, seconds = hear(upload)
    document = {
        "text": text,
        "language": form.fields.get("language") or "en",
        "duration": seconds,
        "segments": segments_of(text, seconds),
    }
    return json_reply(document, text=Text(content=text))


def whisper_asr(call: Call) -> Answer:
    """whisper-asr-webservice: options in the query, the file as `audio_file`, JSON served as text/plain."""
    upload = read_form(call).file("audio_file")
    text, seconds = hear(upload)
    output = call.query.get("output", "txt")
    if output == "txt":
        body = text.encode("utf-8") + b"\n"
    elif output == "json":
        language = call.query.get("language") or "en"
        body = orjson.dumps({"text": text, "segments": segments_of(text, seconds), "language": language})
    else:
        raise Refusal(422, f"output {output!r} is not supported here: txt or json")
    return Reply(body, content_type=b"text/plain; charset=utf-8", text=Text(content=text))


def openai_transcription(call: Call) -> Answer:
    """OpenAI, speaches: the text in the language spoken."""
    return _openai(read_form(call), "transcribe")


def openai_translation(call: Call) -> Answer:
    """OpenAI, speaches: the text in English."""
    return _openai(read_form(call), "translate")


def hear(upload: Upload) -> tuple[str, float]:
    """What is said in a file and how long it is: its own transcript, or a sentence chosen by its bytes."""
    seconds = wav.duration_of(upload.data) or mp3.duration_of(upload.data)
    transcript = wav.transcript_of(upload.data) or mp3.comment_of(upload.data)
    if transcript is None:
        transcript = prose.sentence(prose.digest(upload.data))
    if seconds is None:
        seconds = len(upload.data) / BYTES_PER_SECOND
    return without_magic(transcript), round(seconds, 3)


def segments_of(text: str, seconds: float) -> list[dict[str, Json]]:
    """The sentences of `text`, each with its share of the time."""
    segments: list[dict[str, Json]] = []
    at = 0
    for index, sentence in enumerate(_SENTENCE.findall(text) or [text]):
        start, at = at, at + len(sentence)
        segments.append(
            {
                "id": index,
                "start": round(seconds * start / max(len(text), 1), 3),
                "end": round(seconds * at / max(len(text), 1), 3),
                "text": sentence.strip(),
                "avg_logprob": -0.2,
                "no_speech_prob": 0.01,
            }
        )
    return segments


def words_of(text: str, seconds: float) -> list[dict[str, Json]]:
    """The words of `text` without the signs between them, each with its share of the time."""
    return [
        {
            "word": match.group(),
            "start": round(seconds * match.start() / len(text), 3),
            "end": round(seconds * match.end() / len(text), 3),
        }
        for match in _WORD.finditer(text)
    ]


def _openai(form: Form, task: str) -> Answer:
    upload = form.file("file")
    for unknown in ("beam_size", "vad_filter"):
        if unknown in form.fields:
            raise Refusal(400, f"unknown parameter: {unknown}")
    text, seconds = hear(upload)
    shape = form.fields.get("response_format") or "json"
    said = Text(content=text)
    if shape == "text":
        return Reply(text.encode("utf-8") + b"\n", content_type=b"text/plain; charset=utf-8", text=said)
    if shape == "json":
        usage = {"type": "duration", "seconds": int(-(-seconds // 1))}
        return json_reply({"text": text, "usage": usage}, text=said)
    if shape == "verbose_json":
        language = "en" if task == "translate" else form.fields.get("language") or "en"
        document: dict[str, Json] = {"task": task, "language": language, "duration": seconds, "text": text}
        asked = form.lists.get("timestamp_granularities[]", ["segment"])
        document |= {"words": words_of(text, seconds)} if "word" in asked else {}
        document |= {"segments": segments_of(text, seconds)} if "segment" in asked else {}
        return json_reply(document, text=said)
    raise Refusal(400, f"response_format {shape!r} is not supported here: json, text or verbose_json")

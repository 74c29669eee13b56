"""Subtitles: what was heard, cut into lines with the times at which they are shown, as SubRip and as WebVTT."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

# Two lines of subtitles, and as long as one is comfortably read.
MAX_CUE_LENGTH = 84
MAX_CUE_MS = 7_000
PAUSE_MS = 1_500
_LONGEST_S = 10_000_000
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")


class Cue(NamedTuple):
    """A line of subtitles and when it is shown, in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


def cues_of(heard: dict[str, Any]) -> list[Cue]:
    """One cue a segment; without usable segments, of the words; else the whole text as one."""
    segments = [
        cue for segment in _objects(heard.get("segments")) if (cue := _cue_of(segment, "text")) is not None
    ]
    if segments or not heard["text"]:
        return segments
    words = [cue for word in _objects(heard.get("words")) if (cue := _cue_of(word, "word")) is not None]
    if words:
        return _grouped(words, heard["text"])
    return [Cue(0, _milliseconds(heard.get("duration")) or 0, heard["text"])]


def as_srt(cues: list[Cue]) -> str:
    """SubRip: numbered cues, times with a comma."""
    return "\n".join(
        f"{number}\n{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues, 1)
    )


def as_vtt(cues: list[Cue]) -> str:
    """WebVTT; an arrow or a mark-up sign within the text is escaped, as the format asks."""
    return "WEBVTT\n\n" + "\n".join(
        f"{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}\n{_escaped(cue.text)}\n" for cue in cues
    )


def _grouped(words: list[Cue], text: str) -> list[Cue]:
    """Words put together until a sentence ends, somebody pauses, or the cue is full."""
    cues: list[Cue] = []
    begun: list[tuple[Cue, str]] = []
    for word, piece in zip(words, _pieces(words, text), strict=True):
        if begun and _is_full(begun, word, piece):
            cues.append(_joined(begun))
            begun = []
        begun.append((word, piece))
    cues.append(_joined(begun))
    return [cue for cue in cues if cue.text]


def _is_full(begun: list[tuple[Cue, str]], word: Cue, piece: str) -> bool:
    """Whether a cue ends before this word."""
    first, last = begun[0][0], begun[-1]
    length = sum(len(each) for _, each in begun) + len(piece.strip())
    return (
        last[1].rstrip().endswith(_SENTENCE_ENDS)
        or word.start_ms - last[0].end_ms > PAUSE_MS
        or word.end_ms - first.start_ms > MAX_CUE_MS
        or length > MAX_CUE_LENGTH
    )


def _joined(begun: Sequence[tuple[Cue, str]]) -> Cue:
    end_ms = max(word.end_ms for word, _ in begun)
    return Cue(begun[0][0].start_ms, end_ms, _lines("".join(piece for _, piece in begun)))


def _pieces(words: list[Cue], text: str) -> list[str]:
    """The text cut at its words, with the signs and spaces between them; the words alone where they are not its own."""
    places = []
    at = 0
    for word in words:
        at = text.find(word.text, at)
        if at < 0:
            return [word.text + " " for word in words]
        places.append(at)
        at += len(word.text)
    places[0] = 0
    return [text[start:end] for start, end in zip(places, [*places[1:], len(text)], strict=True)]


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _cue_of(item: dict[str, Any], name: str) -> Cue | None:
    text, start_ms, end_ms = item.get(name), _milliseconds(item.get("start")), _milliseconds(item.get("end"))
    if not isinstance(text, str) or start_ms is None or end_ms is None:
        return None
    return Cue(start_ms, end_ms, _lines(text))


def _lines(text: str) -> str:
    """Without blank lines, which would end the cue."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _milliseconds(seconds: object) -> int | None:
    """None for what is no moment of a recording."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    return round(seconds * 1000) if abs(seconds) <= _LONGEST_S else None


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(ms: int, mark: str) -> str:
    seconds, ms = divmod(max(ms, 0), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{ms:03d}"

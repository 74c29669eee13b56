"""A transcript in the five shapes that OpenAI's clients may ask for."""

from typing import Any, NamedTuple

from django.http import HttpResponse

from gateway.adapters.steps import JsonAnswer
from gateway.endpoint_view import json_response


class Cue(NamedTuple):
    """A line of subtitles and when it is shown, in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


def transcript_response(answer: JsonAnswer, response_format: str, task: str) -> HttpResponse:
    """The transcript as json, text, verbose_json, srt or vtt."""
    heard = answer.values
    if response_format == "text":
        return HttpResponse(heard["text"] + "\n", content_type="text/plain; charset=utf-8")
    if response_format == "srt":
        return HttpResponse(as_srt(cues_of(heard)), content_type="text/plain; charset=utf-8")
    if response_format == "vtt":
        return HttpResponse(as_vtt(cues_of(heard)), content_type="text/vtt; charset=utf-8")
    usage = {"type": "duration", "seconds": -(-answer.units.audio_ms // 1000)}
    if response_format == "json":
        return json_response({"text": heard["text"], "usage": usage})
    verbose = {
        "task": task,
        "language": heard.get("language", ""),
        "duration": heard.get("duration", answer.units.audio_ms / 1000),
        "text": heard["text"],
        "segments": heard.get("segments", []),
        "usage": usage,
    }
    if "words" in heard:
        verbose["words"] = heard["words"]
    return json_response(verbose)


def cues_of(heard: dict[str, Any]) -> list[Cue]:
    """One cue a segment; the whole text as one where the upstream gave no usable segments."""
    cues = [cue for segment in heard.get("segments", []) if (cue := _cue_of(segment)) is not None]
    if cues or not heard["text"]:
        return cues
    return [Cue(0, round(heard.get("duration", 0) * 1000), heard["text"])]


def _cue_of(segment: object) -> Cue | None:
    if not isinstance(segment, dict) or not isinstance(segment.get("text"), str):
        return None
    start, end = segment.get("start"), segment.get("end")
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        return None
    # A blank line would end the cue.
    lines = [line.strip() for line in segment["text"].splitlines() if line.strip()]
    return Cue(round(start * 1000), round(end * 1000), "\n".join(lines))


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


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(ms: int, mark: str) -> str:
    seconds, ms = divmod(max(ms, 0), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{ms:03d}"

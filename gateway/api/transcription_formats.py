"""A transcript in the five shapes that OpenAI's clients may ask for."""

from django.http import HttpResponse

from gateway.adapters.protocol import JsonAnswer
from gateway.api.subtitles import as_srt, as_vtt, cues_of
from gateway.http.endpoint_view import json_response


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

"""Suno at kie.ai: POST /api/v1/generate, GET /api/v1/generate/record-info.

Source: docs.kie.ai/suno-api. kie wants `customMode` and `instrumental` told, and in custom mode a style and a title,
which our callers may leave out; it wants `callBackUrl` too, so a real route needs a public address. A task's
`CALLBACK_EXCEPTION` says that telling us failed, not that the song did: it is polled again. As with the rest of
kie there is no cancelling, and no finding without the id.
"""

from collections.abc import Generator, Mapping
from typing import Any

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Received, UpstreamCall
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.tasks import kie
from gateway.adapters.tasks.protocol import Polled, Progress, Submitted, TaskRequest
from gateway.adapters.tasks.provider_tasks import (
    enveloped,
    failed,
    mapping,
    succeeded,
)

SERVES = frozenset({"music_task"})
CREATE_PATH = "/api/v1/generate"
RECORD_PATH = "/api/v1/generate/record-info"
RUNNING = ("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "CALLBACK_EXCEPTION")
# Suno's own names of its versions, and kie's.
VERSIONS = {
    "chirp-v3-5": "V3_5",
    "chirp-v4": "V4",
    "chirp-v4-5": "V4_5",
    "chirp-v4-5-plus": "V4_5PLUS",
    "chirp-v4-5-all": "V4_5ALL",
    "chirp-v5": "V5",
}
DEFAULT_VERSION = "chirp-v3-5"
DEFAULT_STYLE = "pop"
MAX_TITLE_LENGTH = 80
MAX_DESCRIPTION_LENGTH = 500


def submit(request: TaskRequest, route: AdapterRoute) -> Generator[UpstreamCall, Received, Submitted]:
    """One call, which makes two songs."""
    return (yield from kie.create(CREATE_PATH, _song(request, route), request, route))


def find(request: TaskRequest, route: AdapterRoute) -> None:
    """kie has no look-up."""
    return


def poll(reference: Mapping[str, Any], route: AdapterRoute) -> Generator[UpstreamCall, Received, Polled]:
    """One look at the record; songs that are ready before the task is are not results yet."""
    received = yield UpstreamCall(RECORD_PATH, method="GET", query={"taskId": reference["id"]})
    record = enveloped(received.json(), submitting=False)
    status = record.get("status")
    if status in RUNNING:
        return Polled(Progress.RUNNING)
    if isinstance(status, str) and (status.endswith("_FAILED") or status == "SENSITIVE_WORD_ERROR"):
        return failed(status, record.get("errorMessage"))
    if status != "SUCCESS":
        raise MalformedAnswer("an unknown status")
    songs = mapping(record.get("response"), "response").get("sunoData")
    if not isinstance(songs, list):
        raise MalformedAnswer("no songs")
    return succeeded([song.get("audioUrl") for song in songs if isinstance(song, dict)])


def cancel(reference: Mapping[str, Any], route: AdapterRoute) -> None:
    """kie has no way to cancel."""
    return


def webhook_reference(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> str:
    """As the rest of kie's; callbacks for the text and for the first song are hints too."""
    return kie.webhook_reference(headers, body, secret, now_s)


def _song(request: TaskRequest, route: AdapterRoute) -> dict[str, Any]:
    """Inspiration mode for a description, custom mode for lyrics and for a style without a voice."""
    given = request.parameters
    versions = route.options.get("versions", VERSIONS)
    version = versions.get(given.get("mv", DEFAULT_VERSION)) if isinstance(versions, Mapping) else None
    if not isinstance(version, str):
        raise BadOption(f"{route.model} has no name for its version {given.get('mv')!r}")
    song: dict[str, Any] = {"model": version, "instrumental": given.get("make_instrumental", False)}
    lyrics = given.get("prompt")
    style = given.get("style")
    if lyrics is None and "gpt_description_prompt" not in given and style is not None:
        title = given.get("title") or style.strip().splitlines()[0][:MAX_TITLE_LENGTH]
        return song | {"customMode": True, "style": style, "title": title}
    if lyrics is None:
        description = given.get("gpt_description_prompt", "")
        # A description is all that inspiration mode reads, so a style that was given joins it.
        if style is not None and len(description) + len(style) + 2 <= MAX_DESCRIPTION_LENGTH:
            description = f"{description}, {style}"
        return song | {"customMode": False, "prompt": description}
    title = given.get("title") or lyrics.strip().splitlines()[0][:MAX_TITLE_LENGTH]
    style = style or route.options.get("default_style", DEFAULT_STYLE)
    return song | {"customMode": True, "prompt": lyrics, "style": style, "title": title}

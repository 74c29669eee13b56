"""Music of ACE-Step 1.5: a task is queued, polled until it has ended, and its file fetched.

Source: docs/en/API.md of ace-step/ACE-Step-1.5. Every answer is `{data, code, error}`; a polled task's `result`
is a JSON string inside it. There is no way to cancel a task: a call that is given up leaves one running.
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import (
    AdapterRoute,
    AnswerRefused,
    MalformedAnswer,
    Received,
    Steps,
    StreamedAnswer,
    UpstreamCall,
    UpstreamFault,
    Wait,
)
from gateway.adapters.shared import speech
from gateway.adapters.shared.limits import limit
from gateway.adapters.shared.raise_error_body import CALLER_AT_FAULT, raise_for_error_body
from gateway.adapters.shared.requests import MusicRequest
from usage.ledger.units import Units

SERVES = frozenset({"music"})
SUBMIT_PATH = "/release_task"
POLL_PATH = "/query_result"
AUDIO_PATH = "/v1/audio"
MIN_AUDIO_S = 10
MAX_AUDIO_S = 600
FIRST_WAIT_S = 0.2
WAIT_GROWTH = 1.5
LONGEST_WAIT_S = 2.0
SUCCEEDED, FAILED = 1, 2


def ceiling(request: MusicRequest, route: AdapterRoute) -> Units:
    """The length asked for.

    Raises InvalidRequest naming `audio_duration` outside the route's `min_audio_s` to `max_audio_s`.
    """
    least, most = limit(route, "min_audio_s", MIN_AUDIO_S), limit(route, "max_audio_s", MAX_AUDIO_S)
    if not least * 1000 <= request.audio_ms <= most * 1000:
        raise InvalidRequest(
            _("%(param)s: this model makes from %(least)s to %(most)s seconds."),
            param="audio_duration",
            least=least,
            most=most,
        )
    return Units(audio_ms=request.audio_ms)


def steps(request: MusicRequest, route: AdapterRoute) -> Steps:
    """Submit, poll at growing intervals for as long as the call's deadline lets us, fetch the first file."""
    received = yield UpstreamCall(SUBMIT_PATH, json=_task(request, route), starts_a_job=True)
    submitted = _data(received)
    task_id = submitted.get("task_id") if isinstance(submitted, dict) else None
    if not isinstance(task_id, str) or not task_id:
        raise MalformedAnswer("no task id")
    wait_s = FIRST_WAIT_S
    while True:
        yield Wait(wait_s)
        wait_s = min(wait_s * WAIT_GROWTH, LONGEST_WAIT_S)
        received = yield UpstreamCall(POLL_PATH, json={"task_id_list": [task_id]})
        song = _song(_data(received), task_id)
        if song is not None:
            break
    received = yield UpstreamCall(
        AUDIO_PATH, method="GET", query={"path": _file_path(song)}, accept="audio/*", streamed=True
    )
    return StreamedAnswer(speech.audio_type(received), Units(audio_ms=_made_ms(song, request)))


def _task(request: MusicRequest, route: AdapterRoute) -> dict[str, Any]:
    """One song, not the server's usual two, of exactly the length that is paid for."""
    task: dict[str, Any] = {
        "prompt": request.prompt,
        "audio_duration": request.audio_ms / 1000,
        "audio_format": route.options.get("audio_format", "wav"),
        "batch_size": 1,
    }
    if request.seed is not None:
        task |= {"seed": request.seed, "use_random_seed": False}
    # The server picks its default model unless it is told one that it has.
    if route.upstream_model != route.model:
        task["model"] = route.upstream_model
    return task


def _data(received: Received) -> object:
    """What the envelope holds; raises where it tells an error."""
    values = received.json()
    if not isinstance(values, dict):
        raise MalformedAnswer("no envelope")
    raise_for_error_body(values)
    code = values.get("code", 200)
    if code != 200:
        raise AnswerRefused if type(code) is int and code in CALLER_AT_FAULT else UpstreamFault
    return values.get("data")


def _song(polled: object, task_id: str) -> dict[str, Any] | None:
    """The finished song, or None while it is in progress; raises UpstreamFault where it failed."""
    tasks = polled if isinstance(polled, list) else []
    task = next((task for task in tasks if isinstance(task, dict) and task.get("task_id") == task_id), None)
    if task is None:
        raise MalformedAnswer("no such task in the answer")
    if task.get("status") == FAILED:
        raise UpstreamFault("the generation failed")
    if task.get("status") != SUCCEEDED:
        return None
    result = task.get("result")
    try:
        songs = orjson.loads(result) if isinstance(result, str) else result
    except orjson.JSONDecodeError:
        raise MalformedAnswer("a result that is not JSON") from None
    if not isinstance(songs, list) or not songs or not isinstance(songs[0], dict):
        raise MalformedAnswer("no songs")
    song: dict[str, Any] = songs[0]
    return song


def _file_path(song: dict[str, Any]) -> str:
    """Where the server keeps the file. An address anywhere else is not followed."""
    file = song.get("file")
    try:
        parts = urlsplit(file if isinstance(file, str) else "")
    except ValueError:
        raise MalformedAnswer("a file without a path") from None
    paths = parse_qs(parts.query).get("path", [])
    if parts.scheme or parts.netloc or parts.path != AUDIO_PATH or len(paths) != 1:
        raise MalformedAnswer("a file that is not the server's own")
    return paths[0]


def _made_ms(song: dict[str, Any], request: MusicRequest) -> int:
    """The song's length: as asked, or shorter where the server says that it made less."""
    metas = song.get("metas")
    seconds = metas.get("duration") if isinstance(metas, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return request.audio_ms
    if not 0 < seconds < request.audio_ms / 1000:
        return request.audio_ms
    return round(seconds * 1000)

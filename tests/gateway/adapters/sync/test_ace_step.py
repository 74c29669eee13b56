"""ACE-Step: submitted, polled with growing pauses, fetched from the server's own path only."""

from typing import Any

import orjson
import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, StreamedAnswer, UpstreamFault
from gateway.adapters.shared.requests import MusicRequest
from gateway.adapters.sync import ace_step
from tests.gateway.adapters.driving import Route, as_audio, as_json, drive
from usage.ledger.units import Units

JAZZ = MusicRequest("jazz", 10_000)
FILE = "/v1/audio?path=%2Fsrv%2Fa%20b.wav"


def enveloped(data: Any, code: Any = 200, error: Any = None) -> Any:
    return as_json({"data": data, "code": code, "error": error, "timestamp": 1, "extra": None})


SUBMITTED = enveloped({"task_id": "t1", "status": "queued", "queue_position": 1})


def polled(status: int, **song: Any) -> Any:
    result = orjson.dumps([{"file": FILE, "metas": {"duration": 10}, **song}]).decode()
    return enveloped([{"task_id": "t1", "status": status, "result": result}])


def test_submit_poll_fetch() -> None:
    answers = [SUBMITTED, polled(0), polled(0), polled(1), as_audio("audio/wav")]
    answer, calls, waits = drive(ace_step, JAZZ, *answers)
    assert answer == StreamedAnswer("audio/wav", Units(audio_ms=10_000))
    assert [call.path for call in calls] == ["/release_task", *["/query_result"] * 3, "/v1/audio"]
    assert calls[0].json == {
        "prompt": "jazz",
        "audio_duration": 10.0,
        "audio_format": "wav",
        "batch_size": 1,
        "model": "theirs",
    }
    assert calls[1].json == {"task_id_list": ["t1"]}
    assert (calls[-1].method, calls[-1].query, calls[-1].streamed) == ("GET", {"path": "/srv/a b.wav"}, True)
    assert waits == sorted(waits)
    assert len(waits) == 3


def test_pauses_grow_up_to_a_limit() -> None:
    _, _, waits = drive(ace_step, JAZZ, SUBMITTED, *[polled(0)] * 20, polled(1), as_audio())
    assert waits[0] < waits[3] < waits[-1] == ace_step.LONGEST_WAIT_S


def test_a_seed_is_meant_and_an_unnamed_model_is_the_servers_choice() -> None:
    request = MusicRequest("jazz", 12_500, seed=4)
    answer, calls, _ = drive(
        ace_step, request, SUBMITTED, polled(1), as_audio(), route=Route(upstream_model="ours")
    )
    assert (calls[0].json["seed"], calls[0].json["use_random_seed"]) == (4, False)
    assert calls[0].json["audio_duration"] == 12.5
    assert "model" not in calls[0].json
    assert answer.units == Units(audio_ms=10_000)  # the server says that it made ten seconds


@pytest.mark.parametrize("duration", [11, 0, -1, None, "N/A", True, float("inf")])
def test_a_length_that_makes_no_sense_is_billed_as_asked(duration: Any) -> None:
    finished = polled(1, metas={"duration": None if duration == float("inf") else duration})
    answer, _, _ = drive(ace_step, JAZZ, SUBMITTED, finished, as_audio())
    assert answer.units == Units(audio_ms=10_000)


@pytest.mark.parametrize(
    "file",
    [
        "",
        None,
        "http://169.254.169.254/v1/audio?path=x",
        "//evil/v1/audio?path=x",
        "/etc/passwd",
        "/v1/audio",
        "/v1/audio?path=a&path=b",
        "http://[::1",
    ],
)
def test_a_file_elsewhere_is_never_fetched(file: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(ace_step, JAZZ, SUBMITTED, polled(1, file=file))


def test_a_failed_task_is_a_fault() -> None:
    with pytest.raises(UpstreamFault):
        drive(ace_step, JAZZ, SUBMITTED, polled(2))


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        (500, "boom", UpstreamFault),
        (500, None, UpstreamFault),
        (402, "x", UpstreamFault),
        (422, "audio_duration", AnswerRefused),
        (422, None, AnswerRefused),
        ([], None, UpstreamFault),
    ],
)
def test_an_envelope_that_tells_an_error(code: Any, error: Any, kind: type[Exception]) -> None:
    for before in ([], [SUBMITTED]):
        with pytest.raises(kind):
            drive(ace_step, JAZZ, *before, enveloped(None, code, error))


@pytest.mark.parametrize(
    "answer",
    [
        enveloped([]),
        enveloped(None),
        enveloped([{"task_id": "another", "status": 1}]),
        enveloped([{"task_id": "t1", "status": 1, "result": "[broken"}]),
        enveloped([{"task_id": "t1", "status": 1, "result": "[]"}]),
        enveloped([{"task_id": "t1", "status": 1, "result": None}]),
        as_json([]),
    ],
)
def test_a_poll_that_cannot_be_read_is_malformed(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        drive(ace_step, JAZZ, SUBMITTED, answer)


def test_a_submission_without_a_task_and_a_file_that_is_no_sound() -> None:
    for data in ({}, None, {"task_id": ""}, {"task_id": 5}):
        with pytest.raises(MalformedAnswer):
            drive(ace_step, JAZZ, enveloped(data))
    with pytest.raises(MalformedAnswer):
        drive(ace_step, JAZZ, SUBMITTED, polled(1), as_audio("text/html"))


@pytest.mark.parametrize("audio_ms", [9_999, 600_001, 0])
def test_a_length_outside_the_routes_is_refused(audio_ms: int) -> None:
    assert ace_step.ceiling(JAZZ, Route()) == Units(audio_ms=10_000)
    with pytest.raises(InvalidRequest) as raised:
        ace_step.ceiling(MusicRequest("x", audio_ms), Route())
    assert raised.value.param == "audio_duration"

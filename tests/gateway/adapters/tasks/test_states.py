"""Every state that a provider has, as `upstreams.md` maps it; and what is no state at all."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson
import pytest

from gateway.adapters.protocol import MalformedAnswer, UpstreamFault
from gateway.adapters.tasks import fal, kie, kie_suno, replicate, wavespeed
from gateway.adapters.tasks.protocol import Polled, Progress
from gateway.adapters.tasks.provider_tasks import CANCELLED, FAILED, REFUSED_CONTENT, REFUSED_INPUT
from tests.gateway.adapters.driving import Route
from tests.gateway.adapters.tasks.task_driving import execute

REFERENCE = {"id": "t-1", "app": "fal-ai/flux"}
URL, URL_2 = "https://cdn.test/0.png", "https://cdn.test/1.png"
RUNNING = Polled(Progress.RUNNING)


def market(state: Any, **fields: Any) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": {"taskId": "t-1", "state": state, **fields}}


def song(status: Any, songs: Any = None, **fields: Any) -> dict[str, Any]:
    return {"code": 200, "data": {"status": status, "response": {"sunoData": songs}, **fields}}


def wave(status: Any, **fields: Any) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": {"id": "t-1", "status": status, **fields}}


def look(adapter: ModuleType, *answers: Any) -> Polled:
    polled, _ = execute(adapter.poll(REFERENCE, Route()), *answers)
    assert isinstance(polled, Polled)
    return polled


@pytest.mark.parametrize(
    ("adapter", "answer"),
    [
        *((kie, market(state)) for state in ("waiting", "queuing", "generating")),
        *((kie_suno, song(status)) for status in ("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS")),
        (kie_suno, song("FIRST_SUCCESS", [{"audioUrl": URL}])),
        (kie_suno, song("CALLBACK_EXCEPTION", [{"audioUrl": URL}])),
        *((fal, {"status": status}) for status in ("IN_QUEUE", "IN_PROGRESS")),
        *((replicate, {"status": status}) for status in ("starting", "processing")),
        *((wavespeed, wave(status)) for status in ("created", "processing")),
    ],
)
def test_a_task_in_progress_is_running_and_has_no_results(adapter: ModuleType, answer: Any) -> None:
    assert look(adapter, answer) == RUNNING


@pytest.mark.parametrize(
    ("adapter", "answers"),
    [
        (kie, [market("success", resultJson=orjson.dumps({"resultUrls": [URL, URL_2]}).decode())]),
        (kie, [market("success", resultJson={"resultUrls": [URL, URL_2], "firstFrameUrl": "https://no"})]),
        (kie_suno, [song("SUCCESS", [{"audioUrl": URL, "imageUrl": "https://no"}, {"audioUrl": URL_2}])]),
        (fal, [{"status": "COMPLETED"}, {"images": [{"url": URL}, {"url": URL_2}], "prompt": "https://no"}]),
        (fal, [{"status": "COMPLETED", "error": None}, {"video": {"url": URL}, "image": {"url": URL_2}}]),
        (fal, [{"status": "COMPLETED"}, {"new_kind": [{"url": URL, "size": 1}, {"url": URL_2}]}]),
        (replicate, [{"status": "succeeded", "output": [URL, URL_2]}]),
        (replicate, [{"status": "succeeded", "output": {"b": URL, "a": [URL_2]}}]),
        (wavespeed, [wave("completed", outputs=[URL, URL_2], urls={"get": "https://no"})]),
    ],
)
def test_a_finished_task_has_its_results_in_order(adapter: ModuleType, answers: list[Any]) -> None:
    polled = look(adapter, *answers)
    assert (polled.progress, polled.error_message) == (Progress.SUCCEEDED, None)
    assert polled.results == [URL, URL_2]


def test_a_single_file_and_a_data_url_are_results_too() -> None:
    assert look(replicate, {"status": "succeeded", "output": URL}).results == [URL]
    output = {"audio": {"url": "data:audio/mpeg;base64,AAAA"}}
    assert look(fal, {"status": "COMPLETED"}, output).results == ["data:audio/mpeg;base64,AAAA"]


@pytest.mark.parametrize(
    ("adapter", "answers", "message"),
    [
        (kie, [market("fail", failCode="501", failMsg="node 7 of internal-host broke")], FAILED),
        (
            kie,
            [market("fail", failCode="400", failMsg="Your prompt was flagged as sensitive")],
            REFUSED_CONTENT,
        ),
        (kie_suno, [song("CREATE_TASK_FAILED", errorMessage="x")], FAILED),
        (kie_suno, [song("GENERATE_AUDIO_FAILED")], FAILED),
        (kie_suno, [song("SENSITIVE_WORD_ERROR")], REFUSED_CONTENT),
        (fal, [{"status": "COMPLETED", "error": "boom", "error_type": "runner"}], FAILED),
        (fal, [{"status": "COMPLETED", "error": "cancelled", "error_type": "request_cancelled"}], CANCELLED),
        (fal, [{"status": "COMPLETED"}, {"detail": [{"type": "content_policy_violation"}]}], REFUSED_CONTENT),
        (replicate, [{"status": "failed", "error": "NSFW content detected"}], REFUSED_CONTENT),
        (replicate, [{"status": "failed", "error": "Failed to download image"}], REFUSED_INPUT),
        (replicate, [{"status": "failed", "error": None}], FAILED),
        (replicate, [{"status": "canceled"}], CANCELLED),
        (replicate, [{"status": "aborted"}], CANCELLED),
        (wavespeed, [wave("failed", error="worker 10.0.0.7 died")], FAILED),
    ],
)
def test_a_failed_task_is_told_in_words_of_ours(
    adapter: ModuleType, answers: list[Any], message: str
) -> None:
    assert look(adapter, *answers) == Polled(Progress.FAILED, error_message=message)


@pytest.mark.parametrize(
    ("adapter", "answers"),
    [
        (kie, [market("success", resultJson="")]),
        (kie, [market("success", resultJson="{")]),
        (kie, [market("success", resultJson='{"resultUrls":[]}')]),
        (kie_suno, [song("SUCCESS", [])]),
        (kie_suno, [song("SUCCESS", [{"audioUrl": ""}])]),
        (kie_suno, [song("SUCCESS", "songs")]),
        (fal, [{"status": "COMPLETED"}, {"images": []}]),
        (fal, [{"status": "COMPLETED"}, {"images": [{"url": "ftp://x"}], "video": {"url": URL[5:]}}]),
        (replicate, [{"status": "succeeded", "output": None}]),
        (wavespeed, [wave("completed", outputs=[])]),
    ],
)
def test_a_success_without_results_is_no_success(adapter: ModuleType, answers: list[Any]) -> None:
    with pytest.raises(MalformedAnswer):
        look(adapter, *answers)


@pytest.mark.parametrize(
    ("adapter", "answer"),
    [
        (kie, market("done")),
        (kie, {"code": 200, "data": None}),
        (kie, {"code": "200", "data": {}}),
        (kie_suno, song("WHATEVER")),
        (kie_suno, {"code": 200, "data": {"status": None}}),
        (fal, {"status": "OK"}),
        (fal, []),
        (replicate, {"status": "queued"}),
        (wavespeed, wave("")),
        (kie, market(["success"])),
        (kie_suno, song({})),
        (fal, {"status": []}),
        (replicate, {"status": {}}),
        (wavespeed, wave([])),
    ],
)
def test_an_unknown_state_is_a_malformed_answer(adapter: ModuleType, answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        look(adapter, answer)


@pytest.mark.parametrize("adapter", [kie, kie_suno, wavespeed])
@pytest.mark.parametrize("code", [400, 401, 404, 422, 429, 455, 500, 501])
def test_an_error_under_http_200_is_the_polls_and_not_the_tasks(adapter: ModuleType, code: int) -> None:
    with pytest.raises(UpstreamFault):
        look(
            adapter,
            {"code": code, "msg": "recordInfo is null", "data": {"state": "fail", "status": "failed"}},
        )


def test_polls_ask_for_the_task_by_its_id() -> None:
    paths = {
        kie: "/api/v1/jobs/recordInfo",
        kie_suno: "/api/v1/generate/record-info",
        fal: "/fal-ai/flux/requests/t-1/status",
        replicate: "/v1/predictions/t-1",
        wavespeed: "/api/v3/predictions/t-1/result",
    }
    for adapter, path in paths.items():
        call = next(adapter.poll(REFERENCE, Route()))
        assert (call.method, call.path, call.json) == ("GET", path, None)
        assert call.query == ({"taskId": "t-1"} if adapter in (kie, kie_suno) else {})

"""What each provider is sent, what it is called by afterwards, and how it is asked to stop."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, UpstreamCall, UpstreamFault
from gateway.adapters.registry import TASK_ADAPTERS
from gateway.adapters.shared.limits import BadOption
from gateway.adapters.tasks import fal, kie, kie_suno, replicate, wavespeed
from gateway.adapters.tasks.protocol import NotTaken, Submitted
from tests.gateway.adapters.driving import Route
from tests.gateway.adapters.tasks.task_driving import HOOK, execute, task

MARKED = HOOK + "&marker=mark-1"
TAKEN: dict[ModuleType, Any] = {
    kie: {"code": 200, "msg": "success", "data": {"taskId": "t-1"}},
    kie_suno: {"code": 200, "msg": "success", "data": {"taskId": "t-1"}},
    fal: {"request_id": "t-1", "status": "IN_QUEUE", "status_url": "https://elsewhere.test/steal"},
    replicate: {"id": "t-1", "status": "starting", "urls": {"get": "https://elsewhere.test/steal"}},
    wavespeed: {"code": 200, "message": "success", "data": {"id": "t-1", "status": "created"}},
}


def send(
    adapter: ModuleType, request: Any = None, route: Route | None = None
) -> tuple[Submitted, UpstreamCall]:
    submitted, calls = execute(adapter.submit(request or task(), route or Route()), TAKEN[adapter])
    assert len(calls) == 1
    return submitted, calls[0]


def test_kie_gets_model_input_and_callback() -> None:
    submitted, call = send(kie)
    assert (call.method, call.path) == ("POST", "/api/v1/jobs/createTask")
    assert call.json == {"model": "theirs", "input": {"prompt": "a fox"}, "callBackUrl": MARKED}
    assert submitted == Submitted({"id": "t-1"}, 2.0)


def test_fal_gets_the_input_and_the_webhook_in_the_query() -> None:
    submitted, call = send(fal, route=Route(upstream_model="fal-ai/flux/dev/edit"))
    assert (call.path, call.json, call.query) == (
        "/fal-ai/flux/dev/edit",
        {"prompt": "a fox"},
        {"fal_webhook": MARKED},
    )
    assert submitted.reference == {"id": "t-1", "app": "fal-ai/flux"}


def test_replicate_gets_a_model_or_a_version() -> None:
    submitted, call = send(replicate, route=Route(upstream_model="owner/name"))
    assert call.path == "/v1/models/owner/name/predictions"
    assert call.json == {
        "input": {"prompt": "a fox"},
        "webhook": MARKED,
        "webhook_events_filter": ["completed"],
    }
    assert submitted.reference == {"id": "t-1"}
    _, call = send(replicate, task(None), Route(upstream_model="owner/name:5c7d"))
    assert (call.path, call.json) == ("/v1/predictions", {"input": {"prompt": "a fox"}, "version": "5c7d"})


def test_wavespeed_gets_the_input_and_the_webhook_in_the_query() -> None:
    submitted, call = send(wavespeed, route=Route(upstream_model="wavespeed-ai/flux"))
    assert (call.path, call.json, call.query) == (
        "/api/v3/wavespeed-ai/flux",
        {"prompt": "a fox"},
        {"webhook": MARKED},
    )
    assert submitted.reference == {"id": "t-1"}


@pytest.mark.parametrize("adapter", TAKEN)
def test_without_a_webhook_url_none_is_sent(adapter: ModuleType) -> None:
    _, call = send(adapter, task(None))
    assert "marker" not in repr(call)
    assert "ebhook" not in repr(call)


def test_a_mark_in_the_webhook_url_is_replaced_and_the_rest_kept() -> None:
    _, call = send(kie, task("https://aio.test/hook?marker=old&b=%26#end"))
    assert call.json["callBackUrl"] == "https://aio.test/hook?b=%26&marker=mark-1#end"


def test_suno_takes_lyrics_in_custom_mode_and_fills_what_kie_wants() -> None:
    given = {"mv": "chirp-v4-5", "prompt": "First line\nSecond", "make_instrumental": False}
    _, call = send(kie_suno, task(**given))
    assert call.path == "/api/v1/generate"
    assert call.json == {
        "model": "V4_5",
        "customMode": True,
        "instrumental": False,
        "prompt": "First line\nSecond",
        "style": "pop",
        "title": "First line",
        "callBackUrl": MARKED,
    }
    _, call = send(kie_suno, task(**given, style="jazz", title="Rain"))
    assert (call.json["style"], call.json["title"]) == ("jazz", "Rain")


def test_suno_takes_a_description_in_inspiration_mode() -> None:
    given = {"gpt_description_prompt": "a song about rain", "make_instrumental": True}
    _, call = send(kie_suno, task(None, **given))
    assert call.json == {
        "model": "V3_5",
        "customMode": False,
        "instrumental": True,
        "prompt": "a song about rain",
    }
    _, call = send(kie_suno, task(None, **given, style="jazz"))
    assert call.json["prompt"] == "a song about rain, jazz"


def test_a_version_that_kie_does_not_have_is_the_catalogs_mistake() -> None:
    with pytest.raises(BadOption):
        send(kie_suno, task(prompt="words", mv="chirp-v9"))


@pytest.mark.parametrize("adapter", [kie, kie_suno, wavespeed])
@pytest.mark.parametrize("code", [400, 413, 415, 422])
def test_a_refused_submission_is_told_apart_from_a_fault(adapter: ModuleType, code: int) -> None:
    with pytest.raises(AnswerRefused):
        execute(adapter.submit(task(), Route()), {"code": code, "msg": "bad", "data": None})
    for fault in (401, 402, 404, 500, 505):
        with pytest.raises(UpstreamFault) as caught:
            execute(adapter.submit(task(), Route()), {"code": fault, "msg": "bad", "data": None})
        assert not isinstance(caught.value, NotTaken)


@pytest.mark.parametrize("adapter", [kie, kie_suno, wavespeed])
@pytest.mark.parametrize("code", [429, 430, 455, 503])
def test_a_busy_provider_surely_did_not_take_the_task(adapter: ModuleType, code: int) -> None:
    with pytest.raises(NotTaken):
        execute(adapter.submit(task(), Route()), {"code": code, "msg": "busy", "data": None})


@pytest.mark.parametrize("adapter", TAKEN)
@pytest.mark.parametrize("task_id", [None, "", 5, "a/b", "..", "a b", "x" * 201, "ü"])
def test_what_cannot_stand_in_a_path_is_no_id(adapter: ModuleType, task_id: Any) -> None:
    answer = {"code": 200, "data": {"taskId": task_id, "id": task_id}, "id": task_id, "request_id": task_id}
    with pytest.raises(MalformedAnswer):
        execute(adapter.submit(task(), Route()), answer)


@pytest.mark.parametrize("adapter", [fal, replicate, wavespeed])
@pytest.mark.parametrize("model", ["../v1/account", "a//b", "a?b", "", "/a", "a/../b"])
def test_a_model_that_leads_elsewhere_is_the_catalogs_mistake(adapter: ModuleType, model: str) -> None:
    with pytest.raises(BadOption):
        send(adapter, route=Route(upstream_model=model))


def test_the_first_poll_comes_when_the_route_says() -> None:
    assert send(kie, route=Route({"poll_after_s": 20}))[0].poll_after_s == 20.0
    for wrong in (0, -1, "5", True, float("nan"), 4000):
        with pytest.raises(BadOption):
            send(kie, route=Route({"poll_after_s": wrong}))


def test_fal_and_replicate_are_asked_to_stop_and_the_others_cannot_be() -> None:
    reference = {"id": "t-1", "app": "fal-ai/flux"}
    answer, calls = execute(fal.cancel(reference, Route()), {"status": "CANCELLATION_REQUESTED"})
    assert (answer, calls) == (None, [UpstreamCall("/fal-ai/flux/requests/t-1/cancel", method="PUT")])
    answer, calls = execute(replicate.cancel(reference, Route()), {"status": "canceled"})
    assert (answer, calls) == (None, [UpstreamCall("/v1/predictions/t-1/cancel")])
    for name in ("kie", "kie_suno", "wavespeed"):
        assert TASK_ADAPTERS[name].cancel(reference, Route()) is None


def test_only_replicate_has_a_look_up_and_only_where_a_mark_was_sent() -> None:
    for name in ("kie", "kie_suno", "fal", "wavespeed"):
        assert TASK_ADAPTERS[name].find(task(), Route()) is None
    assert replicate.find(task(None), Route()) is None
    assert replicate.find(task(), Route({"lookup": False})) is None


def test_replicate_finds_a_submission_by_its_mark_on_a_later_page() -> None:
    first = {
        "results": [{"id": "other", "webhook": HOOK + "&marker=mark-2"}, {"id": "none"}, "x"],
        "next": "https://elsewhere.test/v1/predictions?cursor=c%3D2",
    }
    second = {"results": [{"id": "t-9", "webhook": MARKED}], "next": None}
    found, calls = execute(replicate.find(task(), Route()), first, second)  # type: ignore[arg-type]
    assert found == Submitted({"id": "t-9"})
    assert [(call.method, call.path, call.query) for call in calls] == [
        ("GET", "/v1/predictions", {}),
        ("GET", "/v1/predictions", {"cursor": "c=2"}),
    ]


def test_replicate_looks_no_further_than_the_newest_pages() -> None:
    nothing = {"results": [{"id": "a", "webhook": "http://[bad"}], "next": None}
    assert execute(replicate.find(task(), Route()), nothing)[0] is None  # type: ignore[arg-type]
    more = {"results": [], "next": "https://api.replicate.com/v1/predictions?cursor=n"}
    found, calls = execute(replicate.find(task(), Route()), *[more] * 5)  # type: ignore[arg-type]
    assert (found, len(calls)) == (None, 5)
    with pytest.raises(MalformedAnswer):
        execute(replicate.find(task(), Route()), {"results": None})  # type: ignore[arg-type]

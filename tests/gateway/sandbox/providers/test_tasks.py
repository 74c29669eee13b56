"""Where a task stands is a matter of its clock alone."""

import pytest

from gateway.sandbox.magic import Magic
from gateway.sandbox.providers.clock import Clock
from gateway.sandbox.providers.tasks import Phase, TaskStore, kind_of
from gateway.sandbox.wire import Call, Refusal


@pytest.fixture
def clock():
    return Clock("virtual")


@pytest.fixture
def store(clock):
    return TaskStore(clock, 10.0)


def start(store, **magic):
    call = Call("POST", "/x", b"", [], b'{"prompt":"a fox"}')
    call.magic = Magic(magic)
    return store.create(call, "kie", "flux", {"prompt": "a fox"}, None)


def phases_at(store, clock, task, *moments):
    found, now = [], 0.0
    for moment in moments:
        clock.advance(moment - now)
        now = moment
        found.append(store.phase(task))
    return found


def test_task_is_queued_then_runs_then_succeeds(store, clock):
    task = start(store)
    moments = phases_at(store, clock, task, 0, 1.9, 2.1, 9.9, 10, 1e6)
    assert moments == [
        Phase.QUEUED,
        Phase.QUEUED,
        Phase.RUNNING,
        Phase.RUNNING,
        Phase.SUCCEEDED,
        Phase.SUCCEEDED,
    ]


def test_failing_task_fails_at_its_end(store, clock):
    assert phases_at(store, clock, start(store, task="fail"), 9.9, 10) == [Phase.RUNNING, Phase.FAILED]


def test_stuck_task_never_ends(store, clock):
    assert phases_at(store, clock, start(store, task="stuck"), 10, 1e9) == [Phase.RUNNING, Phase.RUNNING]


def test_late_failure_comes_after_ten_times_its_time(store, clock):
    task = start(store, task="late_fail")
    assert phases_at(store, clock, task, 10, 99.9, 100) == [Phase.RUNNING, Phase.RUNNING, Phase.FAILED]


def test_own_duration_is_honoured(store, clock):
    assert phases_at(store, clock, start(store, task_s="1"), 1) == [Phase.SUCCEEDED]


def test_canceled_task_stays_canceled(store, clock):
    task = start(store)
    assert store.cancel(task)
    assert phases_at(store, clock, task, 0, 100) == [Phase.CANCELED, Phase.CANCELED]
    assert not store.cancel(task)


def test_ended_task_cannot_be_canceled(store, clock):
    task = start(store)
    clock.advance(11)
    assert not store.cancel(task)
    assert store.phase(task) is Phase.SUCCEEDED


def test_equal_bodies_start_different_tasks(store):
    assert start(store).id != start(store).id


def test_tasks_of_other_providers_are_not_found(store):
    task = start(store)
    assert store.find(task.id, "kie") is task
    assert store.find(task.id, "fal") is None
    store.clear()
    assert store.find(task.id) is None


def test_unknown_fate_is_refused(store):
    with pytest.raises(Refusal):
        start(store, task="explode")


@pytest.mark.parametrize(
    ("model", "given", "kind"),
    [
        ("flux-2/pro-text-to-image", {}, "image"),
        ("kling-3.0/video", {}, "video"),
        ("wavespeed-ai/image_face_swap", {"image": "x"}, "image"),
        ("wavespeed-ai/image-background-remover", {"image": "x"}, "image"),
        ("wavespeed-ai/video-background-remover", {"video": "x"}, "video"),
        ("elevenlabs/text-to-dialogue-v3", {"dialogue": []}, "speech"),
        ("suno-V4", {}, "music"),
        ("minimax/music-01", {}, "music"),
    ],
)
def test_kind_follows_the_models_name(model, given, kind):
    assert kind_of(model, given) == kind


def test_no_id_of_an_earlier_start_comes_again(clock):
    assert start(TaskStore(clock, 10.0)).id != start(TaskStore(clock, 10.0)).id

"""A task's life as a picture: its stretches of time, drawn to scale, and the moments between them. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gateway.pages.shown_tasks import ShownTask
from gateway.tasks.states import State

# So thin a stretch can still be seen.
LEAST_WIDTH_PERCENT = 1.5


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the picture; `left` and `width` are percents of it."""

    name: Promise
    look: str
    duration_ms: float
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened; `after_ms` since the task was opened."""

    name: Promise
    at: datetime
    after_ms: float
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """`total_ms` is until the end, or until now for a task that lives."""

    stretches: list[Stretch]
    events: list[TimelineEvent]
    total_ms: float


END_NAMES = {
    State.SUCCEEDED: _("Settled: the credits were captured"),
    State.FAILED: _("Failed: the credits were released"),
    State.CANCELLED: _("Cancelled: the credits were released"),
    State.TIMED_OUT: _("Timed out: the credits were released"),
}


def timeline_of(task: ShownTask) -> Timeline:
    """From held to settled, as far as the task has come."""
    until = task.ended_at or task.as_of
    marks = [
        (_("Held"), "waited", task.created_at),
        (_("Submitted"), "submitted", task.submit_attempted_at),
        (_("Generating"), "generated", task.running_at),
    ]
    reached = [(name, look, at) for name, look, at in marks if at is not None]
    durations = [
        _ms(later - at)
        for (_name, _look, at), later in zip(
            reached, [*(at for *_rest, at in reached[1:]), until], strict=True
        )
    ]
    widths = _widths(durations)
    stretches, left = [], 0.0
    for (name, look, _at), duration_ms, width in zip(reached, durations, widths, strict=True):
        stretches.append(Stretch(name, look, duration_ms, round(left, 3), round(width, 3)))
        left += width
    return Timeline(stretches, _events(task), _ms(until - task.created_at))


def _events(task: ShownTask) -> list[TimelineEvent]:
    found: list[tuple[Promise, datetime | None, str]] = [
        (_("Held: the price was set aside"), task.created_at, ""),
        (_("Submitted to the model's provider"), task.submit_attempted_at, ""),
        (_("Taken by the provider"), task.running_at, ""),
    ]
    if task.ended_at is not None:
        found.append((END_NAMES[task.state], task.ended_at, task.tone))
    return [
        TimelineEvent(name, at, _ms(at - task.created_at), tone) for name, at, tone in found if at is not None
    ]


def _widths(durations: list[float]) -> list[float]:
    """Percents in proportion, none too thin to be seen; together 100."""
    total = sum(durations) or 1.0
    least = [max(100 * duration / total, LEAST_WIDTH_PERCENT) for duration in durations]
    return [100 * width / sum(least) for width in least]


def _ms(length: timedelta) -> float:
    return max(length.total_seconds() * 1000, 0.0)

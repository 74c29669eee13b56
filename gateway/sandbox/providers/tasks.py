"""Tasks of every provider: what was asked, and where it stands at a given moment of the sandbox's clock.

A task's state is a pure function of its fields and the time, so nothing runs in the background: advancing the
clock is enough to see it end.
"""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.sandbox.chat import prose
from gateway.sandbox.magic import Magic, without_magic
from gateway.sandbox.providers.clock import Clock
from gateway.sandbox.wire import Call, Json, Refusal

# The part of a task's time that it spends in the queue.
QUEUED_SHARE = 0.2
# A task that fails late seems to run on for this many times its duration.
LATE_FACTOR = 10.0
FATES = ("success", "fail", "stuck", "late_fail", "callback_exception")
VIDEO_WORDS = ("video", "kling", "veo", "sora", "seedance", "pixverse", "hailuo", "runway", "wan")
SPEECH_WORDS = ("elevenlabs", "tts", "speech", "dialogue")
MUSIC_WORDS = ("suno", "music", "chirp")
_PROMPT_FIELDS = ("prompt", "text", "gpt_description_prompt", "lyrics", "style", "image", "video")


class Phase(enum.Enum):
    """Where a task stands; each provider has words of its own for these."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(slots=True)
class Task:
    """One asynchronous generation."""

    id: str
    provider: str
    model: str
    input: dict[str, Json]
    kind: str
    magic: Magic
    fate: str
    created_at: float
    duration_s: float
    base_url: str
    webhook_url: str | None = None
    canceled_at: float | None = None

    @property
    def ends_at(self) -> float:
        """When it ends by itself; infinity when it never does."""
        if self.fate == "stuck":
            return float("inf")
        factor = LATE_FACTOR if self.fate == "late_fail" else 1.0
        return self.created_at + self.duration_s * factor

    @property
    def ended_at(self) -> float:
        """When it ended, by itself or by being canceled."""
        return self.ends_at if self.canceled_at is None else self.canceled_at

    @property
    def prompt(self) -> str:
        """The text that its result carries."""
        for name in _PROMPT_FIELDS:
            value = self.input.get(name)
            if isinstance(value, str) and value:
                return without_magic(value)
        lines = self.input.get("dialogue")
        if isinstance(lines, list):
            return " ".join(without_magic(str(line.get("text"))) for line in lines if isinstance(line, dict))
        return self.model

    def phase(self, now: float) -> Phase:
        """Where it stands at `now`."""
        if self.canceled_at is not None:
            return Phase.CANCELED
        if now >= self.ends_at:
            return Phase.FAILED if self.fate in ("fail", "late_fail") else Phase.SUCCEEDED
        return Phase.QUEUED if self.progress(now) < QUEUED_SHARE else Phase.RUNNING

    def progress(self, now: float) -> float:
        """The part of its time that has passed, 0 to 1; a late one stays just short of the end."""
        if now >= self.ends_at:
            return 1.0
        return min((now - self.created_at) / self.duration_s, 0.99) if self.duration_s > 0 else 0.99


class TaskStore:
    """Every task since the last reset."""

    def __init__(self, clock: Clock, duration_s: float) -> None:
        self.clock = clock
        self._duration_s = duration_s
        self._tasks: dict[str, Task] = {}
        # A platform that outlives a start of the sandbox remembers the ids of the start before.
        self._start = secrets.token_hex(8)

    def create(
        self, call: Call, provider: str, model: str, given: dict[str, Json], webhook_url: str | None
    ) -> Task:
        """A new task for `call`. No other has its id, of this start of the server or an earlier one."""
        fate = call.magic.get("task", "success")
        if fate not in FATES:
            raise Refusal(400, f"sbx: task is one of {', '.join(FATES)}, not {fate!r}")
        number = len(self._tasks)
        task = Task(
            id=prose.digest(provider, call.body, self._start, str(number)).hex(),
            provider=provider,
            model=model,
            input=given,
            kind=kind_of(model, given),
            magic=call.magic,
            fate=fate,
            created_at=self.clock.now(),
            duration_s=call.magic.number("task_s", self._duration_s),
            base_url=call.base_url,
            webhook_url=webhook_url,
        )
        self._tasks[task.id] = task
        return task

    def find(self, task_id: str, provider: str | None = None) -> Task | None:
        """The task of that id, if it is that provider's (or any's when None)."""
        task = self._tasks.get(task_id)
        return task if task is not None and provider in (None, task.provider) else None

    def of(self, provider: str) -> list[Task]:
        """Every task of that provider, newest first."""
        return [task for task in reversed(self._tasks.values()) if task.provider == provider]

    def phase(self, task: Task) -> Phase:
        """Where a task stands now."""
        return task.phase(self.clock.now())

    def cancel(self, task: Task) -> bool:
        """Cancel a task that has not ended; says whether it was canceled."""
        if self.phase(task) not in (Phase.QUEUED, Phase.RUNNING):
            return False
        task.canceled_at = self.clock.now()
        return True

    def clear(self) -> None:
        """Forget every task."""
        self._tasks.clear()


def kind_of(model: str, given: dict[str, Json]) -> str:
    """`image`, `video`, `speech` or `music`: what a model of this name makes of this input."""
    name = model.lower()
    if "video" in given or any(word in name for word in VIDEO_WORDS):
        return "video"
    if any(word in name for word in MUSIC_WORDS):
        return "music"
    if "dialogue" in given or any(word in name for word in SPEECH_WORDS):
        return "speech"
    return "image"


def iso_time(moment: float) -> str:
    """`moment` as the providers write it, in UTC with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

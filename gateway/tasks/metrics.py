"""What workers and webhooks count, for /metrics."""

from prometheus_client import Gauge

from aio_platform.observability.metrics import Counts, Distributions

STEPS = Counts(
    "aio_task_steps_total", "Steps begun, by upstream and the state they found", "upstream", "state"
)
ENDED = Counts("aio_tasks_ended_total", "Tasks ended by workers, by state", "state")
LATE_S = Distributions(
    "aio_task_late_seconds",
    "How long after its time a task was looked at",
    bounds=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
WEBHOOKS = Counts(
    "aio_upstream_webhooks_total", "Upstreams' webhooks: hint, no_news or forged", "upstream", "verdict"
)
IN_HAND = Gauge(
    "aio_task_steps_in_hand", "Steps under way, by upstream", ["upstream"], multiprocess_mode="livesum"
)

"""What the gateway counts about its upstreams, for /metrics."""

from prometheus_client import Gauge

from aio_platform.observability.metrics import Counts

ATTEMPTS = Counts(
    "aio_upstream_attempts_total",
    "Calls tried at an upstream: answered, rejected, failed, saturated, timed_out or left (by the client)",
    "upstream",
    "result",
)
UNASKED = Counts(
    "aio_upstream_unasked_total",
    "Times an upstream sent on a kept connection what was no part of an answer to a request",
    "upstream",
)
RESTING = Gauge(
    "aio_upstream_resting",
    "How many routes to an upstream the node's processes rest after failures",
    ["upstream"],
    multiprocess_mode="livesum",
)
KEY_REFUSED = Gauge(
    "aio_upstream_key_refused",
    "Of an upstream with several keys: for how many routes the node's processes were refused this one last",
    ["upstream", "key"],
    multiprocess_mode="livesum",
)
KEY_LIMITED_UNTIL = Gauge(
    "aio_upstream_key_limited_until_seconds",
    "Of an upstream with several keys: until when this one is left alone since it was limited, as Unix time",
    ["upstream", "key"],
    multiprocess_mode="livemax",
)

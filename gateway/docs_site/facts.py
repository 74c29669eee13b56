"""Figures that the guides quote: read from the code that keeps them, so that no guide can be wrong about one."""

from functools import lru_cache
from typing import Any

from django.conf import settings

from accounts.keys.rules import DEFAULT_OVERLAP_S, MAX_OVERLAP_S
from gateway.endpoints import TASK_TIME_LIMIT
from gateway.http.idempotency import MAX_KEPT_BYTES, MAX_KEY_LENGTH
from gateway.webhooks_out.schedule import WAITS_S
from gateway.webhooks_out.sending import TIME_LIMIT_S
from gateway.webhooks_out.signing_secrets import MAX_OVERLAP_S as MAX_SECRET_OVERLAP_S

HOUR_S = 3600


@lru_cache(maxsize=1)
def facts() -> dict[str, Any]:
    """Context of every page of the documentation."""
    return {
        "callback_attempts": len(WAITS_S) + 1,
        "callback_hours": round(sum(WAITS_S) / HOUR_S),
        "callback_time_limit_s": f"{TIME_LIMIT_S:g}",
        "secret_overlap_hours": MAX_SECRET_OVERLAP_S // HOUR_S,
        "idempotency_key_length": MAX_KEY_LENGTH,
        "idempotency_kept_mb": MAX_KEPT_BYTES // 1_000_000,
        "key_overlap_hours": DEFAULT_OVERLAP_S // HOUR_S,
        "key_max_overlap_days": MAX_OVERLAP_S // HOUR_S // 24,
        "json_body_mb": settings.MAX_JSON_BODY_BYTES // 1_000_000,
        "task_body_mb": settings.MAX_TASK_BODY_BYTES // 1_000_000,
        "body_time_limit_s": settings.BODY_TIME_LIMIT_S,
        "stream_idle_limit_s": settings.STREAM_IDLE_LIMIT_S,
        "stream_time_limit_minutes": settings.STREAM_TIME_LIMIT_S // 60,
        "task_time_limit_minutes": TASK_TIME_LIMIT.value() // 60,
        "results_keep_days": settings.AIO_RESULTS_KEEP_DAYS,
        "key_guesses": settings.KEY_GUESSES_PER_ADDRESS,
    }

"""Turns verdicts of authorisation into errors and rate-limit headers. Pure; `rate_headers` runs on every call."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil

from accounts import errors as accounts_errors
from accounts import refusals as accounts_refusals
from aio_platform.errors import PlatformError
from usage import errors
from usage.ledger.calls import Verdict


def rate_headers(verdict: Verdict) -> dict[str, str]:
    """The headers that state the per-minute limit and what is left of it; empty where the plan has no such limit.

    `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers; the `x-ratelimit-*`
    ones are what OpenAI's clients read. When a minute begins: see ADR 8.
    """
    limit = verdict.minute_limit
    if limit is None:
        return {}
    remaining, reset_s = verdict.minute_remaining, verdict.minute_reset_s
    return {
        "RateLimit": f'"minute";r={remaining};t={reset_s}',
        "RateLimit-Policy": f'"minute";q={limit};w=60',
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{reset_s}s",
    }


def error_for_verdict(verdict: Verdict, ceiling_microcredits: int, now: datetime) -> PlatformError:
    """The error that a refused call is answered with. `now` is aware; daily and monthly limits reset after it.

    Raises KeyError for "admitted" and for a name that the ledger does not use.
    """
    return _ERRORS[verdict.name](verdict, ceiling_microcredits, now.astimezone(UTC))


def error_for_refusal_name(name: str) -> PlatformError:
    """As `error_for_verdict`, for a refusal that is known by its name alone, as from `usage_refuse_v1`."""
    return _ERRORS[name](Verdict(name, *[None] * 8), 0, datetime.now(UTC))


def _insufficient_credits(verdict: Verdict, ceiling_microcredits: int, now: datetime) -> PlatformError:
    return errors.InsufficientCredits(
        needed_microcredits=ceiling_microcredits,
        available_microcredits=verdict.allowance or 0,
        held_microcredits=verdict.held or 0,
    )


def _key_cap(verdict: Verdict, ceiling_microcredits: int, now: datetime) -> PlatformError:
    resets_at = _next_midnight(now)
    while verdict.name == "key_month_cap" and resets_at.day != 1:
        resets_at += timedelta(days=1)
    return errors.KeyCapReached(
        limit_source=verdict.name,
        needed_microcredits=ceiling_microcredits,
        allowance_microcredits=verdict.allowance or 0,
        held_microcredits=verdict.held or 0,
        resets_at=resets_at,
    )


def _minute_rate(verdict: Verdict, ceiling_microcredits: int, now: datetime) -> PlatformError:
    return errors.MinuteRateReached(
        calls_per_minute=verdict.minute_limit or 0,
        reset_s=verdict.minute_reset_s or 1,
        headers=rate_headers(verdict),
    )


def _trial_exhausted(verdict: Verdict, ceiling_microcredits: int, now: datetime) -> PlatformError:
    """The minute's headers would say "come back soon", so the day's take their place."""
    resets_at = _next_midnight(now)
    reset_s = max(ceil((resets_at - now).total_seconds()), 1)
    headers = {
        "RateLimit": f'"day";r=0;t={reset_s}',
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{reset_s}s",
    }
    if verdict.allowance:  # the plan's calls a day
        headers["RateLimit-Policy"] = f'"day";q={verdict.allowance};w=86400'
        headers["x-ratelimit-limit-requests"] = str(verdict.allowance)
    return errors.TrialExhausted(reset_s=reset_s, resets_at=resets_at, headers=headers)


def _without_parameters(error: type[PlatformError]) -> Callable[[Verdict, int, datetime], PlatformError]:
    return lambda *_: error()


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


# Every refusal of usage_authorize_v2 and usage_refuse_v1.
_ERRORS: dict[str, Callable[[Verdict, int, datetime], PlatformError]] = {
    # Nobody's key: there is no account to count it for, so it is no row of the table.
    "unknown_key": lambda *_: accounts_errors.UnknownKey(),
    **{row.code: _without_parameters(row.error) for row in accounts_refusals.REFUSALS},
    "role_not_allowed": lambda *_: accounts_errors.RoleNotAllowed("owner", "admin", "developer"),
    "minute_rate": _minute_rate,
    "trial_exhausted": _trial_exhausted,
    "key_day_cap": _key_cap,
    "key_month_cap": _key_cap,
    "insufficient_credits": _insufficient_credits,
}

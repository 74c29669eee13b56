"""Counting against django-ratelimit's windows where there is no view to decorate."""

from dataclasses import dataclass

from django_ratelimit.core import get_usage


@dataclass(frozen=True, slots=True)
class Window:
    """One limit's current window, and how much of it is used."""

    is_exceeded: bool
    ends_in_s: int


def count(group: str, value: str, rate: str) -> Window:
    """Count one more against `value`, and say how its window stands."""
    # Without a request: get_usage only hands it on to the key's function, which needs none here.
    usage = get_usage(None, group=group, key=lambda *_: value, rate=rate, increment=True)
    if usage is None:  # limits are switched off by RATELIMIT_ENABLE
        return Window(is_exceeded=False, ends_in_s=1)
    return Window(is_exceeded=usage["should_limit"], ends_in_s=max(1, usage["time_left"]))

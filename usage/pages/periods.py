"""Which time a page is about, and how it is cut into the intervals of a chart. In the visitor's time zone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from aio_platform.errors import InvalidRequest
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import gettext_noop
from usage.queries.aggregates.intervals import start_of_interval
from usage.queries.aggregates.summaries import NO_INTERVAL, Grouping

CUSTOM = "custom"
PRESETS: dict[str, tuple[timedelta, Promise]] = {
    "1h": (timedelta(hours=1), gettext_lazy("1 hour")),
    "24h": (timedelta(hours=24), gettext_lazy("24 hours")),
    "7d": (timedelta(days=7), gettext_lazy("7 days")),
    "30d": (timedelta(days=30), gettext_lazy("30 days")),
    "90d": (timedelta(days=90), gettext_lazy("90 days")),
    "12mo": (timedelta(days=365), gettext_lazy("12 months")),
}
INTERVALS: dict[str, tuple[timedelta, Promise]] = {
    "minute": (timedelta(minutes=1), gettext_lazy("Minute")),
    "hour": (timedelta(hours=1), gettext_lazy("Hour")),
    "day": (timedelta(days=1), gettext_lazy("Day")),
    "month": (timedelta(days=28), gettext_lazy("Month")),
}
# More than a chart's picture can show apart, and its table should list.
MAX_INTERVALS = 400
_LONGEST_OF_INTERVAL = (
    ("minute", timedelta(hours=2)),
    ("hour", timedelta(days=3)),
    ("day", timedelta(days=100)),
)


class Period(NamedTuple):
    """From `since` until before `until`; an `until` of None is open. `name` is of PRESETS, or "custom"."""

    name: str
    since: datetime
    until: datetime | None

    def end(self, now: datetime) -> datetime:
        """Where a chart ends: nothing is known of the future."""
        return now if self.until is None else max(min(self.until, now), self.since)


def read_period(parameters: QueryParameters, now: datetime, default: str) -> Period:
    """The time that `period`, or else `since` and `until`, ask for; both are local without an offset.

    Raises InvalidRequest naming the field.
    """
    zone = timezone.get_current_timezone()
    since, until = parameters.timestamp("since", zone), parameters.timestamp("until", zone)
    custom = since is not None or until is not None
    name = parameters.choice("period", (*PRESETS, CUSTOM), CUSTOM if custom else default) or default
    if name != CUSTOM:
        return Period(name, now - PRESETS[name][0], None)
    if since is None:
        raise InvalidRequest(gettext_noop("A range of your own needs a start: fill in since."), param="since")
    if until is not None and since >= until:
        raise InvalidRequest(gettext_noop("since is before until."), param="since")
    return Period(CUSTOM, since, until)


def read_interval(parameters: QueryParameters, period: Period, now: datetime) -> str:
    """The `interval` asked for, or one that suits the period's length.

    Raises InvalidRequest naming `interval` for more than MAX_MOMENTS of them.
    """
    length = period.end(now) - period.since
    named = parameters.choice("interval", tuple(INTERVALS))
    if named is None:
        return next((name for name, longest in _LONGEST_OF_INTERVAL if length <= longest), "month")
    if length > INTERVALS[named][0] * MAX_INTERVALS:
        raise InvalidRequest(
            gettext_noop(
                "A chart has at most %(count)s intervals: choose a longer interval, or a shorter period."
            ),
            param="interval",
            count=MAX_INTERVALS,
        )
    return named


def visitors_grouping(by: tuple[str, ...] = (), interval: str = NO_INTERVAL) -> Grouping:
    """Sums by these dimensions, cut where the visitor's hours, days and months begin."""
    zone_name = timezone.get_current_timezone_name()
    zone = UTC if zone_name == "UTC" else timezone.get_current_timezone()
    return Grouping(by=by, interval=interval, zone=zone, zone_name=zone_name)


def interval_starts(
    since: datetime, end: datetime, grouping: Grouping, found: Iterable[datetime] = ()
) -> list[datetime]:
    """Where each interval of the time begins, those without calls too; and those `found`, whatever they are."""
    moments = set(found)
    at = start_of_interval(since, grouping.interval, grouping.zone)
    while at < end and len(moments) <= 2 * MAX_INTERVALS:
        moments.add(at)
        at = _next(at, grouping)
    return sorted(moments)


def _next(at: datetime, grouping: Grouping) -> datetime:
    if grouping.interval in ("minute", "hour"):
        return at + INTERVALS[grouping.interval][0]
    local = at.astimezone(grouping.zone)
    if grouping.interval == "month":
        local = local.replace(year=local.year + local.month // 12, month=local.month % 12 + 1, fold=0)
    else:
        local = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), grouping.zone)
    return local.astimezone(UTC)

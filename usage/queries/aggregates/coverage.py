"""Which sums and which events together cover a time, each moment of it once. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# What is open at its end has no end here, not even that of somebody's fast clock.
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """From `since` until before `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What the sums have: see `usage_rollup_state`."""

    rolled_up_to: datetime
    day_starts: frozenset[int]
    minutes_from: datetime
    hours_from: datetime
    events_from: datetime


@dataclass(slots=True)
class Coverage:
    """The spans to read at each level; those of `events` are read one by one. Days are by the day's start."""

    days: dict[int, list[Span]] = field(default_factory=dict)
    hours: list[Span] = field(default_factory=list)
    minutes: list[Span] = field(default_factory=list)
    events: list[Span] = field(default_factory=list)


def cover(
    since: datetime, until: datetime | None, as_of: datetime, interval: str, zone: tzinfo, kept: Kept
) -> Coverage:
    """The coarsest sums that add up to that time, cut at the interval's bounds in that zone.

    Raises InvalidRequest, naming `since`, where it would take events that are archived.
    """
    whole = Span(since, until or FOREVER)
    covering = _Covering(kept, zone)
    if whole.since >= whole.until:
        return covering.found
    if interval == "minute":
        covering.minutes(whole)
    elif interval == "hour":
        covering.hours(_cut(whole, as_of, zone, HOUR))
    elif interval in ("day", "month"):
        covering.days(_cut_at_midnights(whole, as_of, zone))
    else:
        covering.any_days(whole)
    for spans in (*covering.found.days.values(), covering.found.hours, covering.found.minutes):
        spans[:] = _merged(spans)
    covering.found.events = _merged(covering.found.events)
    if covering.found.events and covering.found.events[0].since < kept.events_from:
        if covering.found.events[0].since < kept.hours_from:
            raise InvalidRequest(
                _(
                    "The calls of that time are archived and left are sums by the day: ask for "
                    "whole days, in UTC."
                ),
                param="since",
            )
        raise InvalidRequest(
            _("The calls of that time are archived and left are sums by the hour: ask for whole hours."),
            param="since",
        )
    return covering.found


class _Covering:
    """Each method takes spans that need not be cut finer than it says, and passes on what is left over."""

    def __init__(self, kept: Kept, zone: tzinfo) -> None:
        self.found = Coverage()
        self._kept = kept
        self._zone = zone

    def any_days(self, span: Span) -> None:
        """Days of any kept start: those that fit the span's own start, else those of UTC."""
        own = _minute_of_day(span.since)
        start = own if own in self._kept.day_starts else min(self._kept.day_starts, default=0)
        origin = _EPOCH + timedelta(minutes=start)
        first, last = _up(span.since, DAY, origin), _down(span.until, DAY, origin)
        if not self._kept.day_starts or first >= last:
            self.hours([span])
            return
        self.found.days.setdefault(start, []).append(Span(first, last))
        self.hours([Span(span.since, first), Span(last, span.until)])

    def days(self, local_days: Iterable[Span]) -> None:
        """Local days, or pieces of them: those of 24 hours whose start is kept are read as one."""
        left: list[Span] = []
        for day in local_days:
            start = _minute_of_day(day.since)
            if day.until - day.since == DAY and start in self._kept.day_starts:
                self.found.days.setdefault(start, []).append(day)
            else:
                left.append(day)
        self.hours(left)

    def hours(self, spans: Iterable[Span]) -> None:
        for span in spans:
            first = max(_up(span.since, HOUR), self._kept.hours_from)
            last = _down(span.until, HOUR)
            if first >= last:
                self.minutes(span)
                continue
            self.found.hours.append(Span(first, last))
            self.minutes(Span(span.since, first))
            self.minutes(Span(last, span.until))

    def minutes(self, span: Span) -> None:
        first = max(_up(span.since, MINUTE), self._kept.minutes_from)
        last = _down(span.until, MINUTE)
        if first >= last:
            self.events(span)
            return
        self.found.minutes.append(Span(first, last))
        self.events(Span(span.since, first))
        self.events(Span(last, span.until))

    def events(self, span: Span) -> None:
        if span.since < span.until:
            self.found.events.append(span)


def _cut_at_midnights(whole: Span, as_of: datetime, zone: tzinfo) -> Iterator[Span]:
    # Two days on, whatever is still to come needs no cuts: no clock is that fast.
    end = min(whole.until, max(as_of, whole.since) + 2 * DAY)
    since = whole.since
    while since < end:
        midnight = (since.astimezone(zone) + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        # A midnight that clocks skip is when they have skipped it.
        until = midnight.replace(fold=0).astimezone(UTC)
        if until <= since:
            until = since + DAY
        yield Span(since, min(until, end))
        since = until
    if since < whole.until:
        yield Span(max(since, end), whole.until)


def _cut(whole: Span, as_of: datetime, zone: tzinfo, length: timedelta) -> Iterator[Span]:
    """One span where the zone's hours are UTC's all the while, else each of its hours."""
    end = min(whole.until, max(as_of, whole.since) + 2 * DAY)
    days = range((end - whole.since) // DAY + 1)
    offsets = {(whole.since + day * DAY).astimezone(zone).utcoffset() or timedelta() for day in days}
    offsets.add(end.astimezone(zone).utcoffset() or timedelta())
    if not any(offset % length for offset in offsets):
        yield whole
        return
    since = whole.since
    while since < end:
        local = since.astimezone(zone).replace(tzinfo=None)
        until = since + (length - (local - datetime(1970, 1, 1)) % length)
        yield Span(since, min(until, end))
        since = until
    if end < whole.until:
        yield Span(end, whole.until)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and merged[-1].until == span.since:
            merged[-1] = Span(merged[-1].since, span.until)
        elif span.since < span.until:
            merged.append(span)
    return merged


def _minute_of_day(moment: datetime) -> int | None:
    utc = moment.astimezone(UTC)
    return None if utc.second or utc.microsecond else utc.hour * 60 + utc.minute


def _down(moment: datetime, length: timedelta, origin: datetime = _EPOCH) -> datetime:
    return moment if moment == FOREVER else moment - (moment - origin) % length


def _up(moment: datetime, length: timedelta, origin: datetime = _EPOCH) -> datetime:
    return moment + (origin - moment) % length

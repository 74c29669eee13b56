"""The query of a report: which calls, over which time, grouped by what, compared with which period."""

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta, tzinfo

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import Message, Template
from aio_platform.i18n.translatable import gettext_noop as _
from usage.queries.aggregates.coverage import DAY, HOUR, Kept
from usage.queries.aggregates.summaries import NO_INTERVAL, Grouping, within_period
from usage.queries.filters import CallFilter
from usage.reports.shape import Period

MAX_LIMIT = 1000
EVERYBODY = CallFilter(account_id=None)


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """`group_by` and `interval` of None leave the choice to the report; `compare` asks for the previous period."""

    which: CallFilter = field(default=EVERYBODY)
    group_by: tuple[str, ...] | None = None
    interval: str | None = None
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    compare: bool = False
    limit: int = 200

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidRequest(
                _("%(param)s is a whole number from 1 to %(max_limit)s."),
                param="limit",
                max_limit=f"{MAX_LIMIT:,}",
            )

    def grouping(
        self, dimensions: tuple[str, ...], default_by: tuple[str, ...], default_interval: str = NO_INTERVAL
    ) -> Grouping:
        """By what the report adds up; InvalidRequest, naming `group_by`, for a dimension it does not have."""
        by = default_by if self.group_by is None else self.group_by
        unknown = [name for name in by if name not in dimensions]
        if unknown or len(set(by)) != len(by):
            choices = ", ".join(dimensions) or "nothing"
            raise InvalidRequest(
                _("group_by is some of %(choices)s, each once, separated by commas."),
                param="group_by",
                choices=choices,
            )
        return Grouping(by, self.interval or default_interval, self.zone, self.zone_name)

    def within(self, grouping: Grouping, as_of: datetime) -> CallFilter:
        """The calls of the period asked for or the usual one; InvalidRequest for an absurd period."""
        if self.which.since and self.which.until and self.which.since >= self.which.until:
            raise InvalidRequest(_("since is before until."), param="since")
        which = within_period(self.which, grouping, as_of)
        if which.since is not None and which.until is None and which.since > as_of:
            raise InvalidRequest(_("since is in the future."), param="since")
        return which

    def take_only(self, why: Template, *taken: str) -> None:
        """Raise InvalidRequest, naming the parameter, where a field of the filter was asked for that is not `taken`."""
        for one in fields(self.which):
            if one.name not in taken and getattr(self.which, one.name) is not None:
                param = one.name.removesuffix("_id")
                raise InvalidRequest(
                    _("%(why)s: there is no filter by %(param)s."), param=param, why=Message(why)
                )

    def starting(
        self, which: CallFilter, as_of: datetime, usual: timedelta, longest: timedelta
    ) -> CallFilter:
        """As `within`, for a report that has its own idea of a usual and of an absurd period."""
        since = which.since
        if since is None:
            # From a whole hour on it is all sums, which are there when the calls are archived.
            since = ((which.until or as_of) - usual).replace(minute=0, second=0, microsecond=0)
        end = which.until or as_of
        if since >= end:
            raise InvalidRequest(_("since is before until, and not in the future."), param="since")
        if end - since > longest:
            raise InvalidRequest(
                _("A period has at most %(days)s days here."), param="since", days=f"{longest.days:,}"
            )
        return replace(which, since=since)


def period_of(which: CallFilter) -> Period:
    """The period of a filter that `Question.within` made."""
    assert which.since is not None
    return Period(which.since, which.until)


def previous_of(which: CallFilter, query: ReportQuery, as_of: datetime, kept: Kept) -> CallFilter:
    """The same calls over as long a time just before; whole local days where the period starts with one.

    Days are counted by the calendar, so that a change of clocks between the two shifts nothing by an hour. Where calls
    are archived, it starts and ends with whole hours, or days, of which there are sums.
    """
    before = _just_before(which, query, as_of)
    assert before.since is not None
    assert before.until is not None
    until = before.until - _past_a_sum(before.until, kept)
    past = _past_a_sum(before.since, kept)
    since = before.since + (_length_of_sums(before.since, kept) - past if past else past)
    return replace(before, since=min(since, until), until=until)


def _past_a_sum(moment: datetime, kept: Kept) -> timedelta:
    """How long before it the last sum begins, where there are only sums."""
    if moment >= kept.events_from:
        return timedelta()
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) % _length_of_sums(moment, kept)


def _length_of_sums(moment: datetime, kept: Kept) -> timedelta:
    return HOUR if moment >= kept.hours_from else DAY


def _just_before(which: CallFilter, query: ReportQuery, as_of: datetime) -> CallFilter:
    assert which.since is not None
    end = which.until or as_of
    zone = query.zone
    local_since, local_end = which.since.astimezone(zone), end.astimezone(zone)
    starts_at_midnight = (local_since.hour, local_since.minute, local_since.second) == (0, 0, 0)
    if starts_at_midnight and end - which.since >= timedelta(days=1):
        days = (local_end.date() - local_since.date()).days + (local_end.time() != local_since.time())
        earlier = _local(local_since.replace(tzinfo=None) - timedelta(days=days), zone)
        if which.until is None:
            # A day that has not ended is compared with as much of the day it stands for.
            until = min(_local(local_end.replace(tzinfo=None) - timedelta(days=days), zone), which.since)
            return replace(which, since=earlier, until=until)
        return replace(which, since=earlier, until=which.since)
    return replace(which, since=which.since - (end - which.since), until=which.since)


def _local(wall_clock: datetime, zone: tzinfo) -> datetime:
    return wall_clock.replace(tzinfo=zone).astimezone(UTC)

"""Moments as people and programs write them: ISO 8601, and spans such as 30d. Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MAX_TEXT_LENGTH = 64
_SPAN_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_is_span = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII).fullmatch
# A plus sign that a client forgot to escape reaches us as a blank.
_UNESCAPED_OFFSET = re.compile(r"(T.*) (\d\d:?\d\d)$", re.ASCII)
# A zone's name never starts a path: it is looked up in a directory of files.
_is_zone_name = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII).fullmatch


def parse_timestamp(text: str, param: str, zone: tzinfo = UTC) -> datetime:
    """A date or moment in ISO 8601, as an aware datetime in UTC; what names no offset is in `zone`.

    Raises InvalidRequest naming `param` for any other text, and for years before 2000 or after 2199.
    """
    refusal = InvalidRequest(
        _("%(param)s is a moment from 2000 to 2199, as in 2030-01-31 or 2030-01-31T12:00:00Z."), param=param
    )
    if len(text) > MAX_TEXT_LENGTH or not text.isascii():
        raise refusal
    try:
        moment = datetime.fromisoformat(_UNESCAPED_OFFSET.sub(r"\1+\2", text.strip()))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refusal from None
    if not EARLIEST <= moment < LATEST:
        raise refusal
    return moment


def parse_expiry(text: str, param: str, now: datetime) -> datetime:
    """As `parse_timestamp`, or a span from `now` on: 45m, 12h, 30d."""
    span = _is_span(text)
    if span is None:
        return parse_timestamp(text, param)
    number, unit = span.groups()
    return now + timedelta(**{_SPAN_UNITS[unit]: int(number)})


def parse_zone(text: str, param: str) -> tzinfo:
    """The time zone of that IANA name, as in Asia/Kolkata; InvalidRequest, naming `param`, for no zone."""
    if text == "UTC":  # needs no table of zones
        return UTC
    if len(text) <= MAX_TEXT_LENGTH and _is_zone_name(text):
        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError):  # not found, or a directory such as "Europe"
            pass
    raise InvalidRequest(_("%(param)s is the IANA name of a time zone, as in Asia/Seoul."), param=param)


def local_text(moment: datetime, zone: tzinfo) -> str:
    """ISO 8601 to the second with the zone's offset at that moment; Z in UTC."""
    if zone is UTC:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.astimezone(zone).isoformat(timespec="seconds")


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and a Z, which sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

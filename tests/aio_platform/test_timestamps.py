"""Moments are read strictly and written one way."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from aio_platform.timestamps import (
    EARLIEST,
    LATEST,
    local_text,
    parse_expiry,
    parse_timestamp,
    parse_zone,
    utc_text,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T12:00:00Z", NOW),
        ("2026-11-21T21:00:00+09:00", NOW),
        ("2026-11-21T21:00:00 09:00", NOW),  # an unescaped plus
        ("2026-11-21T12:00:00.250000", NOW + timedelta(milliseconds=250)),
    ],
)
def test_iso_moments_are_read_as_utc(text, expected):
    assert parse_timestamp(text, "since") == expected


def test_a_moment_without_an_offset_is_in_the_zone_asked_for():
    assert parse_timestamp("2026-11-21", "since", ZoneInfo("Asia/Kolkata")) == datetime(
        2026, 11, 20, 18, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0001-01-01", "1999-12-31", "2200-01-01", "9999-12-31T23:59:59-14:00", "2026-02-30", "1e9",
     "２０２６-11-21", "2026-11-21\0", "2026-11-21T12:00:00Z" + "0" * 60],
)  # fmt: skip
def test_what_is_no_moment_is_refused_by_name(text):
    with pytest.raises(InvalidRequest) as caught:
        parse_timestamp(text, "since")
    assert caught.value.param == "since"


@given(st.text(max_size=70))
def test_no_text_breaks_the_reader(text):
    try:
        moment = parse_timestamp(text, "since")
    except InvalidRequest:
        return
    assert EARLIEST <= moment < LATEST


@given(st.datetimes(EARLIEST.replace(tzinfo=None), datetime(2199, 12, 30), timezones=st.timezones()))
def test_what_is_written_is_read_back(moment):
    if EARLIEST <= moment < LATEST:
        assert parse_timestamp(utc_text(moment), "since") == moment.astimezone(UTC)


@pytest.mark.parametrize(("text", "hours"), [("45m", 0.75), ("12h", 12), ("30d", 720)])
def test_an_expiry_can_be_a_span(text, hours):
    assert parse_expiry(text, "--expires", NOW) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize("text", ["0d", "-1d", "1w", "1.5h", "d", "9999999d"])
def test_other_spans_are_refused(text):
    with pytest.raises(InvalidRequest):
        parse_expiry(text, "--expires", NOW)


@pytest.mark.parametrize("name", ["UTC", "Asia/Seoul", "Asia/Kolkata", "America/Argentina/Buenos_Aires"])
def test_zones_are_known_by_their_name(name):
    assert parse_zone(name, "timezone") is not None


@pytest.mark.parametrize(
    "name", ["", "Europe", "../../etc/passwd", "/etc/passwd", "Mars/Olympus", "asia/seoul\0", "x" * 65, "é"]
)
def test_what_is_no_zone_is_refused_by_name(name):
    with pytest.raises(InvalidRequest) as caught:
        parse_zone(name, "timezone")
    assert caught.value.param == "timezone"


def test_local_text_carries_the_offset_of_its_moment():
    berlin = ZoneInfo("Europe/Berlin")
    assert local_text(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), berlin) == "2026-10-25T02:30:00+02:00"
    assert local_text(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), berlin) == "2026-10-25T02:30:00+01:00"
    assert local_text(NOW, UTC) == "2026-11-21T12:00:00Z"

"""Request ids are RFC 9562's version 7, sort by time, and are read back only in the one form we write."""

import re
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.http.request_ids import new_request_uuid, parse_request_id, public_request_id, started_at

# Later ones are off by a microsecond: a float of seconds has no more digits.
MOST_MILLISECONDS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000)


def of_moment(milliseconds: int) -> str:
    return f"{milliseconds:012x}" + new_request_uuid()[12:]


def test_a_new_id_is_a_version_7_uuid_of_rfc_9562() -> None:
    for _ in range(1000):
        text = new_request_uuid()
        assert re.fullmatch(r"[0-9a-f]{32}", text)
        parsed = uuid.UUID(hex=text)
        assert parsed.version == 7
        assert parsed.variant == uuid.RFC_4122


def test_its_first_48_bits_are_the_milliseconds_since_1970() -> None:
    before = time.time_ns() // 1_000_000
    text = new_request_uuid()
    after = time.time_ns() // 1_000_000
    assert before <= int(text[:12], 16) <= after


def test_ids_made_later_sort_later() -> None:
    ids = []
    for _ in range(20):
        ids.append(new_request_uuid())
        time.sleep(0.0015)
    assert ids == sorted(ids)
    assert [public_request_id(text) for text in ids] == sorted(public_request_id(text) for text in ids)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_request_uuid() for _ in range(20_000)}) == 20_000


def test_the_random_bits_are_all_used() -> None:
    seen = [int(new_request_uuid(), 16) for _ in range(500)]
    ever_set = ever_clear = 0
    for number in seen:
        ever_set |= number
        ever_clear |= ~number
    random_bits = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)
    assert ever_set & ever_clear & random_bits == random_bits


@given(st.integers(0, MOST_MILLISECONDS))
def test_the_start_is_read_back_to_the_millisecond(milliseconds: int) -> None:
    started = started_at(of_moment(milliseconds))
    assert started == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert started.utcoffset() == timedelta(0)


def test_the_public_form_is_read_back_with_or_without_dashes_in_the_uuid() -> None:
    text = new_request_uuid()
    dashed = str(uuid.UUID(hex=text))
    assert public_request_id(text) == public_request_id(dashed) == f"req_{text}"
    assert parse_request_id(public_request_id(dashed)) == text
    assert started_at(dashed) == started_at(text)


@given(st.uuids())
def test_only_version_7_of_the_right_variant_is_read(given_uuid: uuid.UUID) -> None:
    expected = given_uuid.hex if given_uuid.version == 7 else None
    assert parse_request_id(f"req_{given_uuid.hex}") == expected


@pytest.mark.parametrize("spoil", [str.upper, str.strip, lambda text: text + "\n", lambda text: " " + text])
def test_the_form_is_strict(spoil: object) -> None:
    public = "req_018f3a5b7c9d7abc8def0123456789ab"
    assert parse_request_id(public) == public[4:]
    assert callable(spoil)
    spoiled = spoil(public)
    assert (parse_request_id(spoiled) is None) == (spoiled != public)


@given(st.text())
def test_any_other_text_is_no_request_id(text: str) -> None:
    assert parse_request_id(text) is None

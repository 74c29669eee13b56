"""A cursor is read back as it was handed out, and nothing else is read."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.errors import InvalidRequest
from aio_platform.http.request_ids import new_request_uuid, started_at
from usage.queries.cursors import call_of, cursor_after_call, cursor_after_entry, entry_of


def test_a_calls_cursor_carries_the_moment_it_is_filed_by():
    request_uuid = new_request_uuid()
    assert call_of(cursor_after_call(UUID(request_uuid))) == (request_uuid, started_at(request_uuid))


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_entrys_cursor_is_read_back(entry):
    assert entry_of(cursor_after_entry(entry)) == entry


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text):
    for read in (call_of, entry_of):
        # Other errors would be a 500.
        with suppress(InvalidRequest):
            read(text)


def test_one_position_has_one_cursor():
    cursor = cursor_after_entry(7)
    for other in (cursor + "=", cursor[:-1] + "B", " " + cursor):
        with pytest.raises(InvalidRequest):
            entry_of(other)

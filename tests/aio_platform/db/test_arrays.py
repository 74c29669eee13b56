"""PostgreSQL reads back from an array's text form what was written into it, whatever that is."""

import json

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from aio_platform.db import arrays

# No database takes U+0000 or half a surrogate pair; both are refused long before.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
AWKWARD = ["", "NULL", "null", '"', "\\", '\\"', "{a,b}", "a,b", " a ", "\n\t", "모델", "x" * 5000, None]


def read(literal: str, kind: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [literal])
        return list(cursor.fetchone()[0])


@pytest.mark.parametrize("write", [arrays.name_array_literal, arrays.text_array_literal])
def test_any_text_comes_back(write, db):
    assert read(write(AWKWARD), "text") == AWKWARD
    assert read(write([]), "text") == []

    @given(st.lists(st.none() | TEXTS, max_size=20))
    def comes_back(values):
        assert read(write(values), "text") == values

    comes_back()


def test_numbers_booleans_and_uuids_come_back(db):
    assert read(arrays.array_literal([1, None, -(2**62)]), "bigint") == [1, None, -(2**62)]
    assert read(arrays.array_literal([True, None, False]), "boolean") == [True, None, False]
    [found] = read(arrays.array_literal(["0123456789abcdef0123456789abcdef"]), "uuid")
    assert found.hex == "0123456789abcdef0123456789abcdef"


def test_any_bytes_come_back(db):
    values = [b"", bytes(range(256)), None, b'\\"']
    found = read(arrays.bytes_array_literal(values), "bytea")
    assert [None if value is None else bytes(value) for value in found] == values


def test_json_comes_back_and_none_is_sqls_null(db):
    values = [{"text": 'a "quoted" \\ text, {}'}, [1, None], None, "모델", 0, False]
    found = read(arrays.json_array_literal(values), "text")
    assert [None if text is None else json.loads(text) for text in found] == values
    assert len(read(arrays.json_array_literal(values), "jsonb")) == len(values)


def test_texts_that_come_once_are_not_kept():
    arrays._quoted_name.cache_clear()
    arrays.text_array_literal(["once", "and", "only"])
    arrays.bytes_array_literal([b"digest"])
    assert arrays._quoted_name.cache_info().currsize == 0

"""U+0000 is found wherever it is, and what PostgreSQL says of it is told from its other refusals."""

import psycopg
import pytest
from django.db import DataError, connection

from aio_platform.null_characters import NullCharacter, is_refusal_of_null, place_of_null, without_null
from aio_platform.problems import as_platform_error


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("\0", ""),
        (["a", ["b\0"]], "1.0"),
        ({"a": {"b\0": 1}}, "a.b\0"),
        ({"a": [{"b": "c\0"}]}, "a.0.b"),
        ([("name", ["x", "\0"])], "0.1.1"),
    ],
    ids=["itself", "lists", "a field's name", "a field", "pairs"],
)
def test_it_is_found_at_any_depth_and_its_place_is_told(value: object, place: str) -> None:
    assert place_of_null(value) == place


def test_it_is_not_found_where_it_is_not() -> None:
    assert place_of_null({"a": ["\\u0000", None, 1, {"b": "%00"}]}) is None
    nested: object = "x"
    for _ in range(5_000):
        nested = [nested]
    assert place_of_null(nested) is None


def test_a_cookie_that_has_it_counts_as_none() -> None:
    assert without_null({"a": "b", "c": "\0d"}) == {"a": "b"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "parameters"), [("SELECT %s::text", ["a\0"]), ("SELECT %s::text::jsonb", ['"\\u0000"'])]
)
def test_what_the_database_refuses_for_it_is_the_callers_mistake(sql: str, parameters: list[str]) -> None:
    with pytest.raises(DataError) as caught, connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    assert isinstance(as_platform_error(caught.value), NullCharacter)


@pytest.mark.django_db
def test_what_the_database_refuses_for_something_else_stays_a_fault_of_ours() -> None:
    with pytest.raises(DataError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert not is_refusal_of_null(caught.value)
    assert as_platform_error(psycopg.DataError("out of range")).status == 500

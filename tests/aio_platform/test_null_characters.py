"""U+0000 is found wherever it is, and what PostgreSQL says of it is told from its other refusals."""

import psycopg
import pytest
from django.db import DataError, connection

from aio_platform.null_characters import NullCharacter, has_null, is_refusal_of_null, without_null
from aio_platform.problems import as_platform_error


@pytest.mark.parametrize(
    "value", ["\0", ["a", ["b\0"]], {"a": {"b\0": 1}}, {"a": [{"b": "c\0"}]}, [("name", ["x", "\0"])]]
)
def test_it_is_found_at_any_depth(value: object) -> None:
    assert has_null(value)


def test_it_is_not_found_where_it_is_not() -> None:
    assert not has_null({"a": ["\\u0000", None, 1, {"b": "%00"}]})
    nested: object = "x"
    for _ in range(5_000):
        nested = [nested]
    assert not has_null(nested)


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

"""Errors name the line a person has to edit."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.line_numbers import LineMap, TomlPath, shown_path, syntax_error_line

TRICKY = '''# a comment with [brackets] and "quotes"
top = 1
title = """
many
lines [not.a.table]
x = 1"""   # after
literal = \'\'\'
y = "2"\'\'\'\'\'

[a.b]   # header
"quoted key" = "x = 1 # not a comment"
'literal.key'.c = 'C:\\path'
when = 1979-05-27 07:32:00
empty = ""
list = [
  1, # one
  "two",
  [3, { four = 4, five = [
        5 ] }],
] # done
inline = { one.two = 1, three = { four = "}" } }
last = true

[[products]]
name = "first"

[[products]]
  [products.size]
  wide = 1
  [[products.parts]]
  id = "p0"
  [[products.parts]]
  id = "p1"

[after]
z = -inf'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("title",), 3),
        (("literal",), 7),
        (("a",), 10),
        (("a", "b"), 10),
        (("a", "b", "quoted key"), 11),
        (("a", "b", "literal.key", "c"), 12),
        (("a", "b", "when"), 13),
        (("a", "b", "empty"), 14),
        (("a", "b", "list"), 15),
        (("a", "b", "list", 1), 17),
        (("a", "b", "list", 2, 0), 18),
        (("a", "b", "list", 2, 1, "four"), 18),
        (("a", "b", "list", 2, 1, "five", 0), 19),
        (("a", "b", "inline", "one", "two"), 21),
        (("a", "b", "inline", "three", "four"), 21),
        (("a", "b", "last"), 22),
        (("products",), 24),
        (("products", 0), 24),
        (("products", 0, "name"), 25),
        (("products", 1), 27),
        (("products", 1, "size", "wide"), 29),
        (("products", 1, "parts", 0, "id"), 31),
        (("products", 1, "parts", 1), 32),
        (("products", 1, "parts", 1, "id"), 33),
        (("after", "z"), 36),
    ],
)
def test_every_value_is_found_on_its_line(path: TomlPath, line: int) -> None:
    tomllib.loads(TRICKY)
    assert LineMap(TRICKY).line_of(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [(("after", "absent"), 35), (("products", 1, "absent"), 27), (("absent",), 1), ((), 1)],
)
def test_what_is_missing_is_placed_at_what_should_hold_it(path: TomlPath, line: int) -> None:
    assert LineMap(TRICKY).line_of(path) == line


def test_windows_line_ends_count_once() -> None:
    assert LineMap("a = 1\r\n\r\n[t]\r\nb = 2\r\n").line_of(("t", "b")) == 4


VALUES = st.sampled_from(
    [
        "1",
        '"plain"',
        '"with \\" and # and ]"',
        "'literal \\'",
        '"""\nmany\nlines"""',
        '"""ends in quotes"""""',
        "'''\na = 1\n[b]\n'''",
        "[]",
        "[1, # comment ]\n 2,\n]",
        '{ a = 1, b = "}" }',
        "[{ a = 1 }, { b = [2,\n3] }]",
        "2026-01-31",
        "1979-05-27 07:32:00",
        "-inf",
    ]
)
TABLES = st.lists(st.tuples(st.booleans(), st.lists(VALUES, max_size=4)), max_size=6)


@given(TABLES)
def test_every_key_of_any_document_is_found(tables: list[tuple[bool, list[str]]]) -> None:
    text, expected = "", {}
    for number, (in_array, values) in enumerate(tables):
        index = sum(earlier for earlier, _ in tables[:number])
        path: TomlPath = ("array", index) if in_array else (f"table{number}",)
        expected[path] = text.count("\n") + 1
        text += "[[array]]\n" if in_array else f"[ table{number} ] # comment\n"
        for key, value in enumerate(values):
            expected[(*path, f"key{key}")] = text.count("\n") + 1
            text += f"key{key} = {value} # comment = 1\n\n"
    tomllib.loads(text)
    lines = LineMap(text)
    assert {path: lines.line_of(path) for path in expected} == expected


def test_paths_are_shown_as_people_write_them() -> None:
    assert shown_path(("routes", 2, "options", "odd key")) == 'routes[2].options."odd key"'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 3", 2),
        ('a = 1\nb = "open', 2),
        ("a = 1\n\n[t]\na = 1\n[t]\n", 5),
        ("a = [1,\n2,\n", 2),
    ],
)
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as raised:
        tomllib.loads(text)
    assert syntax_error_line(text, raised.value) == line

"""Reading directives out of requests."""

import json

import pytest

from gateway.sandbox.magic import MagicError, parse_text, read_magic, without_magic


def read(document):
    return read_magic(json.dumps(document).encode(), document, b"")


def test_plain_request_has_no_magic():
    assert not read({"messages": [{"content": "just [[text]]"}]})


def test_directive_is_found_in_any_nested_text_field():
    assert read({"a": [{"b": ["x", "[[sbx:status=503]]"]}]}) == {"status": "503"}


def test_several_directives_add_up_and_the_last_wins():
    assert read({"a": "[[sbx:status=1;gap_ms=2]]", "b": "[[sbx:status=3]]"}) == {"status": "3", "gap_ms": "2"}


def test_bare_directive_is_present_without_a_value():
    magic = parse_text("[[sbx:hang]]")
    assert "hang" in magic
    assert magic.integer("hang", 7) == 7


def test_text_takes_the_rest_as_it_is():
    assert parse_text('[[sbx:gap_ms=1;text= a;b="c" ]]') == {"gap_ms": "1", "text": ' a;b="c" '}


def test_directive_in_raw_bytes_and_in_the_query_is_found():
    assert read_magic(b"\x00\xff--boundary [[sbx:status=500]] \xfe", None, b"") == {"status": "500"}
    assert read_magic(b"", None, b"q=%5B%5Bsbx%3Astatus%3D500%5D%5D") == {"status": "500"}


@pytest.mark.parametrize("text", ["[[sbx:statsu=500]]", "[[sbx:status=500;wat]]"])
def test_unknown_key_is_an_error(text):
    with pytest.raises(MagicError, match=r"statsu|wat"):
        parse_text(text)


def test_without_magic_takes_every_directive_out():
    assert without_magic("a [[sbx:hang]]b[[sbx:text=x]]") == "a b"

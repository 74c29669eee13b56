"""Errors carry data: a code of their own that no renaming changes, a template of the catalogue and its values."""

import re
from collections import Counter

import pytest
from django.utils import translation
from error_classes import error_classes

from aio_platform.errors import InvalidRequest, NotFound, PlatformError, UnknownAddress, wrong_field
from aio_platform.i18n.translatable import Message, gettext_noop, translated
from usage.errors import MinuteRateReached

REQUIRED = gettext_noop("this field is required")


def limit_reached() -> MinuteRateReached:
    return MinuteRateReached(calls_per_minute=60, reset_s=20, headers={})


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_class_writes_its_own_code_down(kind: type[PlatformError]) -> None:
    assert "code" in vars(kind), (
        "counters and books know it by this: it is not to change with the class's name"
    )
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)


def test_no_two_classes_have_the_same_code() -> None:
    shared = {
        code: count for code, count in Counter(kind.code for kind in error_classes()).items() if count > 1
    }
    assert shared == {}


def test_the_message_is_the_template_with_its_values_in_english() -> None:
    error = InvalidRequest(gettext_noop("%(param)s is one of %(choices)s."), param="unit", choices="a, b")
    assert error.message == str(error) == "unit is one of a, b."
    assert error.param == "unit"


def test_a_percent_sign_is_itself_where_there_are_no_values() -> None:
    assert InvalidRequest(gettext_noop("100 % of it"), param="part").message == "100 % of it"


def test_a_value_is_never_taken_for_a_template() -> None:
    error = InvalidRequest(gettext_noop("There is no %(name)s."), name="%(param)s 5%", param="name")
    assert error.message == "There is no %(param)s 5%."
    with translation.override("ko"):
        assert error.shown == error.message


def test_a_class_says_its_own_words_unless_others_are_given() -> None:
    assert UnknownAddress().message == "There is nothing at this address."
    assert UnknownAddress(gettext_noop("Not here.")).message == "Not here."


def test_english_visitors_read_the_message_as_it_is() -> None:
    with translation.override("en"):
        assert limit_reached().shown == limit_reached().message


def test_a_message_is_translated_with_its_values_kept() -> None:
    with translation.override("ko"):
        assert limit_reached().shown == "분당 60회 호출 제한에 도달했습니다. 20초 후에 다시 시도하세요."


def test_the_api_s_own_message_stays_english_whatever_the_language() -> None:
    with translation.override("ko"):
        assert "The limit of 60 calls a minute is reached" in limit_reached().message


@pytest.mark.parametrize(
    ("error", "message", "shown"),
    [
        (
            wrong_field("prompt", gettext_noop("must be a URL")),
            "prompt: must be a URL.",
            "prompt: URL이어야 합니다",
        ),
        (
            wrong_field("messages.0.content", REQUIRED),
            "messages.0.content: this field is required.",
            "messages.0.content: 필수 필드입니다",
        ),
        (
            wrong_field("size", gettext_noop("must be from %(least)s to %(most)s"), least=1, most=8),
            "size: must be from 1 to 8.",
            "size: 1에서 8 사이여야 합니다",
        ),
    ],
)
def test_a_value_that_is_a_message_is_translated_too(error: InvalidRequest, message: str, shown: str) -> None:
    assert error.message == message
    with translation.override("ko"):
        assert error.shown == shown


def test_words_of_libraries_are_the_same_in_every_language() -> None:
    error = NotFound(Message.verbatim("Nobody wrote this: ever. 5 %"))
    with translation.override("ko"):
        assert error.shown == error.message == "Nobody wrote this: ever. 5 %"


def test_a_field_may_be_told_by_another_name() -> None:
    renamed = wrong_field("n", gettext_noop("must be a number")).renamed("count")
    assert (renamed.message, renamed.param) == ("count: must be a number.", "count")
    with translation.override("ko"):
        assert renamed.shown.startswith("count: ")


def test_what_was_stored_in_english_is_translated_when_it_is_shown() -> None:
    with translation.override("ko"):
        assert translated("There is no such key.") == "그런 키가 없습니다."
        assert translated("Nobody wrote this: ever.") == "Nobody wrote this: ever."
        assert translated("") == ""

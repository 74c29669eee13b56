"""Errors' messages on pages: in the visitor's language, values kept; the API's stay English."""

import pytest
from django.utils import translation

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.message_language import in_visitors_language
from usage.errors import MinuteRateReached


def limit_reached() -> MinuteRateReached:
    return MinuteRateReached(calls_per_minute=60, reset_s=20, headers={})


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
    ("message", "shown"),
    [
        ("prompt: must be a URL.", "prompt: URL이어야 합니다"),
        ("messages.0.content: this field is required", "messages.0.content: 필수 필드입니다"),
        ("The API key is revoked.", "API 키가 해지되었습니다."),
        ("model: this field is required.", "model: 필수 필드입니다."),
    ],
)
def test_a_field_keeps_its_name_before_the_translated_message(message: str, shown: str) -> None:
    with translation.override("ko"):
        assert InvalidRequest(message).shown == shown


def test_a_message_that_nobody_has_translated_stays_as_it_is() -> None:
    with translation.override("ko"):
        assert in_visitors_language("Nobody wrote this: ever.") == "Nobody wrote this: ever."
        assert in_visitors_language("") == ""

"""What is wrong with a body is told in English, and on a page in the visitor's language where the words are ours."""

import pytest
from django.utils import translation
from pydantic import field_validator

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import Message, gettext_noop
from gateway.contracts.parsing import RequestContract, parse_body


class Body(RequestContract):
    text: str
    side: int = 1

    @field_validator("side")
    @classmethod
    def _small(cls, side: int) -> int:
        if side > 8:
            raise ValueError(
                Message(gettext_noop("each side must be from %(least)s to %(most)s pixels"), least=1, most=8)
            )
        return side


@pytest.mark.parametrize(
    ("body", "message", "shown"),
    [
        (b"{}", "text: this field is required.", "text: 필수 필드입니다"),
        (
            b'{"text": "a", "side": 9}',
            "side: each side must be from 1 to 8 pixels.",
            "side: 각 변은 1~8픽셀이어야 합니다",
        ),
        # Pydantic's own words.
        (b'{"text": 1}', "text: Input should be a valid string.", "text: Input should be a valid string."),
        (b"[]", "The body must be a JSON object.", "본문은 JSON 객체여야 합니다."),
    ],
)
def test_a_problem_is_told_in_both_languages(body: bytes, message: str, shown: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_body(Body, body, "application/json")

    assert refused.value.message == message
    with translation.override("ko"):
        assert refused.value.shown == shown
        assert refused.value.message == message

"""Any name of a language becomes the one name that the upstream knows."""

import pytest

from aio_platform.errors import InvalidRequest
from gateway.adapters.shared.languages import SPOKEN, full_name, iso_code


@pytest.mark.parametrize(
    "given", ["ko", "KO", " korean ", "Korean", "KOREAN", "한국어", "ko-KR", "ko_KR", "kor", "kr"]
)
def test_korean_by_any_name(given: str) -> None:
    assert full_name(given) == "Korean"
    assert iso_code(given) == "ko"


@pytest.mark.parametrize("code", SPOKEN)
def test_every_spoken_language_is_known_by_code_and_name(code: str) -> None:
    assert full_name(code) == full_name(SPOKEN[code]) == full_name(SPOKEN[code].lower()) == SPOKEN[code]
    assert iso_code(SPOKEN[code]) == iso_code(code) == code


@pytest.mark.parametrize("given", ["日本語", "일본어", "jpn", "ja-JP"])
def test_japanese_by_its_own_and_its_korean_name(given: str) -> None:
    assert full_name(given) == "Japanese"


def test_auto_is_a_word_to_the_speaker_and_no_code_to_the_listener() -> None:
    assert full_name("auto") == full_name("Auto") == "Auto"
    assert iso_code("auto") is None


def test_no_language_stays_none() -> None:
    assert full_name(None) is None
    assert iso_code(None) is None


def test_the_listener_knows_languages_that_the_speaker_does_not() -> None:
    assert iso_code("Vietnamese") == "vi"
    assert iso_code("haitian creole") == "ht"
    with pytest.raises(InvalidRequest) as raised:
        full_name("vi")
    assert raised.value.param == "language"


@pytest.mark.parametrize("given", ["", "klingon", "xx", "korean-ish", "englishes", "auto-KR"])
def test_an_unknown_language_is_refused_by_name_of_its_field(given: str) -> None:
    for known in (full_name, iso_code):
        with pytest.raises(InvalidRequest) as raised:
            known(given)
        assert raised.value.param == "language"
        assert raised.value.status == 400

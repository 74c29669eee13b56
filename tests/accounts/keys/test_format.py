import hashlib
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.errors import MalformedKey, MissingKey
from accounts.keys import format
from accounts.public_ids import BASE62


def base62_number(text: str) -> int:
    number = 0
    for character in text:
        number = number * 62 + BASE62.index(character)
    return number


def test_a_new_key_has_the_documented_form_and_checksum() -> None:
    key = format.new_key()
    assert re.fullmatch(r"aio_[0-9A-Za-z]{38}", key)
    assert base62_number(key[36:]) == zlib.crc32(key[:36].encode())
    assert format.digest_of(key) == hashlib.sha256(key.encode()).digest()


def test_no_two_keys_are_alike() -> None:
    assert len({format.new_key() for _ in range(1000)}) == 1000


@given(st.text(alphabet=BASE62, min_size=32, max_size=32))
def test_every_random_part_gets_a_checksum_that_is_accepted(random_part: str) -> None:
    checked = "aio_" + random_part
    checksum = format.checksum_of(checked)
    assert len(checksum) == 6
    assert base62_number(checksum) == zlib.crc32(checked.encode())
    assert len(format.digest_of(checked + checksum)) == 32


def test_a_small_checksum_is_padded_with_zeros() -> None:
    # Found by search: the CRC32 of these 36 characters is below 62 to the fifth.
    number = 0
    while True:
        checked = f"aio_{number:032d}"
        if zlib.crc32(checked.encode()) < 62**4:
            break
        number += 1
    assert format.checksum_of(checked).startswith("00")
    format.digest_of(checked + format.checksum_of(checked))


@given(st.integers(0, 41), st.characters())
def test_any_single_changed_character_is_caught(position: int, character: str) -> None:
    key = format.new_key()
    if key[position] == character:
        return
    with pytest.raises(MalformedKey):
        format.digest_of(key[:position] + character + key[position + 1 :])


@given(st.integers(0, 41), st.sampled_from(BASE62))
def test_any_single_mistyped_letter_is_caught(position: int, character: str) -> None:
    test_any_single_changed_character_is_caught.hypothesis.inner_test(position, character)  # type: ignore[attr-defined]


@given(st.text())
def test_any_other_text_is_malformed(text: str) -> None:
    with pytest.raises(MalformedKey):
        format.digest_of(text)


@pytest.mark.parametrize("suffix", ["\n", " ", "0", "\x00"])
def test_a_key_with_something_after_it_is_malformed(suffix: str) -> None:
    with pytest.raises(MalformedKey):
        format.digest_of(format.new_key() + suffix)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_whatever_its_case(scheme: str) -> None:
    assert format.bearer_key(f"{scheme} aio_x") == "aio_x"


def test_blanks_around_the_key_do_not_matter() -> None:
    assert format.bearer_key("Bearer   aio_x ") == "aio_x"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic aio_x", "aio_x", "Bearerаio_x"])
def test_a_header_without_a_bearer_key_is_missing_one(header: str) -> None:
    with pytest.raises(MissingKey):
        format.bearer_key(header)


def test_two_words_after_the_scheme_are_malformed() -> None:
    with pytest.raises(MalformedKey):
        format.bearer_key("Bearer aio_x aio_y")


def test_people_see_the_first_twelve_characters_and_the_last_four() -> None:
    key = format.new_key()
    assert format.prefix_of(key) == key[:12]
    assert format.last_four_of(key) == key[-4:]

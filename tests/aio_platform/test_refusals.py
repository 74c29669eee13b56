"""Every reason to refuse a call is one row: its status and type, and words for members and for staff."""

import pytest
from django.utils import translation
from error_classes import error_classes
from left_in_english import HANGUL

from aio_platform.error_kinds import ERROR_KINDS, KIND_OF
from aio_platform.refusals import Refusal, refusal_explanation, refusal_label, refusals
from gateway.openapi import documented_errors

# What the books have under these names stays readable, whatever classes are called.
STORED = {
    "revoked_key", "expired_key", "not_a_member", "account_suspended", "role_not_allowed", "endpoint_not_allowed",
    "model_not_allowed", "address_not_allowed", "minute_rate", "trial_exhausted", "key_day_cap", "key_month_cap",
    "insufficient_credits", "invalid_request", "unknown_model", "model_paused", "body_too_slow", "body_too_large",
    "idempotency_in_flight", "idempotency_not_replayable", "idempotency_mismatch",
}  # fmt: skip


def test_there_is_a_row_for_every_name_that_the_books_have() -> None:
    assert set(refusals()) == STORED


@pytest.mark.parametrize("row", refusals().values(), ids=lambda row: row.code)
def test_a_row_says_what_it_is_called_why_and_what_to_do(row: Refusal) -> None:
    assert (row.status, row.type) in KIND_OF
    for language, is_word in (("en", str.strip), ("ko", HANGUL.search)):
        with translation.override(language):
            for words in (refusal_label(row.code), refusal_explanation(row.code), str(row.what_to_do)):
                assert is_word(words), (row.code, words)


def test_a_code_without_a_row_is_shown_readably() -> None:
    assert refusal_label("body_too_odd") == "body_too_odd"
    assert refusal_explanation("body_too_odd") == "Body too odd."


def test_every_error_that_a_class_can_give_is_a_kind_and_no_kind_is_idle() -> None:
    assert {(each.status, each.type) for each in error_classes()} == set(KIND_OF)
    assert len(KIND_OF) == len(ERROR_KINDS)


def test_the_schema_says_of_a_status_what_all_of_its_kinds_are() -> None:
    assert documented_errors.ANYWHERE[429] == (
        "Too many calls, of yours or at the model's server, or the trial's calls of the day are used up"
    )
    every = documented_errors.REFUSALS | documented_errors.REFUSALS_OF_CHANGES
    assert every[409] == "A call with this Idempotency-Key is under way, or its state does not allow it"
    assert all(every.values())

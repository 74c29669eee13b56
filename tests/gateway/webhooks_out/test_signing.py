"""Signatures that Standard Webhooks' own verifier takes; and secrets that only our key opens."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.webhooks_out.schedule import JITTER, MAX_WAIT_S, WAITS_S, wait_after
from gateway.webhooks_out.sealing import Unreadable, seal, unseal
from gateway.webhooks_out.sending import Outcome
from gateway.webhooks_out.signing import new_secret, signed_headers


@given(body=st.text().map(str.encode), number=st.integers(1, 5))
def test_every_secrets_holder_can_verify_and_nobody_else(body: bytes, number: int) -> None:
    secrets = [new_secret() for _ in range(number)]
    headers = signed_headers(secrets, "evt_1", int(time.time()), body)
    for secret in secrets:
        Webhook(secret).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers, json_parse=False)


def test_an_old_event_replayed_is_refused_by_the_verifier() -> None:
    secret = new_secret()
    headers = signed_headers([secret], "evt_1", int(time.time()) - 600, b"{}")
    with pytest.raises(WebhookVerificationError, match="old"):
        Webhook(secret).verify(b"{}", headers)


def test_no_event_goes_out_unsigned() -> None:
    with pytest.raises(AssertionError):
        signed_headers([], "evt_1", 0, b"")


def test_a_sealed_secret_opens_with_its_key_or_a_fallback_alone(settings: Settings) -> None:
    sealed = seal("whsec_x")
    assert sealed != seal("whsec_x")
    assert unseal(sealed) == "whsec_x"
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "next", [settings.SECRET_KEY]
    assert unseal(sealed) == "whsec_x"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unreadable):
        unseal(sealed)
    with pytest.raises(Unreadable):
        unseal("not sealed at all")


@given(tries=st.integers(1, len(WAITS_S)), retry_after_s=st.floats(0, 1e9))
def test_a_wait_is_around_the_schedules_and_not_below_what_was_asked(
    tries: int, retry_after_s: float
) -> None:
    wait_s = wait_after(tries, Outcome(1, 503, retry_after_s=retry_after_s))
    assert wait_s is not None
    assert wait_s >= WAITS_S[tries - 1] * (1 - JITTER)
    assert wait_s >= min(retry_after_s, MAX_WAIT_S)
    assert wait_s <= max(WAITS_S[tries - 1] * (1 + JITTER), min(retry_after_s, MAX_WAIT_S))


def test_the_schedule_ends() -> None:
    assert wait_after(len(WAITS_S) + 1, Outcome(1, 500)) is None

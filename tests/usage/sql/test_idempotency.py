"""The idempotency functions: one request a key, its answer kept for a day."""

import uuid

import pytest

BODY, OTHER_BODY = b"a" * 32, b"b" * 32


@pytest.fixture
def claim(books, tenant):
    def send(request_id, fingerprint=BODY, key="k", ttl_s=60):
        return books.sql(
            "SELECT state, request_id, status, body FROM usage_claim_idempotency_key_v1(%s, %s, %s, %s, %s)",
            tenant.id,
            key,
            fingerprint,
            request_id,
            ttl_s,
        )[0]

    return send


@pytest.fixture
def keep(books, tenant):
    def answer(request_id, body=b"answer"):
        books.sql(
            "SELECT usage_keep_answer_v1(%s, 'k', %s, 200::smallint, 'application/json', '{}'::jsonb, %s)",
            tenant.id,
            request_id,
            body,
        )

    return answer


def test_the_first_call_claims_the_key_and_a_second_waits(claim):
    first, second = uuid.uuid4(), uuid.uuid4()
    assert claim(first)[:2] == ("claimed", first)
    assert claim(second)[:2] == ("in_flight", first)


def test_a_kept_answer_is_given_to_the_same_request_alone(claim, keep):
    first = uuid.uuid4()
    claim(first)
    keep(first)
    state, request_id, status, body = claim(uuid.uuid4())
    assert (state, request_id, status, bytes(body)) == ("done", first, 200, b"answer")
    assert claim(uuid.uuid4(), OTHER_BODY)[0] == "other_body"


def test_only_the_call_that_claimed_the_key_keeps_an_answer(claim, keep):
    claim(uuid.uuid4())
    keep(uuid.uuid4())
    assert claim(uuid.uuid4())[0] == "in_flight"


def test_a_key_given_up_is_free(books, tenant, claim):
    first, second = uuid.uuid4(), uuid.uuid4()
    claim(first)
    books.sql("SELECT usage_drop_idempotency_key_v1(%s, 'k', %s)", tenant.id, first)
    assert claim(second, OTHER_BODY)[:2] == ("claimed", second)


def test_a_kept_answer_is_not_given_up(books, tenant, claim, keep):
    first = uuid.uuid4()
    claim(first)
    keep(first)
    books.sql("SELECT usage_drop_idempotency_key_v1(%s, 'k', %s)", tenant.id, first)
    assert claim(uuid.uuid4())[0] == "done"


def test_a_claim_whose_call_never_ended_is_free_after_its_time(claim):
    claim(uuid.uuid4(), ttl_s=-1)
    later = uuid.uuid4()
    assert claim(later, OTHER_BODY)[:2] == ("claimed", later)


def test_a_charged_calls_key_stays_its_own_after_its_time(books, tenant, claim):
    """Its answer was lost with its process; another call would be charged again."""
    charged = uuid.UUID(books.call(tenant, 5))
    claim(charged, ttl_s=-1)
    assert claim(uuid.uuid4())[:3] == ("done", charged, None)


def test_the_key_of_a_call_that_still_holds_credits_stays_its_own_after_its_time(books, tenant, claim):
    held = uuid.UUID(books.hold(tenant).request_id)
    claim(held, ttl_s=-1)
    assert claim(uuid.uuid4())[:2] == ("in_flight", held)


def test_a_charged_calls_key_is_not_given_up(books, tenant, claim):
    charged = uuid.UUID(books.call(tenant, 5))
    claim(charged)
    assert books.value("SELECT usage_drop_idempotency_key_v1(%s, 'k', %s)", tenant.id, charged) == "charged"
    assert claim(uuid.uuid4())[:2] == ("done", charged)


def test_keys_belong_to_their_account(books, claim):
    claim(uuid.uuid4())
    stranger = books.tenant()
    state = books.value(
        "SELECT state FROM usage_claim_idempotency_key_v1(%s, 'k', %s, %s, 60)",
        stranger.id,
        OTHER_BODY,
        uuid.uuid4(),
    )
    assert state == "claimed"


def test_answers_past_their_day_are_forgotten_some_at_a_time(books, claim):
    for number in range(3):
        claim(uuid.uuid4(), key=f"old {number}", ttl_s=-24 * 3600)
    claim(uuid.uuid4(), key="young")
    assert [books.value("SELECT usage_forget_answers_v1(2)") for _ in range(3)] == [2, 1, 0]
    assert books.sql("SELECT idempotency_key FROM usage_idempotent_call") == [("young",)]

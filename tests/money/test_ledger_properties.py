"""Whatever happens in whatever order, the books agree with each other and with a plain model, to the micro-credit.

Hypothesis writes the histories: batches of calls over three accounts, settlements of open and of ended holds, grants
that expire, refunds, and time. They go through the product's own ledger API, usage.ledger.client and
usage.ledger.grants, on a real database. Time passes by moving every stored moment back by whole minutes; everything
falls due in the middle of a minute, so the milliseconds a test takes cannot matter.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from money.conftest import empty_the_books
from money.model import AccountBooks, Asked, KeyBooks, ModelBooks

from accounts import actions
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Plan
from aio_platform.http.request_ids import new_request_uuid
from usage import errors
from usage.ledger import grants, rate_card
from usage.ledger.calls import CallEnd, CallToAuthorize, Credentials
from usage.ledger.client import Ledger
from usage.ledger.outcomes import Outcome
from usage.ledger.rates import prices_from_json

HALF_A_MINUTE_S = 30
AMOUNTS = st.one_of(st.sampled_from([1, 2, 999_999, 1_000_000, 1_000_001]), st.integers(1, 3_000_000))
GRANTS = st.one_of(AMOUNTS, st.integers(1_000_000, 12_000_000))
CEILINGS = st.one_of(st.just(0), AMOUNTS)
TRIAL_CALLS_PER_DAY, CALLS_PER_MINUTE, CAP_DAY = 4, 4, 1_200_000
# All that a step can come to.
EVERYTHING = {
    *("admitted", "minute_rate", "trial_exhausted", "key_day_cap", "insufficient_credits"),
    *("captured", "released", "not settled", "settled again", "hold expired"),
    *("refunded", "refund too large", "grant expired"),
}


class Histories(RuleBasedStateMachine):
    """One history: the same steps on the database and on the model, compared after each."""

    runner: asyncio.Runner
    ledger: Ledger
    rate_id: int
    keys: dict[bytes, KeyBooks]
    trials: dict[int, int | None]
    seen: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        wait_out_midnight()
        empty_the_books()
        for account_id in self.trials:
            sql("SELECT usage_open_balance_v1(%s)", account_id)
        self.model = ModelBooks(
            {account_id: AccountBooks(trial) for account_id, trial in self.trials.items()},
            {
                digest: KeyBooks(k.id, k.account_id, k.calls_per_minute, k.cap_day)
                for digest, k in self.keys.items()
            },
        )
        self.began = datetime.now(UTC)
        self.asked: list[tuple[int, str]] = []

    @initialize(amounts=st.lists(st.integers(2_000_000, 12_000_000), min_size=3, max_size=3))
    def start_with_something(self, amounts: list[int]) -> None:
        for number, amount in enumerate(amounts):
            self.grant(number, amount, None)

    @rule(number=st.integers(0, 2), amount=GRANTS, lives=st.one_of(st.none(), st.integers(0, 5)))
    def grant(self, number: int, amount: int, lives: int | None) -> None:
        account_id = list(self.trials)[number]
        # Moments are stored as seen from the beginning: what has passed since has been taken off them.
        expires = None if lives is None else self.model.minute + lives
        expires_at = None if lives is None else self.began + timedelta(minutes=lives, seconds=HALF_A_MINUTE_S)
        booked = grants.grant(account_id, amount, reason="test", actor="test", expires_at=expires_at)
        assert (booked.entry, booked.available_microcredits) == self.model.grant(account_id, amount, expires)

    @rule(batch=st.lists(st.tuples(st.integers(0, 4), CEILINGS, st.integers(0, 4)), min_size=1, max_size=6))
    def authorize(self, batch: list[tuple[int, int, int]]) -> None:
        digests = list(self.keys)
        asked = [Asked(new_request_uuid(), digests[number], ceiling, ttl) for number, ceiling, ttl in batch]
        verdicts = self.runner.run(self._authorize(asked))
        assert [verdict.name for verdict in verdicts] == self.model.authorize(asked)
        self.seen.update(verdict.name for verdict in verdicts)
        self.asked += [(self.keys[one.digest].account_id, one.request_uuid) for one in asked]

    @precondition(lambda self: self.asked)
    @rule(
        ends=st.lists(st.tuples(st.integers(0, 50), st.one_of(st.none(), CEILINGS)), min_size=1, max_size=5)
    )
    def settle(self, ends: list[tuple[int, int | None]]) -> None:
        """Open holds, ended ones, and calls that were refused, some of them twice in one batch."""
        batch = []
        for back, charge in ends:
            choice = self.open_holds() if back % 4 else self.asked
            account_id, request_uuid = (choice or self.asked)[-1 - back % len(choice or self.asked)]
            outcome = Outcome.FAILED if charge is None else Outcome.SUCCEEDED
            batch.append(CallEnd(account_id, request_uuid, outcome, charge))
        earlier = [self.model.accounts[end.account_id].ended.get(end.request_uuid) for end in batch]
        settlements = self.runner.run(self._settle(batch))
        answered = list(zip(batch, earlier, settlements, strict=True))
        # Of two ends for one hold in a batch either may win, never both: the model is told which did.
        for end, before, settlement in sorted(answered, key=lambda answer: not answer[2].settled):
            outcome = end.outcome.value
            assert settlement.repeated == (before is not None and before[0] == outcome)
            if settlement.repeated:
                assert (outcome, settlement.charged) == before
                self.seen["settled again"] += 1
                continue
            charged = self.model.settle(end.account_id, end.request_uuid, outcome, end.charge_microcredits)
            assert (settlement.charged if settlement.settled else None) == charged
            self.seen[
                "not settled" if charged is None else "released" if outcome == "failed" else "captured"
            ] += 1
        for end, settlement in zip(batch, settlements, strict=True):
            if settlement.settled:
                assert settlement.available == self.model.accounts[end.account_id].available

    @precondition(lambda self: any(account.refundable for account in self.model.accounts.values()))
    @rule(back=st.integers(0, 20), amount=st.one_of(AMOUNTS, st.integers(1, 300_000)))
    def refund(self, back: int, amount: int) -> None:
        captured = [(a, r) for a, account in self.model.accounts.items() for r in account.refundable]
        account_id, request_uuid = captured[-1 - back % len(captured)]
        expected = self.model.refund(account_id, request_uuid, amount)
        try:
            booked = grants.refund(
                account_id,
                request_uuid,
                amount,
                reason="test",
                actor="test",
                idempotency_key=new_request_uuid(),
            )
        except errors.RefundTooLarge:
            assert expected is None
            self.seen["refund too large"] += 1
        else:
            self.seen["refunded"] += 1
            assert booked.available_microcredits == expected

    @rule(minutes=st.integers(1, 3))
    def pass_time(self, minutes: int) -> None:
        self.model.pass_time(minutes)
        back = timedelta(minutes=minutes)
        sql("UPDATE usage_grant SET expires_at = expires_at - %s", back)
        sql("UPDATE usage_balance SET next_grant_expiry_at = next_grant_expiry_at - %s", back)
        sql("UPDATE usage_hold SET held_at = held_at - %s, expires_at = expires_at - %s", back, back)
        sql("UPDATE usage_key_meter SET window_started_at = window_started_at - %s", back)

    @rule()
    def expire_holds(self) -> None:
        ended = grants.expire_holds()
        assert ended == self.model.expire_holds()
        self.seen["hold expired"] += ended

    @rule()
    def expire_grants(self) -> None:
        made = grants.expire_grants()
        assert made == sum(self.model.expire_grants(account_id) for account_id in self.trials)

    @invariant()
    def books_agree(self) -> None:
        assert grants.reconcile() == []
        found = sql(
            "SELECT account_id, available_microcredits, held_microcredits, captured_microcredits, last_entry,"
            " (SELECT count(*) FROM usage_hold h WHERE h.account_id = b.account_id),"
            " coalesce((SELECT sum(calls) FROM usage_trial_day d WHERE d.account_id = b.account_id), 0)"
            " FROM usage_balance b ORDER BY 1"
        )
        assert found == [
            (account_id, a.available, a.held, a.captured, a.entries, len(a.holds), a.trial_calls)
            for account_id, a in sorted(self.model.accounts.items())
        ]
        spent = dict(sql("SELECT key_id, day_microcredits FROM usage_key_meter"))
        assert all(spent.get(key.id, 0) == key.spent_today for key in self.model.keys.values())

    def teardown(self) -> None:
        """What is left of each expiring grant, once the captures kept back have been taken off."""
        self.seen["grant expired"] += self.model.grants_expired
        for account_id, account in self.model.accounts.items():
            sql("SELECT usage_settle_lots_v1(%s)", account_id)
            left = sql(
                "SELECT entry, remaining_microcredits FROM usage_grant"
                " WHERE account_id = %s AND expires_at IS NOT NULL ORDER BY entry",
                account_id,
            )
            assert left == [(lot.entry, lot.remaining) for lot in account.lots]

    def open_holds(self) -> list[tuple[int, str]]:
        return [
            (a, request_uuid) for a, account in self.model.accounts.items() for request_uuid in account.holds
        ]

    async def _authorize(self, asked: list[Asked]) -> list:  # type: ignore[type-arg]
        """One batch: all are submitted before the loop turns."""
        return await asyncio.gather(
            *[
                self.ledger.authorize(
                    CallToAuthorize(
                        one.request_uuid,
                        Credentials(one.digest),
                        "chat",
                        "gemini",
                        "chat/gemini",
                        self.rate_id,
                        one.ceiling,
                        one.ttl * 60 + HALF_A_MINUTE_S,
                    )
                )
                for one in asked
            ]
        )

    async def _settle(self, ends: list[CallEnd]) -> list:  # type: ignore[type-arg]
        return await asyncio.gather(*[self.ledger.settle(end) for end in ends])


@pytest.fixture
def histories(committed_books: None) -> Iterator[type[Histories]]:
    """Three accounts with five keys: a plain one, one with a cap and a minute's limit, and one on a small trial."""
    Plan.objects.create(slug="slow", calls_per_minute=CALLS_PER_MINUTE)
    Plan.objects.create(slug="small-trial", trial_calls_per_day=TRIAL_CALLS_PER_DAY)
    Histories.keys, Histories.trials, Histories.seen = {}, {}, Counter()
    for plan_slug, caps in {
        "unlimited": [None, None],
        "slow": [CAP_DAY, None],
        "small-trial": [None],
    }.items():
        account = actions.create_account(plan_slug, plan_slug)
        Histories.trials[account.pk] = account.plan.trial_calls_per_day
        for cap in caps:
            key, text = lifecycle.issue_key(account, "key", cap_day_microcredits=cap)
            Histories.keys[digest_of(text)] = KeyBooks(key.pk, account.pk, account.plan.calls_per_minute, cap)
    prices = prices_from_json({"calls": {"microcredits": 1, "per": 1}})
    Histories.rate_id = rate_card.publish("test", prices).id
    with asyncio.Runner() as runner:
        Histories.runner, Histories.ledger = runner, Ledger()
        runner.run(Histories.ledger.open())
        yield Histories
        runner.run(Histories.ledger.close())


def test_a_history_with_everything_agrees_with_the_model(histories: type[Histories]) -> None:
    """One written by hand, so that whatever the random ones leave out has been compared too."""
    history = histories()
    plain, capped, slow, trial = 0, 2, 3, 4
    history.start_with_something([3_000_000] * 3)
    history.authorize([(plain, 1_000_000, 4), (capped, 1_000_000, 0), (capped, 1_000_000, 0)])
    history.authorize([(slow, 0, 4)] * 5 + [(trial, 1, 4)] * 5 + [(plain, 2_000_001, 4)])
    history.books_agree()
    for ends in ([(1, None), (1, None)], [(2, 1)], [(3, None)], [(1, 5_000_000)], [(4, 1)], [(4, 1)]):
        history.settle(ends)
        history.books_agree()
    history.refund(0, 1)
    history.refund(0, 3_000_000)
    history.grant(0, 2_000_000, 0)
    history.pass_time(2)
    history.books_agree()
    history.expire_grants()
    history.books_agree()
    history.expire_holds()
    history.books_agree()
    history.teardown()
    assert {name for name, times in histories.seen.items() if times} == EVERYTHING


@pytest.mark.slow
def test_any_history_agrees_with_the_model(histories: type[Histories]) -> None:
    """The same histories every time; `make prove` looks for new ones, and for the shortest that fails."""
    run_state_machine_as_test(
        histories,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
        ),
    )
    print(dict(histories.seen))


@pytest.mark.prove
def test_any_of_many_random_histories_agrees_with_the_model(histories: type[Histories]) -> None:
    number = int(os.environ.get("PROVE_SEED") or time.time_ns() % 10**9)
    print(f"PROVE_SEED={number} repeats these histories")
    run_state_machine_as_test(
        seed(number)(histories),
        settings=settings(
            max_examples=400,
            stateful_step_count=60,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
        ),
    )


def sql(text: str, *parameters: object) -> list[tuple]:  # type: ignore[type-arg]
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall() if cursor.description else []


def wait_out_midnight() -> None:
    """A history must not run into the next day (UTC), where caps and trials start anew."""
    now = datetime.now(UTC)
    left_s = (
        (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0) - now
    ).total_seconds()
    if left_s < 20:
        time.sleep(left_s + 0.1)

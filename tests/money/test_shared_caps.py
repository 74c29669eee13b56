"""Caps of keys that replaced or issued one another: no order of calls, on any number of processes, gets past one."""

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from money.conftest import empty_the_books
from money.test_ledger_properties import sql, wait_out_midnight
from money.test_many_processes import finished, start

from accounts import actions
from accounts.errors import BeyondOwnKey, KeyAlreadyReplaced
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Account, ApiKey
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants, rate_card
from usage.ledger.calls import CallEnd, CallToAuthorize, Credentials
from usage.ledger.client import Ledger
from usage.ledger.outcomes import Outcome
from usage.ledger.rates import prices_from_json

CAP = st.sampled_from([None, 5, 10, 20])
NUMBER = st.integers(0, 9)
STEP = st.one_of(
    st.tuples(st.just("issue"), NUMBER, CAP),
    st.tuples(st.just("rotate"), NUMBER, NUMBER),
    st.tuples(st.just("change"), NUMBER, NUMBER, CAP),
    st.tuples(st.just("call"), st.lists(st.tuples(NUMBER, st.integers(0, 8)), min_size=1, max_size=6)),
    st.tuples(st.just("call"), st.lists(st.tuples(NUMBER, st.integers(0, 8)), min_size=1, max_size=6)),
    st.tuples(st.just("settle"), st.integers(0, 20), NUMBER),
)
STEPS = st.lists(STEP, min_size=10, max_size=40)


@dataclass
class Line:
    """Keys that replaced one another, as promised: one cap, and the lines whose caps their calls count against."""

    cap: int | None
    above: set[int] = field(default_factory=set)
    spent: int = 0


class Family:
    """One account's keys: the same steps on the database and on a model of what is promised, compared."""

    def __init__(self, account: Account, ledger: Ledger, runner: asyncio.Runner, rate_id: int) -> None:
        self.account, self.ledger, self.runner, self.rate_id = account, ledger, runner, rate_id
        first, text = lifecycle.issue_key(account, "first", cap_day_microcredits=20, may_manage_keys=True)
        self.keys = [(first.pk, digest_of(text), first.pk)]  # id, digest, and its line's first key
        self.lines = {first.pk: Line(20)}
        self.held: list[tuple[str, int, list[Line]]] = []  # request, amount, where it is counted
        self.seen: Counter[str] = Counter()

    def issue(self, by: int, cap: int | None) -> None:
        issuer, _, line = self._key(by)
        try:
            key, text = lifecycle.issue_key(
                self.account,
                "issued",
                cap_day_microcredits=cap,
                may_manage_keys=True,
                issued_by=ApiKey.objects.get(pk=issuer),
            )
        except BeyondOwnKey:
            return
        self.keys.append((key.pk, digest_of(text), key.pk))
        self.lines[key.pk] = Line(cap, {line, *self.lines[line].above})

    def rotate(self, which: int, by: int) -> None:
        old, _, line = self._key(which)
        rotator, _, other = self._key(by)
        try:
            key, text = lifecycle.rotate_key(
                ApiKey.objects.get(pk=old), 3600, by=ApiKey.objects.get(pk=rotator)
            )
        except (BeyondOwnKey, KeyAlreadyReplaced):
            return
        self.keys.append((key.pk, digest_of(text), line))
        self._hand_on(other, line)

    def change(self, which: int, by: int, cap: int | None) -> None:
        changed, _, line = self._key(which)
        changer, _, other = self._key(by)
        before = self.lines[line].cap
        try:
            lifecycle.change_limits(
                ApiKey.objects.get(pk=changed), cap_day_microcredits=cap, by=ApiKey.objects.get(pk=changer)
            )
        except BeyondOwnKey:
            return
        self.lines[line].cap = cap
        if before is not None and (cap is None or cap > before):
            self._hand_on(other, line)

    def call(self, wanted: list[tuple[int, int]]) -> None:
        asked = [(self._key(number), amount, new_request_uuid()) for number, amount in wanted]
        verdicts = self.runner.run(self._authorize([(key[1], amount, uuid) for key, amount, uuid in asked]))
        # A batch decides by line, and within one in the order of arrival.
        for position in sorted(range(len(asked)), key=lambda place: (asked[place][0][2], place)):
            (_, _, line), amount, uuid = asked[position]
            counted = [self.lines[line], *[self.lines[above] for above in self.lines[line].above]]
            is_within = all(one.cap is None or one.spent + amount <= one.cap for one in counted)
            assert verdicts[position] == ("admitted" if is_within else "key_day_cap")
            self.seen[verdicts[position]] += 1
            if is_within:
                self.held.append((uuid, amount, counted))
                for one in counted:
                    one.spent += amount

    def settle(self, back: int, charge: int) -> None:
        if not self.held:
            return
        uuid, amount, counted = self.held.pop(-1 - back % len(self.held))
        end = CallEnd(self.account.pk, uuid, Outcome.SUCCEEDED, charge)
        assert self.runner.run(self.ledger.settle(end)).settled
        for one in counted:
            one.spent -= amount - min(charge, amount)

    def assert_meters_agree(self) -> None:
        found = dict(sql("SELECT key_id, day_microcredits FROM usage_key_meter"))
        assert {line: found.get(line, 0) for line in self.lines} == {
            line: promised.spent for line, promised in self.lines.items()
        }
        assert grants.reconcile() == []

    def _key(self, number: int) -> tuple[int, bytes, int]:
        return self.keys[number % len(self.keys)]

    def _hand_on(self, giver: int, line: int) -> None:
        if giver != line:
            self.lines[line].above |= {giver, *self.lines[giver].above} - {line}

    async def _authorize(self, asked: list[tuple[bytes, int, str]]) -> list[str]:
        calls = [
            CallToAuthorize(
                uuid, Credentials(digest), "chat", "gemini", "chat/gemini", self.rate_id, amount, 600
            )
            for digest, amount, uuid in asked
        ]
        return [verdict.name for verdict in await asyncio.gather(*map(self.ledger.authorize, calls))]


@pytest.mark.slow
def test_no_history_of_issuing_and_rotating_gets_past_a_cap(committed_books: None) -> None:
    seen = histories(settings(max_examples=60, derandomize=True))
    assert min(seen["admitted"], seen["key_day_cap"]) > 100, seen


@pytest.mark.prove
def test_no_random_history_gets_past_a_cap(committed_books: None) -> None:
    number = int(os.environ.get("PROVE_SEED") or time.time_ns() % 10**9)
    print(f"PROVE_SEED={number} repeats these histories")
    histories(settings(max_examples=1_000), number)


def histories(how: settings, number: int | None = None) -> Counter[str]:
    seen: Counter[str] = Counter()
    ledger = Ledger()
    rate_id = rate_card.publish("test", prices_from_json({"calls": {"microcredits": 1, "per": 1}})).id
    account = actions.create_account("family", "unlimited")

    @settings(how, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=STEPS)
    def one(steps: list[tuple]) -> None:  # type: ignore[type-arg]
        wait_out_midnight()
        empty_the_books()
        ApiKey.objects.all().delete()
        sql("SELECT usage_open_balance_v1(%s)", account.pk)
        grants.grant(account.pk, 1_000_000, reason="test", actor="test")
        family = Family(account, ledger, runner, rate_id)
        for name, *arguments in steps:
            getattr(family, name)(*arguments)
        family.assert_meters_agree()
        seen.update(family.seen)

    with asyncio.Runner() as runner:
        runner.run(ledger.open())
        (one if number is None else seed(number)(one))()
        runner.run(ledger.close())
    return seen


@pytest.mark.slow
def test_processes_that_call_with_a_whole_family_of_keys_never_get_past_its_cap(
    committed_books: None,
) -> None:
    """While they call, keys are rotated and issued beneath them."""
    number = int(os.environ.get("PROVE_SEED") or time.time_ns() % 10**9)
    print(f"PROVE_SEED={number} repeats the same calls")
    wait_out_midnight()
    account = actions.create_account("family", "unlimited")
    sql("SELECT usage_open_balance_v1(%s)", account.pk)
    grants.grant(account.pk, 10**12, reason="test", actor="test")
    cap = 4_000_000
    parent, text = lifecycle.issue_key(account, "parent", cap_day_microcredits=cap, may_manage_keys=True)
    texts = [text]
    children = [
        lifecycle.issue_key(
            account, "child", cap_day_microcredits=cap // 2, issued_by=parent, may_manage_keys=True
        )
        for _ in range(2)
    ]
    texts += [child_text for _, child_text in children]
    texts.append(lifecycle.rotate_key(parent, 3600)[1])
    texts.append(
        lifecycle.issue_key(account, "g", cap_day_microcredits=cap // 4, issued_by=children[0][0])[1]
    )
    task = {
        "database": connection.settings_dict["NAME"],
        "calls": 1_200,
        "largest": 40_000,
        "rate": rate_card.publish("test", prices_from_json({"calls": {"microcredits": 1, "per": 1}})).id,
        "accounts": [[account.pk, digest_of(one).hex()] for one in texts],
        "shared": [],
    }
    started = [start({**task, "seed": f"{number}/{process}"}) for process in range(3)]
    chance = random.Random(number)
    for _ in range(6):
        key = ApiKey.objects.filter(revoked_at=None).order_by("?").first()
        assert key is not None
        try:
            lifecycle.rotate_key(key, chance.choice([600, 3600]))
        except KeyAlreadyReplaced:
            pass
    verdicts = sum((Counter(report["verdicts"]) for report in map(finished, started)), Counter())
    assert verdicts["key_day_cap"] > 0, "no cap was ever reached: the race was not tested"
    assert grants.reconcile() == []
    for key in ApiKey.objects.filter(rotation_root=None):
        [(counted, expected)] = sql(
            "SELECT (SELECT day_microcredits FROM usage_key_meter WHERE key_id = %s),"
            " (SELECT sum(s.amount) FROM ("
            "    SELECT key_id, amount_microcredits AS amount FROM usage_hold"
            "    UNION ALL SELECT key_id, cost_microcredits FROM usage_event) s"
            "  JOIN accounts_apikey k ON k.id = s.key_id"
            "  WHERE coalesce(k.rotation_root_id, k.id) = %s OR %s = ANY (k.issuer_roots))",
            key.pk,
            key.pk,
            key.pk,
        )
        assert counted == expected
        assert counted <= (key.cap_day_microcredits or 0)

"""A million calls in the books: made up by `generate_usage`, and then disturbed as real ones are.

Late calls, refunds and changes of plan follow, half of them after the sums were last brought up. The seed is printed;
PROVE_SEED=N repeats the same calls and questions, but for the hour of the day.
"""

import json
import os
import random
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from brute_force import Asked, Truth, rows
from django.core.management import call_command

from accounts import actions
from accounts.models import Account, ApiKey
from aio_platform.http.request_ids import new_request_uuid
from usage import rollups
from usage.ledger import grants

EVENTS, ACCOUNTS, DAYS = 1_000_000, 60, 60
LATE_CALLS, REFUNDS, PLAN_CHANGES, OPEN_HOLDS = 200, 100, 10, 5
CREDIT = 1_000_000
ZONES = ("UTC", "Asia/Seoul", "Asia/Kolkata", "America/New_York")


class MadeUpMillion:
    """The calls, the truth about them, and a seeded choice of questions."""

    def __init__(self, books: Any) -> None:
        self.seed = int(os.environ.get("PROVE_SEED") or random.SystemRandom().randrange(10**9))
        print(f"PROVE_SEED={self.seed} repeats the same calls and questions")
        self.books, self.chance = books, random.Random(self.seed)
        self._generate()
        self.now = datetime.now(UTC)
        self.accounts = list(Account.objects.exclude(plan="trial").order_by("pk"))
        self._disturb()
        self._bring_up_sums()
        self._disturb()
        assert books.value("SELECT count(*) FROM usage_refund_to_roll_up") > 0
        assert books.value(
            "SELECT max(settled_at) > (SELECT rolled_up_to FROM usage_rollup_state) FROM usage_event"
        )
        assert books.problems() == []
        self.truth = Truth()
        assert self.truth.calls > 0.95 * EVENTS

    def asked(self, by: tuple[str, ...]) -> Asked:
        """A time, a zone, an interval and filters."""
        interval = self.chance.choice(["none", "none", "hour", "day", "month"])
        # Brute force in local time knows only one of the two hours when clocks go back.
        zone = self.chance.choice(ZONES[:3] if interval == "hour" else ZONES)
        since = self.now - timedelta(days=self.chance.uniform(1, 5 if interval == "hour" else DAYS))
        if self.chance.random() < 0.5:
            local = since.astimezone(ZoneInfo(zone))
            since = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        until = None
        if self.chance.random() < 0.5:
            until = self.now - timedelta(seconds=self.chance.uniform(60, 50_000))
        return Asked(since, until, self._filters(), by, interval, zone)

    def _filters(self) -> dict[str, Any]:
        """None, one, or two that some call matches."""
        names = ("account", "plan", "key", "endpoint", "model", "route", "upstream", "outcome")
        [drawn] = rows(
            f"SELECT {', '.join(names)} FROM truth OFFSET %s LIMIT 1", self.chance.randrange(self.truth.calls)
        )
        one = {name: value for name, value in zip(names, drawn, strict=True) if value is not None}
        if self.chance.random() < 0.2:
            one["outcome"] = self.chance.choice(["failed", "expired", "cancelled"])
        return {
            name: one[name] for name in self.chance.sample(sorted(one), self.chance.choice([0, 0, 1, 1, 2]))
        }

    def _generate(self) -> None:
        out = StringIO()
        numbers = f"--accounts={ACCOUNTS} --days={DAYS} --events={EVENTS} --seed={self.seed}".split()
        call_command("generate_usage", "--json", "--quiet", *numbers, stdout=out, stderr=StringIO())
        print(f"made up: {json.loads(out.getvalue())}")

    def _disturb(self) -> None:
        for account in self.chance.sample(self.accounts, PLAN_CHANGES):
            actions.set_plan(account, self.chance.choice(["standard", "scale", "unlimited"]))
        keys = {
            account.pk: ApiKey.objects.filter(account=account).order_by("pk")[0] for account in self.accounts
        }
        callers = [
            SimpleNamespace(id=account_id, digest=bytes(key.digest)) for account_id, key in keys.items()
        ]
        for caller in callers:
            grants.grant(caller.id, 10 * CREDIT, reason="for late calls", actor="tests")
        kinds = sorted(
            rows("SELECT DISTINCT endpoint, model, upstream FROM usage_event WHERE upstream IS NOT NULL")
        )
        for _ in range(LATE_CALLS):
            self._call_late(self.chance.choice(callers), *self.chance.choice(kinds))
        for caller in self.chance.sample(callers, OPEN_HOLDS):
            self.books.hold(caller, 7, request_id=self._request_id())
        charged = rows(
            "SELECT account_id, request_id, cost_microcredits FROM usage_event WHERE cost_microcredits > 1"
            " AND refunded_microcredits = 0 ORDER BY md5(request_id::text || %s) LIMIT %s",
            str(self.seed),
            REFUNDS,
        )
        for account_id, request_id, cost in charged:
            amount, key = self.chance.randint(1, cost), request_id.hex
            grants.refund(account_id, key, amount, reason="r", actor="tests", idempotency_key=key)

    def _call_late(self, caller: Any, endpoint: str, model: str, upstream: str) -> None:
        """It started on any of the days, and ends now."""
        outcome = self.chance.choice(["succeeded", "partial", "failed", "expired"])
        self.books.call(
            caller,
            self.chance.randint(1, 20_000) if outcome in ("succeeded", "partial") else 0,
            request_id=self._request_id(),
            endpoint=endpoint,
            model=model,
            upstream=None if outcome == "expired" else upstream,
            outcome=outcome,
            tokens_in=self.chance.randint(0, 999),
            images=self.chance.randint(0, 9),
            latency_ms=int(self.chance.lognormvariate(6, 2)),
            upstream_latency_ms=self.chance.randint(1, 5_000),
            first_byte_ms=self.chance.choice([None, self.chance.randint(1, 2_000)]),
        )

    def _request_id(self) -> str:
        started = self.now - timedelta(seconds=self.chance.uniform(600, (DAYS - 2) * 86_400))
        return f"{int(started.timestamp() * 1000):012x}" + new_request_uuid()[12:]

    def _bring_up_sums(self) -> None:
        until = datetime.now(UTC)
        while (rollups.rolled_up_to() or self.now - timedelta(days=1)) < until:
            rollups.roll_up(lag_s=0.0)
            time.sleep(0.005)

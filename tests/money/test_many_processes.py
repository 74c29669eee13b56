"""Several processes on the same few balances: nothing is negative, nothing is lost, and sums are exact."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts import actions
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from usage.ledger import grants, rate_card
from usage.ledger.rates import prices_from_json

ROOT = Path(__file__).resolve().parent.parent.parent
PROCESSES = 4
GRANTS = 40
LARGEST = 40_000


@pytest.mark.slow
def test_four_processes_on_three_balances_keep_exact_books(committed_books: None) -> None:
    hammered(calls=2_400)


@pytest.mark.prove
def test_four_processes_keep_exact_books_for_long(committed_books: None) -> None:
    hammered(calls=48_000)


def hammered(calls: int) -> None:
    seed = int(os.environ.get("PROVE_SEED") or time.time_ns() % 10**9)
    print(f"PROVE_SEED={seed} repeats the same calls")
    task = {
        "database": connection.settings_dict["NAME"],
        "calls": calls,
        "largest": LARGEST,
        "rate": rate_card.publish("test", prices_from_json({"calls": {"microcredits": 1, "per": 1}})).id,
        "accounts": [],
        "shared": [],
    }
    granted: Counter[int] = Counter()
    for number in range(3):
        account = actions.create_account(f"hammered {number}", "unlimited")
        _, text = lifecycle.issue_key(account, "key")
        task["accounts"].append([account.pk, digest_of(text).hex()])
        # Little enough that the accounts run dry again and again.
        give(granted, account.pk, calls * LARGEST // 100)
    started = [start({**task, "seed": f"{seed}/{number}"}) for number in range(PROCESSES)]
    chance = random.Random(seed)
    for _ in range(GRANTS):
        give(granted, chance.choice(task["accounts"])[0], chance.randrange(1, LARGEST))
        assert grants.reconcile() == [], "the books disagree in the middle of it"
    reports = [finished(process) for process in started]
    verdicts = sum((Counter(report["verdicts"]) for report in reports), Counter())
    assert verdicts["insufficient_credits"] > 0, "no balance ever ran dry: the race was not tested"
    assert_books_are(granted, reports, sum(report["ends"] for report in reports))

    shared = [hold for report in reports for hold in report["holds"]]
    assert shared
    again = {**task, "calls": 0, "shared": shared}
    started = [start({**again, "seed": f"{seed}/again/{number}"}) for number in range(PROCESSES)]
    second = [finished(process) for process in started]
    assert sum(report["won"] for report in second) == len(shared), "a hold was settled twice, or not at all"
    for report in reports:
        report["left_open"] = {}
    assert_books_are(granted, reports + second, verdicts["admitted"])
    print(f"{PROCESSES} processes: {dict(verdicts)}, {len(shared)} holds fought over, each won once")


def assert_books_are(granted: Counter[int], reports: list[dict[str, Any]], events: int) -> None:
    captured: Counter[int] = Counter()
    held: Counter[int] = Counter()
    for report in reports:
        captured.update({int(account): amount for account, amount in report["captured"].items()})
        held.update({int(account): amount for account, amount in report["left_open"].items()})
    assert grants.reconcile() == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id, available_microcredits, held_microcredits, captured_microcredits FROM usage_balance"
        )
        for account_id, available, account_held, account_captured in cursor.fetchall():
            assert available >= 0
            assert account_held == held[account_id]
            assert account_captured == captured[account_id]
            assert available + account_held + account_captured == granted[account_id]
        cursor.execute("SELECT count(*), count(DISTINCT request_id) FROM usage_event")
        assert cursor.fetchall() == [(events, events)]
        cursor.execute("SELECT min(balance_microcredits) FROM usage_ledger_entry")
        assert cursor.fetchone()[0] >= 0


def give(granted: Counter[int], account_id: int, amount: int) -> None:
    grants.grant(account_id, amount, reason="test", actor="test")
    granted[account_id] += amount


def start(task: dict[str, Any]) -> "subprocess.Popen[str]":
    paths = [str(ROOT), str(ROOT / "platform"), str(ROOT / "tests")]
    environment = {name: value for name, value in os.environ.items() if name != "AIO_DATABASE_AS_OWNER"}
    environment |= {"AIO_DATA_DIR": str(settings.AIO_DATA_DIR), "PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(
        [sys.executable, "-m", "money.hammer"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(task))
    process.stdin.close()
    return process


def finished(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    printed = process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=300) == 0, printed
    return json.loads(printed)  # type: ignore[no-any-return]

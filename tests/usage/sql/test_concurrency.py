"""The functions under several connections at once: nothing is spent, given back or given twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants

CREDIT = 1_000_000
LINES = 8
AUTHORIZE = (
    "SELECT verdict FROM usage_authorize_v1(ARRAY[%s]::uuid[], ARRAY[%s]::bytea[], ARRAY[NULL]::bigint[],"
    " ARRAY[NULL]::bigint[], ARRAY[NULL]::inet[], ARRAY['chat'], ARRAY['small'], ARRAY['r'],"
    " ARRAY[%s]::bigint[], ARRAY[%s]::bigint[], ARRAY[%s]::bigint[], ARRAY[%s])"
)


@pytest.fixture
def everywhere(committed_books) -> Iterator[Callable[..., list[Any]]]:
    """Run a function of a connection and a number on eight connections at once; the results."""
    parameters = connection.get_connection_params()
    keywords = {
        name: parameters[name]
        for name in ("dbname", "user", "password", "host", "port")
        if parameters.get(name)
    }
    lines = [
        psycopg.connect(**keywords, options="-c role=aio_app -c timezone=UTC", autocommit=True)
        for _ in range(LINES)
    ]

    def run(work: Callable[[Any, int], Any]) -> list[Any]:
        with ThreadPoolExecutor(LINES) as pool:
            return list(pool.map(work, lines, range(LINES)))

    yield run
    for line in lines:
        line.close()


def authorize(line, tenant, books, *, ceiling=CREDIT, ttl_s=60):
    request_id = new_request_uuid()
    parameters = (request_id, tenant.digest, books.rate_id, ceiling, int(request_id[:12], 16), ttl_s)
    return line.execute(AUTHORIZE, parameters).fetchone()[0]


def test_a_balance_for_exactly_one_call_admits_exactly_one(committed_books, everywhere):
    for _ in range(5):
        tenant = committed_books.tenant(credit=CREDIT)
        verdicts = everywhere(lambda line, _, tenant=tenant: authorize(line, tenant, committed_books))
        assert sorted(verdicts) == ["admitted"] + ["insufficient_credits"] * (LINES - 1)
        assert committed_books.balance(tenant) == (0, CREDIT)
    assert committed_books.problems() == []


def test_sixty_calls_of_a_minute_are_admitted_whoever_asks(committed_books, everywhere):
    tenant = committed_books.tenant(credit=100 * CREDIT)
    verdicts = everywhere(
        lambda line, _: [authorize(line, tenant, committed_books, ceiling=1) for _ in range(10)]
    )
    assert sum(each.count("admitted") for each in verdicts) == 60


def test_a_grant_repeated_at_once_is_given_once(committed_books, everywhere):
    tenant = committed_books.tenant()
    rows = everywhere(
        lambda line, _: line.execute(
            "SELECT entry, repeated FROM usage_grant_v1(%s, 5, 'r', 'a', NULL, 'k')", (tenant.id,)
        ).fetchone()
    )
    assert sorted(rows) == [(1, False)] + [(1, True)] * (LINES - 1)
    assert committed_books.balance(tenant) == (5, 0)


def test_refunds_at_once_never_exceed_the_capture(committed_books, everywhere):
    tenant = committed_books.tenant(credit=CREDIT)
    request_id = committed_books.call(tenant, 5)
    started_at = committed_books.value("SELECT started_at FROM usage_event")

    def refund(line, number):
        try:
            line.execute(
                "SELECT usage_refund_v2(%s, %s, %s, 2, 'r', 'a', %s)",
                (tenant.id, started_at, request_id, str(number)),
            )
        except psycopg.errors.CheckViolation:
            return False
        return True

    assert everywhere(refund).count(True) == 2
    assert committed_books.value("SELECT refunded_microcredits FROM usage_event") == 4
    assert committed_books.problems() == []


def test_holds_expire_once_whoever_sweeps(committed_books, everywhere):
    tenant = committed_books.tenant(credit=CREDIT)
    for _ in range(20):
        committed_books.hold(tenant, 1, ttl_s=-1)
    swept = everywhere(lambda line, _: line.execute("SELECT usage_expire_holds_v1(100)").fetchone()[0])
    assert sum(swept) == 20
    assert committed_books.balance(tenant) == (CREDIT, 0)
    assert committed_books.problems() == []


def test_grants_expire_once_whoever_sweeps(committed_books, everywhere):
    tenant = committed_books.tenant()
    committed_books.sql(
        "SELECT usage_grant_v1(%s, 9, 'r', 'a', clock_timestamp() + interval '1 hour', NULL)", tenant.id
    )
    committed_books.sql("UPDATE usage_grant SET expires_at = clock_timestamp()")
    committed_books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp()")
    swept = everywhere(lambda line, _: line.execute("SELECT usage_expire_grants_v1(NULL)").fetchone()[0])
    assert sum(swept) == 1
    assert committed_books.entries(tenant) == [("grant", 9), ("expiry", -9)]


def test_an_idempotency_key_is_claimed_by_one(committed_books, everywhere):
    tenant = committed_books.tenant()
    states = everywhere(
        lambda line, _: line.execute(
            "SELECT state FROM usage_claim_idempotency_key_v1(%s, 'k', %s, %s, 60)",
            (tenant.id, b"a" * 32, new_request_uuid()),
        ).fetchone()[0]
    )
    assert sorted(states) == ["claimed"] + ["in_flight"] * (LINES - 1)


def test_nobody_waits_behind_the_making_of_partitions(committed_books, everywhere):
    def read_for_long(line, number):
        if number == 0:
            line.execute("BEGIN; SELECT 1 FROM usage_event_default")

    everywhere(read_for_long)
    # Were it to wait, it would end by this.
    committed_books.sql("SET statement_timeout = '20s'")
    with pytest.raises(OperationalError) as refused:
        grants.make_partitions(4)
    committed_books.sql("RESET statement_timeout")
    assert isinstance(refused.value.__cause__, psycopg.errors.LockNotAvailable)


def test_partitions_are_made_beside_calls(committed_books, everywhere):
    tenant = committed_books.tenant(plan="unlimited", credit=CREDIT)

    def make_or_call(line, number):
        if number % 2:
            return line.execute("SELECT usage_make_partitions_v2(%s)", (4 + number,)).fetchone()[0]
        for _ in range(20):
            assert authorize(line, tenant, committed_books, ceiling=1, ttl_s=-1) == "admitted"
            line.execute("SELECT usage_expire_holds_v1(10)")
        return 0

    before = partitions(committed_books)
    made = sum(everywhere(make_or_call))
    further = partitions(committed_books) - before
    # One more where the tests' database was migrated last month.
    assert made == len(further) >= 8
    assert committed_books.problems() == []
    # Further months than migrate makes would be found by the tests that follow.
    for name in further:
        committed_books.sql(f"DROP TABLE {name}")


def partitions(books) -> set[str]:
    return {
        name
        for (name,) in books.sql(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass"
        )
    }

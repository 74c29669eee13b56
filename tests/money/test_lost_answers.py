"""What the ledger API keeps when an answer of the database, or the one who waits for it, is lost at a bad moment."""

import asyncio
import os
import signal
from collections.abc import Sequence

import psycopg
import pytest
import uvloop
from django.db import connection

from accounts import actions
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from aio_platform.db.batcher import Batcher
from aio_platform.db.pipelined_connection import PipelinedConnection, Row, Run
from aio_platform.errors import ServiceUnavailable
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants, rate_card
from usage.ledger.calls import CallEnd, CallToAuthorize, Credentials, Settlement
from usage.ledger.client import Ledger
from usage.ledger.outcomes import Outcome
from usage.ledger.rates import prices_from_json

NOTICED_S = 120.0


def test_a_capture_whose_answer_was_lost_is_still_known_as_a_capture(
    call: CallToAuthorize, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction is committed and the connection ends before its answer comes, as when a server is killed."""
    lost = 0
    fetch = PipelinedConnection.fetch

    async def lose_the_first_settlements_answer(
        line: PipelinedConnection, runs: Sequence[Run]
    ) -> list[list[Row]]:
        nonlocal lost
        rows = await fetch(line, runs)
        if not lost and "settle" in [name for name, _ in runs]:
            lost += 1
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return rows

    async def call_and_capture() -> Settlement:
        ledger = Ledger()
        await ledger.open()
        verdict = await ledger.authorize(call)
        assert verdict.account_id is not None
        end = CallEnd(verdict.account_id, call.request_uuid, Outcome.SUCCEEDED, 600)
        settlement = await ledger.settle(end)
        await ledger.close()
        return settlement

    monkeypatch.setattr(PipelinedConnection, "fetch", lose_the_first_settlements_answer)
    settlement = asyncio.run(call_and_capture())
    assert lost == 1
    assert grants.reconcile() == []
    assert captured_and_held() == (600, 0)
    assert settlement == Settlement(settled=True, charged=600, available=400, repeated=True)


def test_a_caller_that_leaves_as_its_verdict_arrives_leaves_no_hold(
    call: CallToAuthorize, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Batcher.submit

    async def call_and_leave() -> None:
        ledger = Ledger()
        await ledger.open()

        def submit_and_leave_at_the_answer(batcher: Batcher, item: object) -> asyncio.Future:  # type: ignore[type-arg]
            answer = submit(batcher, item)
            if item is call:
                answer.add_done_callback(lambda _: caller.cancel())
            return answer

        monkeypatch.setattr(Batcher, "submit", submit_and_leave_at_the_answer)
        caller = asyncio.create_task(ledger.authorize(call))
        with pytest.raises(asyncio.CancelledError):
            await caller
        await ledger.close()

    asyncio.run(call_and_leave())
    assert grants.reconcile() == []
    assert captured_and_held() == (0, 0)


def test_one_end_that_cannot_be_booked_is_nobody_elses_fault(call: CallToAuthorize) -> None:
    """Ends go to the books many at a time; this one has a latency that no column holds."""

    async def two_calls_that_end_at_once() -> list[Settlement | BaseException]:
        ledger = Ledger()
        await ledger.open()
        halves = [call._replace(request_uuid=new_request_uuid(), ceiling_microcredits=400) for _ in range(2)]
        verdicts = [await ledger.authorize(half) for half in halves]
        ends = [
            CallEnd(verdict.account_id or 0, half.request_uuid, Outcome.SUCCEEDED, 300, latency_ms=latency_ms)
            for half, verdict, latency_ms in zip(halves, verdicts, (2**40, 5), strict=True)
        ]
        answers = await asyncio.gather(*[ledger.settle(end) for end in ends], return_exceptions=True)
        await ledger.close()
        return answers

    bad, good = asyncio.run(two_calls_that_end_at_once())
    assert isinstance(bad, ServiceUnavailable)
    assert good == Settlement(settled=True, charged=300, available=300, repeated=False)
    assert captured_and_held() == (300, 400)


def test_a_server_that_ends_before_it_has_read_everything_is_noticed(committed_books: None) -> None:
    """On uvloop, as gateways run. The server reads 8 kB at a time, and ends before it comes to the rest."""

    async def ask_a_server_that_is_ending(line: PipelinedConnection) -> None:
        await line.connect()
        assert line._connection is not None
        server = line._connection.info.backend_pid
        os.kill(server, signal.SIGSTOP)
        try:
            answer = asyncio.create_task(line.fetch([("one", ()), ("long", ("x" * 100_000,))]))
            await asyncio.sleep(0.1)
            os.kill(server, signal.SIGTERM)
        finally:
            os.kill(server, signal.SIGCONT)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(answer, NOTICED_S)
        assert await line.fetch([("one", ())]) == [[(b"1",)]]

    async def ask_again_and_again() -> None:
        line = PipelinedConnection("aio test", {"one": "SELECT 1", "long": "SELECT length($1)"})
        try:
            for _ in range(8):
                await ask_a_server_that_is_ending(line)
        finally:
            await line.close()

    uvloop.run(ask_again_and_again())


@pytest.fixture
def call(committed_books: None) -> CallToAuthorize:
    """A call of an account that has 1,000 micro-credits, which it may cost."""
    account = actions.create_account("caller", "unlimited")
    _, text = lifecycle.issue_key(account, "key")
    grants.grant(account.pk, 1_000, reason="test", actor="test")
    rate = rate_card.publish("test", prices_from_json({"calls": {"microcredits": 1, "per": 1}}))
    return CallToAuthorize(
        new_request_uuid(), Credentials(digest_of(text)), "chat", "gemini", "chat/gemini", rate.id, 1_000, 600
    )


def captured_and_held() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT captured_microcredits, held_microcredits FROM usage_balance")
        [row] = cursor.fetchall()
    return row  # type: ignore[no-any-return]

"""A client that leaves an idempotent call at a bad moment finds its key free, or the answer that it paid for."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from aio_platform.http.request_ids import new_request_uuid
from gateway.calls.relay import Relay
from gateway.http import idempotency
from tests.gateway.chat_calls import answering, as_it_came, call_of, chat, complete_chat
from tests.gateway.local_upstream import CREDIT, LocalUpstream, Tenant, route_to
from usage.ledger.calls import CallEnd, CallToAuthorize, Settlement
from usage.ledger.client import Ledger
from usage.ledger.idempotency import DROP_SQL, Claim, IdempotentCalls
from usage.ledger.outcomes import Outcome

PATIENCE_S = 60


class UpstreamFailed(Exception):
    """What a call's execution raises."""


class _SlowClaims:
    """Claims that are in the books before their answer is here."""

    def __init__(self) -> None:
        self.claimed, self.answer = asyncio.Event(), asyncio.Event()
        self.dropped: list[str] = []

    async def claim(self, *_: Any) -> Claim:
        self.claimed.set()
        await self.answer.wait()
        return Claim("claimed", 1, None)

    async def drop(self, claim: Claim, idempotency_key: str, request_uuid: str) -> None:
        self.dropped.append(idempotency_key)


async def test_a_client_that_leaves_while_its_key_is_claimed_leaves_the_key_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claims, ledger = _SlowClaims(), Ledger()
    monkeypatch.setattr(
        idempotency, "runtime", lambda: SimpleNamespace(idempotent_calls=claims, ledger=ledger)
    )
    request: Any = SimpleNamespace(path="/v1/x", request_uuid="u")

    async def execute() -> Any:
        raise AssertionError("nobody is there to be answered")

    caller: Any = None
    leaving = asyncio.create_task(
        idempotency.run_idempotent(request, caller, "key", b"", 30.0, "chat", "small", execute)
    )
    await claims.claimed.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    claims.answer.set()
    await ledger.finish_pending()
    assert claims.dropped == ["key"]


async def test_a_client_that_leaves_during_the_capture_interrupts_nothing(
    relay: Relay, tenant: Tenant, upstream: LocalUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer that was charged for goes on to be kept; a repeat gets it."""
    is_watched = True
    settle = Ledger.settle

    def stop_watching() -> None:
        nonlocal is_watched
        is_watched = False

    async def settle_as_the_client_leaves(ledger: Ledger, end: Any) -> Settlement:
        task = asyncio.current_task()
        assert task is not None
        if is_watched:
            task.cancel("client left")
        return await settle(ledger, end)

    monkeypatch.setattr(Ledger, "settle", settle_as_the_client_leaves)
    upstream.handler = answering()
    request = chat()
    call = call_of(tenant, request, route_to(upstream.url, rate=tenant.rate))
    call.stop_watching = stop_watching
    body, settlement = await complete_chat(relay, call, request, as_it_came)
    assert body
    assert settlement.settled


class _WatchedDrops(IdempotentCalls):
    """Tells when the books have said that the key's call is not over."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self.still_open = asyncio.Event()
        self._fetch = self._connection.fetch
        self._connection.fetch = self._watched  # type: ignore[method-assign]

    async def _watched(self, sql: str, parameters: Any) -> Any:
        rows = await self._fetch(sql, parameters)
        if sql == DROP_SQL:
            self.states.append(rows[0][0])
            self.still_open.set()
        return rows


async def test_a_failed_call_gives_its_key_up_once_its_hold_has_ended(
    relay: Relay, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its settlement may come to the books after its key is to be given up, and nothing waits for the claim's time."""
    calls, caller = _WatchedDrops(), tenant.caller
    monkeypatch.setattr(
        idempotency, "runtime", lambda: SimpleNamespace(idempotent_calls=calls, ledger=relay.ledger)
    )
    request: Any = SimpleNamespace(path="/v1/x", request_uuid=new_request_uuid())
    uuid = request.request_uuid

    async def fail_with_its_hold_open() -> Any:
        held = CallToAuthorize(uuid, caller, "chat", "small", "chat/small", tenant.rate.id, CREDIT, 60)
        assert (await relay.ledger.authorize(held)).name == "admitted"
        raise UpstreamFailed

    try:
        with pytest.raises(UpstreamFailed):
            await idempotency.run_idempotent(
                request, caller, "key", b"", 3600.0, "chat", "small", fail_with_its_hold_open
            )
        async with asyncio.timeout(PATIENCE_S):
            await calls.still_open.wait()
        await relay.ledger.settle(CallEnd(tenant.account_id, uuid, Outcome.FAILED, None))
        await relay.ledger.finish_pending()
        assert calls.states[0] == "open"
        assert calls.states[-1] != "open"
        again = await calls.claim(caller, "key", b"another body", new_request_uuid(), 60)
        assert again is not None
        assert again.state == "claimed"
    finally:
        await calls.close()

"""Kept answers: which call holds an Idempotency-Key, and what that call was answered."""

import asyncio
from typing import NamedTuple

import orjson

from aio_platform.db.connection import Connection
from usage.ledger.calls import Credentials

ACCOUNT_SQL = """
    SELECT coalesce((SELECT account_id FROM accounts_apikey WHERE digest = %s), %s)
"""
CLAIM_SQL = "SELECT * FROM usage_claim_idempotency_key_v1(%s, %s, %s, %s, %s)"
KEEP_SQL = "SELECT usage_keep_answer_v1(%s, %s, %s, %s::smallint, %s, %s::jsonb, %s)"
DROP_SQL = "SELECT usage_drop_idempotency_key_v1(%s, %s, %s)"

# While the call's hold is open its end is not known yet; its settlement is on its way.
DROP_PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15)


class KeptAnswer(NamedTuple):
    """What a call was answered; `body` is None where it was streamed and not kept."""

    request_uuid: str
    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes | None


class Claim(NamedTuple):
    """What is known of an idempotency key. `state` is "claimed", "in_flight", "other_body" or "done".

    `answer` is there when it is "done".
    """

    state: str
    account_id: int
    answer: KeptAnswer | None


class IdempotentCalls:
    """Claims, keeps and drops idempotency keys, over a connection of its own. Calls without a key need none of it."""

    def __init__(self) -> None:
        self._connection = Connection("aio idempotency")

    async def close(self) -> None:
        await self._connection.close()

    async def claim(
        self, caller: Credentials, idempotency_key: str, fingerprint: bytes, request_uuid: str, ttl_s: int
    ) -> Claim | None:
        """Take the key for this call, for `ttl_s` seconds, unless another has it. None for an unknown caller."""
        rows = await self._connection.fetch(ACCOUNT_SQL, (caller.key_digest, caller.account_id))
        account_id = rows[0][0]
        if account_id is None:
            return None
        rows = await self._connection.fetch(
            CLAIM_SQL, (account_id, idempotency_key, fingerprint, request_uuid, ttl_s)
        )
        state, first_uuid, status, content_type, headers, body = rows[0]
        if state != "done":
            return Claim(state, account_id, None)
        return Claim(state, account_id, KeptAnswer(first_uuid.hex, status, content_type, headers or {}, body))

    async def keep(self, claim: Claim, idempotency_key: str, answer: KeptAnswer) -> None:
        """Keep the answer for a day."""
        await self._connection.fetch(
            KEEP_SQL,
            (
                claim.account_id,
                idempotency_key,
                answer.request_uuid,
                answer.status,
                answer.content_type,
                orjson.dumps(answer.headers).decode(),
                answer.body,
            ),
        )

    async def drop(self, claim: Claim, idempotency_key: str, request_uuid: str) -> None:
        """Give the key up once its call has ended, so that the call may be sent again under the same key.

        A call that was charged after all keeps its key: sent again, it would be charged again.
        """
        for pause_s in DROP_PAUSES_S:
            await asyncio.sleep(pause_s)
            rows = await self._connection.fetch(DROP_SQL, (claim.account_id, idempotency_key, request_uuid))
            if rows[0][0] != "open":
                return

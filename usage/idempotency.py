"""The door to kept answers: who holds an Idempotency-Key, and what its call was answered."""

from typing import NamedTuple

import orjson

from aio_platform.database_line import DatabaseLine
from usage.calls import Caller

ACCOUNT_SQL = """
    SELECT coalesce((SELECT account_id FROM accounts_apikey WHERE digest = %s), %s)
"""
CLAIM_SQL = "SELECT * FROM usage_claim_idempotency_key_v1(%s, %s, %s, %s, %s)"
KEEP_SQL = "SELECT usage_keep_answer_v1(%s, %s, %s, %s::smallint, %s, %s::jsonb, %s)"
DROP_SQL = "SELECT usage_drop_idempotency_key_v1(%s, %s, %s)"


class KeptAnswer(NamedTuple):
    """What a call was answered; `body` is None where it was streamed and not kept."""

    request_uuid: str
    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes | None


class Claim(NamedTuple):
    """`state` is claimed, in_flight, other_body, or done (then with the answer)."""

    state: str
    account_id: int
    answer: KeptAnswer | None


class IdempotentCalls:
    """Three statements on a connection of their own; only calls that send the header pay for them."""

    def __init__(self) -> None:
        self._line = DatabaseLine("aio idempotency")

    async def close(self) -> None:
        await self._line.close()

    async def claim(
        self, caller: Caller, idempotency_key: str, fingerprint: bytes, request_uuid: str, ttl_s: int
    ) -> Claim | None:
        """Take the key for this call unless another has it; None when the caller is unknown."""
        rows = await self._line.fetch(ACCOUNT_SQL, (caller.key_digest, caller.account_id))
        account_id = rows[0][0]
        if account_id is None:
            return None
        rows = await self._line.fetch(
            CLAIM_SQL, (account_id, idempotency_key, fingerprint, request_uuid, ttl_s)
        )
        state, first_uuid, status, content_type, headers, body = rows[0]
        if state != "done":
            return Claim(state, account_id, None)
        return Claim(state, account_id, KeptAnswer(first_uuid.hex, status, content_type, headers or {}, body))

    async def keep(self, claim: Claim, idempotency_key: str, answer: KeptAnswer) -> None:
        """Keep the answer for a day."""
        await self._line.fetch(
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
        """Give the key up, so that the call may be sent again under it."""
        await self._line.fetch(DROP_SQL, (claim.account_id, idempotency_key, request_uuid))

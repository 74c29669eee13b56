"""The worker's queue of deliveries: claim what is due, write down what came of it.

A claim writes its attempt before anything is sent, so an attempt whose worker was killed is seen too, without an
end; its delivery is due again when the lease is over. Every call here is one statement, and one commit.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from aio_platform.db.connection import Connection
from gateway.tasks.records import TaskRow
from gateway.tasks.states import State
from gateway.webhooks_out.sealing import seal
from gateway.webhooks_out.sending import TIME_LIMIT_S, Outcome
from gateway.webhooks_out.signing import new_secret

# An attempt's own limit is far below it: only a lost worker's lease ever ends.
LEASE_S = 4 * TIME_LIMIT_S
PENDING, DELIVERED, FAILED, STOPPED = "pending", "delivered", "failed", "stopped"
DISABLED_REASON = "The endpoint answered 410 Gone."

# Steps from account to account through the index, then takes a few from each: what it costs depends on how many
# accounts have events waiting, not on how many events one of them has.
_CLAIM_SQL = """
    WITH RECURSIVE waiting (account_id) AS (
        (SELECT account_id FROM gateway_callback_delivery WHERE state = 'pending' ORDER BY account_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.account_id FROM gateway_callback_delivery d
                WHERE d.state = 'pending' AND d.account_id > w.account_id ORDER BY d.account_id LIMIT 1)
        FROM waiting w WHERE w.account_id IS NOT NULL
    ), due AS MATERIALIZED (
        SELECT d.account_id, d.id
        FROM waiting w CROSS JOIN LATERAL (
            SELECT account_id, id, due_at FROM gateway_callback_delivery
            WHERE account_id = w.account_id AND state = 'pending' AND due_at <= now()
            ORDER BY due_at
            LIMIT greatest(%(per_account)s - coalesce((%(in_flight)s::jsonb ->> w.account_id::text)::integer, 0), 0)
            FOR UPDATE SKIP LOCKED
        ) d
        ORDER BY d.due_at
        LIMIT %(limit)s
    ), claimed AS (
        UPDATE gateway_callback_delivery d
        SET attempts = d.attempts + 1, tries = d.tries + 1, due_at = now() + %(lease_s)s * interval '1 second'
        FROM due WHERE d.account_id = due.account_id AND d.id = due.id
        RETURNING d.*
    ), written AS (
        INSERT INTO gateway_callback_attempt (account_id, delivery_id, number, url, started_at)
        SELECT c.account_id, c.id, c.attempts, c.url, clock_timestamp() FROM claimed c
    )
    SELECT c.account_id, c.id, c.attempts, c.tries, c.url, c.event_id, c.type, c.event_at,
           ARRAY(SELECT s.sealed FROM gateway_callback_secret s
                 WHERE s.account_id = c.account_id AND (s.expires_at IS NULL OR s.expires_at > now())
                 ORDER BY s.created_at DESC),
           t.id, t.endpoint, t.model, t.state, t.consumed_microcredits, t.error_message, t.created_at, t.ended_at,
           t.request, t.results, t.upstream
    FROM claimed c LEFT JOIN gateway_task t ON t.account_id = c.account_id AND t.id = c.task_id
"""
# A failure counts only while it is the newest attempt's; an acknowledgement always does.
_RECORD_SQL = """
    WITH attempt AS (
        UPDATE gateway_callback_attempt
        SET duration_ms = %(duration_ms)s, status = %(status)s, error = %(error)s, response = %(response)s
        WHERE account_id = %(account_id)s AND delivery_id = %(id)s AND number = %(number)s
    ), endpoint AS (
        UPDATE gateway_callback_endpoint SET disabled_at = now(), disabled_reason = %(disabled_reason)s
        WHERE %(unwanted)s AND account_id = %(account_id)s AND url = %(url)s AND disabled_at IS NULL
    )
    UPDATE gateway_callback_delivery SET
        state = CASE WHEN id = %(id)s THEN %(state)s ELSE 'stopped' END,
        ended_at = CASE WHEN id <> %(id)s OR %(state)s <> 'pending' THEN now() END,
        due_at = now() + %(wait_s)s * interval '1 second'
    WHERE account_id = %(account_id)s AND state = 'pending' AND (
        id = %(id)s AND (attempts = %(number)s OR %(state)s = 'delivered')
        OR %(unwanted)s AND url = %(url)s AND id <> %(id)s)
    RETURNING id
"""
_FIRST_SEALED_SQL = """
    INSERT INTO gateway_callback_secret (account_id, sealed) VALUES (%s, %s)
    ON CONFLICT (account_id) WHERE expires_at IS NULL DO NOTHING RETURNING sealed
"""
_CURRENT_SEALED_SQL = (
    "SELECT sealed FROM gateway_callback_secret WHERE account_id = %s AND expires_at IS NULL"
)


class Claimed(NamedTuple):
    """An event to be sent now. `number` is its attempt's, `tries` its place in the schedule."""

    account_id: int
    id: UUID
    number: int
    tries: int
    url: str
    event_id: UUID
    type: str
    event_at: datetime
    sealed_secrets: list[str]
    task: TaskRow | None


class DeliveryQueue:
    """One worker's connection to the deliveries; psycopg.Error comes through from every call."""

    def __init__(self) -> None:
        self._connection = Connection("aio callbacks")

    async def close(self) -> None:
        await self._connection.close()

    async def claim(self, limit: int, per_account: int, in_flight: Mapping[int, int]) -> list[Claimed]:
        """Take up to `limit` due deliveries, oldest first; none that another worker has.

        An account gets at most `per_account`, less those that `in_flight` says it has.
        """
        rows = await self._fetch(
            _CLAIM_SQL,
            {
                "limit": limit,
                "per_account": per_account,
                "in_flight": json.dumps(in_flight),
                "lease_s": LEASE_S,
            },
        )
        return [Claimed._make((*row[:9], _task_of(row[9:]))) for row in rows]

    async def make_secret(self, account_id: int) -> str:
        """The account's sealed secret, made now if it never had one."""
        made = await self._connection.fetch(_FIRST_SEALED_SQL, [account_id, seal(new_secret())])
        rows = made or await self._connection.fetch(_CURRENT_SEALED_SQL, [account_id])
        return str(rows[0][0])

    async def record(self, claimed: Claimed, outcome: Outcome, wait_s: float | None) -> bool:
        """Write down how an attempt ended: acknowledged, to be tried again after `wait_s`, or given up (None).

        An unwanted one stops every pending delivery to that URL, and disables it where it is the account's
        endpoint. False when the delivery had moved on without us: only the attempt is noted then.
        """
        rows = await self._fetch(
            _RECORD_SQL,
            {
                "account_id": claimed.account_id,
                "id": claimed.id,
                "number": claimed.number,
                "url": claimed.url,
                "state": _state_after(outcome, wait_s),
                "unwanted": outcome.unwanted,
                "disabled_reason": DISABLED_REASON,
                "wait_s": wait_s or 0.0,
                "duration_ms": outcome.duration_ms,
                "status": outcome.status,
                "error": outcome.error,
                "response": outcome.response,
            },
        )
        return any(row[0] == claimed.id for row in rows)

    async def _fetch(self, sql: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # psycopg takes parameters by name as well as by position; the connection only hands them on.
        return await self._connection.fetch(sql, parameters)  # type: ignore[arg-type]


def _state_after(outcome: Outcome, wait_s: float | None) -> str:
    if outcome.acknowledged:
        return DELIVERED
    if outcome.unwanted:
        return STOPPED
    return FAILED if wait_s is None else PENDING


def _task_of(row: tuple[Any, ...]) -> TaskRow | None:
    return None if row[0] is None else TaskRow._make((*row[:3], State(row[3]), *row[4:]))

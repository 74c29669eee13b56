"""Where an account wants to hear of every task's end, beside the tasks that name a callback_url of their own."""

from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import connection, transaction

from aio_platform.http.safe_urls import check_url

log = structlog.get_logger(__name__)


class Endpoint(NamedTuple):
    """An account's endpoint; disabled ones are told nothing until they are set again."""

    url: str
    updated_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None


def endpoint_of(account_id: int) -> Endpoint | None:
    """The account's endpoint, or None."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT url, updated_at, disabled_at, disabled_reason FROM gateway_callback_endpoint"
            " WHERE account_id = %s",
            [account_id],
        )
        row = cursor.fetchone()
    return None if row is None else Endpoint(*row)


def set_endpoint(account_id: int, url: str) -> Endpoint:
    """Tell this URL of every task's end from now on, and of what is still waiting for the one before it.

    Enables it again where it was disabled. Raises InvalidRequest naming `url`.
    """
    check_url(url, "url")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_callback_endpoint (account_id, url) VALUES (%s, %s)"
            " ON CONFLICT (account_id) DO UPDATE SET url = excluded.url, updated_at = now(), disabled_at = NULL,"
            " disabled_reason = NULL RETURNING url, updated_at, disabled_at, disabled_reason",
            [account_id, url],
        )
        endpoint = Endpoint(*cursor.fetchone())
        cursor.execute(
            "UPDATE gateway_callback_delivery SET url = %s"
            " WHERE account_id = %s AND target = 'endpoint' AND state = 'pending' AND url <> %s",
            [url, account_id, url],
        )
    log.info("callback endpoint set", account=account_id)
    return endpoint


def remove_endpoint(account_id: int) -> None:
    """Tell it of nothing more, what is still waiting included. Repeatable."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM gateway_callback_endpoint WHERE account_id = %s", [account_id])
        cursor.execute(
            "UPDATE gateway_callback_delivery SET state = 'stopped', ended_at = now()"
            " WHERE account_id = %s AND target = 'endpoint' AND state = 'pending'",
            [account_id],
        )
    log.info("callback endpoint removed", account=account_id)

"""Each account's signing secrets: one current, made when first needed, and those it was rotated from for a day."""

from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction

from accounts.errors import Conflict
from aio_platform.i18n.translatable import gettext_noop
from gateway.webhooks_out.sealing import Unreadable, seal, unseal
from gateway.webhooks_out.signing import new_secret

log = structlog.get_logger(__name__)
MAX_OVERLAP_S = 24 * 60 * 60
# Each adds a signature to every event's headers.
MAX_ENDING = 4


class TooManySecrets(Conflict):
    code = "too_many_secrets"
    template = gettext_noop(
        "The secret was rotated %(max_ending)s times within a day; wait until one of the old ones "
        "ends, or rotate with an overlap_s of 0."
    )

    def __init__(self) -> None:
        super().__init__(max_ending=MAX_ENDING)


class UnreadableSecret(Conflict):
    code = "unreadable_secret"
    template = gettext_noop("The secret can no longer be read; rotate it to get a new one.")


class AccountSecrets(NamedTuple):
    """The current secret, and when those before it end, the last first."""

    secret: str
    created_at: datetime
    ending_at: list[datetime]


def secrets_of(account_id: int) -> AccountSecrets:
    """The account's secrets; makes the first one. Raises UnreadableSecret after a change of SECRET_KEY."""
    with connection.cursor() as cursor:
        return _read(cursor, account_id) or _with_a_first(account_id)


def _with_a_first(account_id: int) -> AccountSecrets:
    with transaction.atomic(), connection.cursor() as cursor:
        _take_turns(cursor, account_id)
        cursor.execute(
            "INSERT INTO gateway_callback_secret (account_id, sealed)"
            " SELECT %s, %s WHERE NOT EXISTS (SELECT 1 FROM gateway_callback_secret WHERE account_id = %s"
            " AND expires_at IS NULL)",
            [account_id, seal(new_secret()), account_id],
        )
        secrets = _read(cursor, account_id)
        assert secrets is not None
        return secrets


def rotate(account_id: int, overlap_s: int) -> AccountSecrets:
    """Make a new current secret; events carry the old one's signature too for `overlap_s` more seconds.

    An overlap of 0 ends every older secret at once, for one that leaked. Raises TooManySecrets for a fifth
    rotation within a day.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _take_turns(cursor, account_id)
        cursor.execute(
            "DELETE FROM gateway_callback_secret WHERE account_id = %s AND (expires_at <= now() OR %s = 0)",
            [account_id, overlap_s],
        )
        cursor.execute(
            "UPDATE gateway_callback_secret SET expires_at = now() + %s * interval '1 second'"
            " WHERE account_id = %s AND expires_at IS NULL",
            [overlap_s, account_id],
        )
        cursor.execute(
            "INSERT INTO gateway_callback_secret (account_id, sealed, created_at) VALUES (%s, %s, clock_timestamp())",
            [account_id, seal(new_secret())],
        )
        secrets = _read(cursor, account_id)
        assert secrets is not None
        if len(secrets.ending_at) > MAX_ENDING:
            raise TooManySecrets
    log.info("callback secret rotated", overlap_s=overlap_s)
    return secrets


def _take_turns(cursor: Any, account_id: int) -> None:
    """Of two that make a secret at once, rotations or a worker that needs the first, one goes before the other."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('aio callback secret', %s))", [account_id])


def _read(cursor: Any, account_id: int) -> AccountSecrets | None:
    """The account's secrets, or None where it has none that is current."""
    cursor.execute(
        "SELECT sealed, created_at, expires_at FROM gateway_callback_secret"
        " WHERE account_id = %s AND (expires_at IS NULL OR expires_at > now()) ORDER BY expires_at DESC NULLS FIRST",
        [account_id],
    )
    rows = cursor.fetchall()
    if not rows or rows[0][2] is not None:
        return None
    (sealed, created_at, _), *ending = rows
    try:
        return AccountSecrets(unseal(sealed), created_at, [expires_at for _, _, expires_at in ending])
    except Unreadable:
        raise UnreadableSecret from None

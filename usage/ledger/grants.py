"""The synchronous ledger API: the functions of `usage/sql` that people and workers call, over Django's connection.

The gateway's calls go through `usage.ledger.client`. Amounts are micro-credits. Each function commits by itself,
unless its caller has a transaction open. See ADR 1.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
import structlog
from django.db import Error, connection, transaction

from accounts import actions
from accounts.keys import rules
from accounts.models import Account, User
from aio_platform.credits import MAX_MICROCREDITS
from aio_platform.errors import InvalidRequest, PlatformError
from aio_platform.http.request_ids import started_at
from aio_platform.i18n.translatable import gettext_noop as _
from usage import errors

log = structlog.get_logger(__name__)

SIGNUP_REASON = "sign-up bonus"
SIGNUP_KEY = "signup"
OPENING_REASON = "opening credits"
OPENING_KEY = "opening"
MAX_TEXT_LENGTH = 200
MAX_IDEMPOTENCY_KEY_LENGTH = 255
ACCOUNTS_PER_EXPIRY = 50
DUE_SQL = """
    SELECT account_id FROM usage_balance
    WHERE next_grant_expiry_at <= clock_timestamp() AND (%s::bigint IS NULL OR account_id = %s)
    ORDER BY account_id
"""
# The rules that `usage/sql/functions/grants_v1.sql` names when it refuses.
_BROKEN_RULES: Mapping[str | None, type[PlatformError]] = {
    "usage_account_known": errors.AccountUnknown,
    "usage_grant_key_once": errors.GrantConflict,
    "usage_grant_expires_later": errors.GrantExpiryPast,
    "usage_refund_has_capture": errors.CaptureUnknown,
    "usage_refund_has_event": errors.RefundOfArchivedCall,
    "usage_refund_key_once": errors.RefundConflict,
    "usage_refund_within_capture": errors.RefundTooLarge,
}


class Booked(NamedTuple):
    """A grant or refund: the number of its ledger entry, and the balance available after it, in micro-credits.

    `repeated` is True when the same idempotency key had made the entry before.
    """

    entry: int
    available_microcredits: int
    repeated: bool


class OpenedAccount(NamedTuple):
    account: Account
    available_microcredits: int


class Disagreement(NamedTuple):
    """One inconsistency of the ledger. `account_id` is the table's id, not the public one."""

    problem: str
    account_id: int
    detail: str


def open_account(
    name: str,
    plan: str,
    owner: User | str | None = None,
    extra_microcredits: int = 0,
    *,
    with_bonus: bool = True,
    take_over: bool = False,
) -> OpenedAccount:
    """Create an account with its balance, its plan's sign-up bonus and any extra credits: all of it, or nothing.

    Raises what `accounts.actions.create_account` does, and AmountRefused.
    """
    if extra_microcredits:
        _check_amount(extra_microcredits)
    with transaction.atomic():
        account = actions.create_account(name, plan, owner, take_over=take_over)
        available = 0
        _call("SELECT usage_open_balance_v1(%s)", [account.pk])
        bonus = account.plan.signup_bonus_microcredits if with_bonus else 0
        if bonus:
            available = grant(
                account.pk, bonus, reason=SIGNUP_REASON, actor="system", idempotency_key=SIGNUP_KEY
            ).available_microcredits
        if extra_microcredits:
            available = grant(
                account.pk,
                extra_microcredits,
                reason=OPENING_REASON,
                actor="system",
                idempotency_key=OPENING_KEY,
            ).available_microcredits
    return OpenedAccount(account, available)


def grant(
    account_id: int,
    amount_microcredits: int,
    *,
    reason: str,
    actor: str,
    expires_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Booked:
    """Give credits to an account; they can be spent once this is committed.

    A repeat under the same idempotency key gives nothing and returns the first grant's entry. Raises AmountRefused,
    BalanceTooLarge, GrantExpiryPast, GrantConflict, AccountUnknown, and InvalidRequest for a bad text or an expiry too
    late to be shown.
    """
    _check_amount(amount_microcredits)
    rules.showable_expiry(expires_at)
    _check_text(reason, "reason", MAX_TEXT_LENGTH)
    _check_text(actor, "actor", MAX_TEXT_LENGTH)
    if idempotency_key is not None:
        _check_text(idempotency_key, "idempotency_key", MAX_IDEMPOTENCY_KEY_LENGTH)
    [row] = _call(
        "SELECT entry, available, repeated FROM usage_grant_v1(%s, %s, %s, %s, %s, %s)",
        [account_id, amount_microcredits, reason, actor, expires_at, idempotency_key],
    )
    booked = Booked._make(row)
    log.info("credits granted", account=account_id, entry=booked.entry, actor=actor, repeated=booked.repeated)
    return booked


def refund(
    account_id: int,
    request_uuid: str,
    amount_microcredits: int,
    *,
    reason: str,
    actor: str,
    idempotency_key: str,
) -> Booked:
    """Give back part or all of what a call cost. A call's refunds never come to more than was captured.

    A repeat under the same idempotency key gives nothing and returns the first refund's entry. Raises AmountRefused,
    RefundTooLarge, BalanceTooLarge, RefundConflict, CaptureUnknown, RefundOfArchivedCall, and InvalidRequest for a bad
    text.
    """
    _check_amount(amount_microcredits)
    _check_text(reason, "reason", MAX_TEXT_LENGTH)
    _check_text(actor, "actor", MAX_TEXT_LENGTH)
    _check_text(idempotency_key, "idempotency_key", MAX_IDEMPOTENCY_KEY_LENGTH)
    [row] = _call(
        "SELECT entry, available, repeated FROM usage_refund_v2(%s, %s, %s, %s, %s, %s, %s)",
        [
            account_id,
            started_at(request_uuid),
            request_uuid,
            amount_microcredits,
            reason,
            actor,
            idempotency_key,
        ],
    )
    booked = Booked._make(row)
    log.info("call refunded", account=account_id, entry=booked.entry, actor=actor, repeated=booked.repeated)
    return booked


def expire_grants(account_id: int | None = None) -> int:
    """Take back what is left of expired grants, of one account or of all. Returns how many entries were made.

    Works on a few accounts at a time, so that no call waits long for its balance.
    """
    due = [due_id for (due_id,) in _call(DUE_SQL, [account_id, account_id])]
    made = 0
    for first in range(0, len(due), ACCOUNTS_PER_EXPIRY):
        made += _number(
            "SELECT usage_expire_grants_v1(%s::bigint[])", [due[first : first + ACCOUNTS_PER_EXPIRY]]
        )
    return made


def expire_holds(limit: int = 500) -> int:
    """Release at most `limit` expired holds. Returns how many were released."""
    return _number("SELECT usage_expire_holds_v1(%s)", [limit])


def make_partitions(months_ahead: int = 3) -> int:
    """Create the month partitions of usage events that are missing. Returns how many were created.

    Raises OperationalError where it would have to wait long for a lock: calls would wait behind it.
    """
    return _number("SELECT usage_make_partitions_if_free_v2(%s)", [months_ahead])


def forget_answers(limit: int = 1000) -> int:
    """Delete at most `limit` kept answers that are older than a day. Returns how many were deleted."""
    return _number("SELECT usage_forget_answers_v1(%s)", [limit])


def has_books() -> bool:
    """Whether any account has a balance, so that there is something to reconcile."""
    return bool(_call("SELECT 1 FROM usage_balance LIMIT 1", []))


def reconcile() -> list[Disagreement]:
    """Every inconsistency of the ledger, from one snapshot; empty when it is right. The run itself is recorded."""
    started = time.monotonic()
    found = [Disagreement._make(row) for row in _call("SELECT * FROM usage_reconcile_v2()", [])]
    took_ms = round((time.monotonic() - started) * 1000)
    first = f"account {found[0].account_id}: {found[0].problem}" if found else None
    _call("SELECT usage_note_reconciliation_v1(%s, %s, %s)", [took_ms, len(found), first])
    return found


def _check_amount(microcredits: int) -> None:
    if microcredits <= 0:
        raise errors.AmountRefused(_("An amount of credits is more than 0."))
    if microcredits > MAX_MICROCREDITS:
        raise errors.AmountRefused(_("An amount of credits is below 1,000,000,000,000."))


def _check_text(text: str, param: str, max_length: int) -> None:
    if not text.strip() or len(text) > max_length:
        raise InvalidRequest(
            _("Give 1 to %(max_length)s characters as %(param)s."), param=param, max_length=max_length
        )
    if not text.isprintable():
        raise InvalidRequest(_("A %(param)s has printable characters only."), param=param)


def _number(sql: str, parameters: list[Any]) -> int:
    [(number,)] = _call(sql, parameters)
    return int(number)


def _call(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """Run one statement. Raises the error of `usage/errors.py` for the database's rule that it breaks.

    Runs in a savepoint where the caller has a transaction open, so that the transaction survives a refusal.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()
    except Error as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.errors.NumericValueOutOfRange):
            raise errors.BalanceTooLarge from error
        if isinstance(cause, psycopg.Error) and cause.diag.constraint_name in _BROKEN_RULES:
            raise _BROKEN_RULES[cause.diag.constraint_name] from error
        raise

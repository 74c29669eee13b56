"""Writes the made-up accounts and their calls through the tables of the books, so that the books are in balance."""

import math
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from accounts.keys.format import digest_of, last_four_of, new_key, prefix_of
from accounts.models import Account, ApiKey, Membership, User
from usage.demo.people import DemoAccount
from usage.errors import EventsArchived
from usage.ledger import grants
from usage.ledger.rates import brackets_of
from usage.ledger.units import Units
from usage.queries.retention import kept_from
from usage.snapshot import snapshot

_HERE = Path(__file__).parent
_TRAFFIC_SQL = (_HERE / "traffic.sql").read_text()
_BOOKING_SQL = (_HERE / "booking.sql").read_text()
_OPENING_SQL = (_HERE / "opening.sql").read_text()
_GRANTING_SQL = (_HERE / "granting.sql").read_text()
_CLOSING_SQL = (_HERE / "closing.sql").read_text()
SIGN_UP_MICROCREDITS = 100_000_000
REFUNDS_AT_MOST = 200
EVENTS_PER_REFUND = 2_000
# The hours of a day as callers in one part of the world fill them, in UTC.
_HOURS = [0.5 + 0.5 * math.cos((hour - 6) / 24 * 2 * math.pi) + 0.15 for hour in range(24)]
_WEEKEND = 0.55
_GROWTH = 0.9  # how much more there is at the end than at the start
Show = Callable[[int, int], None]


def write_accounts(accounts: Sequence[DemoAccount], since: datetime) -> None:
    """Accounts, members, keys, plan periods, balances and sign-up grants; and the streams for `write_calls`."""
    with transaction.atomic(), connection.cursor() as cursor:
        rows = Account.objects.bulk_create(
            [Account(name=one.name, plan_id=one.plan, created_at=one.joined_at) for one in accounts]
        )
        _open_books(cursor, accounts, rows)
        members = _write_members(accounts, rows)
        keys = _write_keys(accounts, rows)
        for one, row in zip(accounts, rows, strict=True):
            if one.joined_at > since:
                grants.grant(
                    row.pk,
                    SIGN_UP_MICROCREDITS,
                    reason=grants.SIGNUP_REASON,
                    actor="system",
                    idempotency_key=grants.SIGNUP_KEY,
                )
        cursor.execute(_GRANTING_SQL, {"account_ids": [row.pk for row in rows]})
        _write_streams(cursor, accounts, rows, members, keys)


def write_calls(
    accounts: Sequence[DemoAccount], since: datetime, until: datetime, calls: int, seed: int, show: Show
) -> int:
    """About that many calls, a day a transaction; how many there are."""
    days = _days(since, until)
    sizes = _sizes(days, since, until, calls)
    streams = [
        (number, account.joined_at, account.weight * stream.share)
        for number, (account, stream) in enumerate(
            (account, stream) for account in accounts for stream in account.streams
        )
    ]
    hours = [share / sum(_HOURS) for share in accumulate(_HOURS)][:-1]
    written = 0
    for place, (day, size) in enumerate(zip(days, sizes, strict=True)):
        active = [
            (number, weight) for number, joined_at, weight in streams if joined_at < day + timedelta(days=1)
        ]
        running = list(accumulate(weight for _, weight in active))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL synchronous_commit = off; SET LOCAL work_mem = '256MB'; SET LOCAL jit = off"
            )
            cursor.execute("SELECT setseed(%s)", [random.Random(seed * 1000 + place).uniform(-1, 1)])  # noqa: S311
            cursor.execute(
                _TRAFFIC_SQL,
                {
                    "day": day,
                    "until": until,
                    "calls": size,
                    "seed": seed,
                    "hours": hours,
                    "streams": [number for number, _ in active],
                    "weights": [weight / running[-1] for weight in running][:-1],
                },
            )
            cursor.execute(_BOOKING_SQL, {"day": day})
            cursor.execute("SELECT count(*) FROM demo_call")
            written += cursor.fetchone()[0]
        show(written, calls)
    return written


def write_the_rest(account_ids: Sequence[int], calls: int, seed: int) -> None:
    """What comes of calls later: meters of keys, and refunds."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSING_SQL, {"account_ids": list(account_ids)})
        cursor.execute(
            "SELECT account_id, request_id::text, cost_microcredits FROM usage_event TABLESAMPLE SYSTEM (5)"
            " REPEATABLE (%s) WHERE account_id = ANY(%s) AND cost_microcredits > 1 LIMIT %s",
            [seed, list(account_ids), min(REFUNDS_AT_MOST, calls // EVENTS_PER_REFUND)],
        )
        chosen = cursor.fetchall()
    for account_id, request_id, cost in chosen:
        grants.refund(
            account_id,
            request_id.replace("-", ""),
            (cost + 1) // 2,
            reason="bad answer",
            actor="demo",
            idempotency_key=f"demo {request_id}",
        )


def make_partitions(since: datetime) -> None:
    """The month partitions from then on; the books' own chore makes those of this month and later ones.

    Raises EventsArchived: calls that come behind the sums' back could not be summed.
    """
    with snapshot() as books:
        if kept_from(books) is not None:
            raise EventsArchived
    month = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < datetime.now(UTC):
        following = (month + timedelta(days=32)).replace(day=1)
        name = f"usage_event_{month:%Y_%m}"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext('usage_make_partitions')), to_regclass(%s)", [name]
            )
            if cursor.fetchone()[1] is None:
                cursor.execute(f"CREATE TABLE {name} (LIKE usage_event INCLUDING ALL)")
                cursor.execute(
                    f"ALTER TABLE usage_event ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
                    [month, following],
                )
                cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON {name} FROM aio_app")
        month = following


def _open_books(cursor: Any, accounts: Sequence[DemoAccount], rows: Sequence[Account]) -> None:
    periods: list[tuple[int, str, str, str]] = []
    for one, row in zip(accounts, rows, strict=True):
        if one.paid_from is None:
            periods.append((row.pk, "-infinity", "infinity", one.plan))
        else:
            moment = one.paid_from.isoformat()
            periods += [(row.pk, "-infinity", moment, "trial"), (row.pk, moment, "infinity", one.plan)]
    names = ("period_accounts", "period_since", "period_until", "period_plans")
    columns = dict(zip(names, map(list, zip(*periods, strict=True)), strict=True))
    cursor.execute(_OPENING_SQL, {"account_ids": [row.pk for row in rows], **columns})


def _write_members(accounts: Sequence[DemoAccount], rows: Sequence[Account]) -> list[User]:
    """The owner of each account, in order; the others only belong."""
    users: list[tuple[Account, User, str]] = []
    for one, row in zip(accounts, rows, strict=True):
        for place in range(one.members):
            email = f"{'owner' if place == 0 else f'member{place}'}.{row.pk}@demo.example"
            role = Membership.Role.OWNER if place == 0 else Membership.Role.DEVELOPER
            users.append((row, User(email=email, password="!"), role))  # noqa: S106 - a password nobody can give
    made = User.objects.bulk_create([user for _, user, _ in users])
    Membership.objects.bulk_create(
        [
            Membership(account=row, user=user, role=role)
            for (row, _, role), user in zip(users, made, strict=True)
        ]
    )
    return [user for (_, _, role), user in zip(users, made, strict=True) if role == Membership.Role.OWNER]


def _write_keys(accounts: Sequence[DemoAccount], rows: Sequence[Account]) -> list[list[ApiKey]]:
    """Keys that nobody has the text of."""
    keys = []
    for one, row in zip(accounts, rows, strict=True):
        for name in one.keys:
            text = new_key()
            keys.append(
                ApiKey(
                    account=row,
                    name=name,
                    prefix=prefix_of(text),
                    last_four=last_four_of(text),
                    digest=digest_of(text),
                    created_at=one.joined_at,
                )
            )
    made = iter(ApiKey.objects.bulk_create(keys))
    return [[next(made) for _ in one.keys] for one in accounts]


def _write_streams(
    cursor: Any,
    accounts: Sequence[DemoAccount],
    rows: Sequence[Account],
    owners: Sequence[User],
    keys: Sequence[Sequence[ApiKey]],
) -> None:
    units = Units._fields
    cursor.execute(
        "DROP TABLE IF EXISTS pg_temp.demo_stream;"
        " CREATE TEMPORARY TABLE demo_stream (number integer PRIMARY KEY, account_id bigint, key_id bigint,"
        " member_id bigint, endpoint text, model text, route text, upstream text, rate_id bigint,"
        " joined_at timestamptz, paid_from timestamptz, is_trial boolean, streams boolean, latency_ms float8,"
        f" divisor bigint, {', '.join(f'w_{unit} bigint' for unit in units)})"
    )
    values: list[tuple[Any, ...]] = []
    for account, row, owner, own_keys in zip(accounts, rows, owners, keys, strict=True):
        for stream in account.streams:
            # Made-up prompts are short.
            bracket = brackets_of(stream.route.rate.prices)[0]
            values.append(
                (
                    len(values),
                    row.pk,
                    0 if stream.key is None else own_keys[stream.key].pk,
                    owner.pk if stream.key is None else None,
                    stream.route.endpoint,
                    stream.route.model,
                    stream.route.name,
                    stream.route.upstream,
                    stream.route.rate.id,
                    account.joined_at,
                    account.paid_from,
                    account.plan == "trial",
                    stream.route.streams,
                    stream.latency_ms,
                    bracket.divisor,
                    *(bracket.weights.get(unit, 0) for unit in units),
                )
            )
    cursor.executemany(
        f"INSERT INTO demo_stream VALUES ({', '.join(['%s'] * (15 + len(units)))})",  # noqa: S608 - placeholders
        values,
    )
    cursor.execute("ANALYZE demo_stream")


def _days(since: datetime, until: datetime) -> list[datetime]:
    count = math.ceil((until - since) / timedelta(days=1))
    return [since + timedelta(days=place) for place in range(count)]


def _sizes(days: Sequence[datetime], since: datetime, until: datetime, calls: int) -> list[int]:
    """How many calls each day has: more on working days, more as time goes on, and in all `calls`."""
    shares = []
    for day in days:
        elapsed = (day - since) / (until - since)
        whole = min((until - day) / timedelta(days=1), 1.0)
        shares.append((1 + _GROWTH * elapsed) * (_WEEKEND if day.weekday() >= 5 else 1.0) * whole)
    running = list(accumulate(shares))
    ends = [round(calls * share / running[-1]) for share in running]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]

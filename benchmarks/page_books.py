"""The pages' side of a benchmark: an account with a month of calls, and a member of it who is signed in.

`python -m benchmarks.page_books EVENTS`; says what it made, and ends. It connects as the database's owner, to fill
the books in three statements; they agree afterwards, as `reconcile` finds.
"""

import sys
from typing import Any

import django

django.setup()

from django.db import connection, transaction
from django.test import Client

from accounts.keys import lifecycle
from accounts.models import Membership
from aio_platform.http.request_ids import public_request_id
from benchmarks.children import report
from benchmarks.served_platform import RATE
from usage import rollups
from usage.ledger import grants
from usage.models import PublishedRate

ACCOUNT = "bench pages"
OWNER = "bench-pages@example.test"
KEYS = 6
CREDIT = 1_000_000
# Twelve models, three endpoints, a member's session beside the keys; one call in twenty fails.
_CALLS_SQL = """
    CREATE TEMPORARY TABLE bench_call AS
    SELECT n, 'epoch'::timestamptz + ms * interval '1 millisecond' AS started_at,
        (lpad(to_hex(ms), 12, '0') || '7' || substr(digits, 1, 3) || '8' || substr(digits, 4, 15))::uuid AS request_id,
        CASE WHEN n %% 7 = 0 THEN 0 ELSE (%(keys)s::bigint[])[1 + n %% 6] END AS key_id,
        CASE WHEN n %% 7 = 0 THEN %(member)s::bigint END AS member_id,
        (ARRAY['chat', 'chat', 'embeddings', 'image_task'])[1 + n %% 4] AS endpoint,
        'bench-model-' || n %% 12 AS model,
        CASE WHEN n %% 20 = 0 THEN 'failed' ELSE 'succeeded' END AS outcome,
        CASE WHEN n %% 20 = 0 THEN 0 ELSE 500 + (n * 7919) %% 40000 END::bigint AS cost,
        (40 + (n * 104729) %% 1700 + CASE WHEN n %% 97 = 0 THEN 6000 ELSE 0 END)::integer AS latency_ms
    FROM (SELECT n, floor(extract(epoch FROM now() - interval '30 days') * 1000)::bigint
              + n * (interval_ms - 1) AS ms, md5(n::text) AS digits
          FROM generate_series(1, %(events)s::bigint) n,
               (SELECT 30 * 86400000::bigint / %(events)s AS interval_ms) spacing) numbered
"""
_LEDGER_SQL = """
    INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits, previous_balance_microcredits,
        balance_microcredits, request_id, created_at)
    SELECT %(account)s, 1 + place, 'capture', -cost, %(granted)s - spent + cost, %(granted)s - spent, request_id,
        started_at + latency_ms * interval '1 millisecond'
    FROM (SELECT *, row_number() OVER (ORDER BY n) AS place, sum(cost) OVER (ORDER BY n)::bigint AS spent
          FROM bench_call WHERE cost > 0) charged
"""
_EVENTS_SQL = """
    INSERT INTO usage_event (account_id, started_at, request_id, settled_at, key_id, member_id, endpoint, model,
        route, upstream, rate_id, outcome, status, streamed, estimated, trial, tokens_in, tokens_out, images, audio_ms,
        characters, pixel_steps, video_ms, hold_microcredits, cost_microcredits, ledger_entry, latency_ms,
        upstream_latency_ms, first_byte_ms)
    SELECT %(account)s, c.started_at, c.request_id, c.started_at + c.latency_ms * interval '1 millisecond', c.key_id,
        c.member_id, c.endpoint, c.model, c.endpoint || '/' || c.model, 'bench', %(rate)s, c.outcome,
        CASE WHEN c.outcome = 'failed' THEN 502 ELSE 200 END, c.n %% 2 = 0, false, false, c.cost / 2, c.cost / 4, 0, 0,
        0, 0, 0, greatest(c.cost, 50000), c.cost, l.entry, c.latency_ms, c.latency_ms - 5, c.latency_ms / 3
    FROM bench_call c
    LEFT JOIN usage_ledger_entry l ON l.account_id = %(account)s AND l.request_id = c.request_id
"""
_BALANCE_SQL = """
    UPDATE usage_balance b SET available_microcredits = %(granted)s - s.spent, captured_microcredits = s.spent,
        last_entry = 1 + s.charged, holds_opened = s.calls, holds_ended = s.calls
    FROM (SELECT sum(cost)::bigint AS spent, count(*) FILTER (WHERE cost > 0) AS charged, count(*) AS calls
          FROM bench_call) s
    WHERE b.account_id = %(account)s
"""
_GRANT_SQL = """
    WITH entry AS (
        INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits, previous_balance_microcredits,
            balance_microcredits, created_at)
        VALUES (%(account)s, 1, 'grant', %(granted)s, 0, %(granted)s, now() - interval '31 days')
    )
    INSERT INTO usage_grant (account_id, entry, amount_microcredits, remaining_microcredits, reason, actor)
    VALUES (%(account)s, 1, %(granted)s, %(granted)s, 'opening credits', 'benchmarks')
"""


def main() -> None:
    """Fill the books, and report the session cookie and what pages to ask for."""
    account = grants.open_account(ACCOUNT, "unlimited", OWNER).account
    owner = Membership.objects.get(account=account).user
    keys = [lifecycle.issue_key(account, f"bench {number}")[0] for number in range(KEYS)]
    parameters: dict[str, Any] = {
        "account": account.pk,
        "member": owner.pk,
        "keys": [key.pk for key in keys],
        "events": int(sys.argv[1]),
        "granted": 1_000_000 * CREDIT,
        "rate": PublishedRate.objects.filter(name=RATE).latest("version").id,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        for sql in (_CALLS_SQL, _GRANT_SQL, _LEDGER_SQL, _EVENTS_SQL, _BALANCE_SQL):
            cursor.execute(sql, parameters)
        cursor.execute("SELECT request_id FROM bench_call WHERE cost > 0 ORDER BY n DESC LIMIT 1")
        request_id = public_request_id(cursor.fetchone()[0].hex)
    rollups.rebuild(lambda progress: None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_event, usage_ledger_entry")
    browser = Client()
    browser.force_login(owner, "allauth.account.auth_backends.AuthenticationBackend")
    report(
        {
            "cookie": f"sessionid={browser.cookies['sessionid'].value}; aio_time_zone=Asia/Seoul",
            "request_id": request_id,
            "key_id": keys[0].public_id,
        }
    )


if __name__ == "__main__":
    main()

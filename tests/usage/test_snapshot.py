"""A look at the books is of one moment, and ends before it gets in anybody's way."""

import pytest
from django.db import connection, transaction

from aio_platform.errors import InvalidRequest
from usage import snapshot as snapshot_module
from usage.queries.events import event_page
from usage.queries.filters import CallFilter
from usage.snapshot import snapshot

EVENTS = "SELECT count(*) AS events FROM usage_event WHERE account_id = %(account_id)s"


def test_what_is_settled_during_a_look_is_not_in_it_and_is_in_the_next(committed_books):
    tenant = committed_books.tenant(credit=1_000_000)
    with snapshot() as books:
        assert books.row(EVENTS, {"account_id": tenant.id}) == {"events": 0}
        settle_elsewhere(committed_books, tenant)
        assert books.row(EVENTS, {"account_id": tenant.id}) == {"events": 0}
    page = event_page(CallFilter(tenant.id), limit=5)
    assert len(page.events) == 1
    assert page.events[0]["settled_at"] > books.as_of.isoformat()


def test_a_look_cannot_write(committed_books):
    with pytest.raises(Exception, match="read-only transaction"), snapshot() as books:
        books.rows("SELECT usage_make_partitions_v2(9)", {})


def test_a_look_that_takes_too_long_is_refused(committed_books, monkeypatch):
    monkeypatch.setattr(snapshot_module, "TIME_LIMIT_MS", 20)
    with pytest.raises(InvalidRequest) as caught, snapshot() as books:
        books.rows("SELECT pg_sleep(5)", {})
    assert caught.value.param == "since"
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_inside_a_transaction_its_uncommitted_rows_are_seen(books):
    tenant = books.tenant(credit=1_000_000)
    with transaction.atomic():
        books.call(tenant, 1)
        assert len(event_page(CallFilter(tenant.id), limit=5).events) == 1


def settle_elsewhere(books, tenant):
    """A whole call on a connection of its own, committed."""
    import psycopg

    from aio_platform.http.request_ids import new_request_uuid

    parameters = connection.get_connection_params()
    keywords = {
        name: parameters[name]
        for name in ("dbname", "user", "password", "host", "port")
        if parameters.get(name)
    }
    request_id = new_request_uuid()
    with psycopg.connect(**keywords, autocommit=True) as other:
        other.execute(
            "SELECT * FROM usage_authorize_v1(ARRAY[%s]::uuid[], ARRAY[%s]::bytea[], ARRAY[NULL]::bigint[],"
            " ARRAY[NULL]::bigint[], ARRAY[NULL]::inet[], ARRAY['chat'], ARRAY['small'], ARRAY['r'],"
            " ARRAY[%s]::bigint[], ARRAY[1]::bigint[], ARRAY[%s]::bigint[], ARRAY[60])",
            (request_id, tenant.digest, books.rate_id, int(request_id[:12], 16)),
        )
        other.execute(
            "UPDATE usage_hold SET expires_at = clock_timestamp() WHERE request_id = %s", (request_id,)
        )
        assert other.execute("SELECT usage_expire_holds_v1(1)").fetchone() == (1,)

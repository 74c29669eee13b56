"""usage_make_partitions_v2: an event always has a partition, and a month's events get their own."""

from datetime import UTC, datetime, timedelta

import pytest

from aio_platform.http.request_ids import new_request_uuid

PARTITIONS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass ORDER BY 1"
)


def request_id_of(moment):
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


def month_after(moment, months):
    index = moment.year * 12 + moment.month - 1 + months
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def test_the_month_of_the_migration_and_the_three_after_it_are_there(books):
    migrated_at = books.value("SELECT applied FROM django_migrations WHERE app = 'usage' ORDER BY id LIMIT 1")
    months = [month_after(migrated_at, number).strftime("usage_event_%Y_%m") for number in range(4)]
    # Made-up months of other tests may have partitions too: those are of the past.
    present = [name for (name,) in books.sql(PARTITIONS) if name >= months[0]]
    assert present == [*months, "usage_event_default"]


def test_making_them_again_makes_none(books):
    books.sql("SELECT usage_make_partitions_v2(3)")
    assert books.value("SELECT usage_make_partitions_v2(3)") == 0


def test_further_months_are_made_ahead(books):
    # The tests' database may have been migrated last month.
    books.sql("SELECT usage_make_partitions_v2(3)")
    before = books.sql(PARTITIONS)
    assert books.value("SELECT usage_make_partitions_v2(5)") == 2
    assert len(books.sql(PARTITIONS)) == len(before) + 2


@pytest.mark.parametrize("months", [-50, -30, 4])
def test_an_event_of_a_month_without_a_partition_is_kept_and_moved_later(books, tenant, months):
    started_at = month_after(datetime.now(UTC), months) + timedelta(days=3)
    request_id = books.call(tenant, 5, request_id=request_id_of(started_at))
    where = "SELECT tableoid::regclass::text FROM usage_event WHERE request_id = %s"
    assert books.value(where, request_id) == "usage_event_default"
    assert books.value("SELECT usage_make_partitions_v2(4)") >= 1
    assert books.value(where, request_id) == started_at.strftime("usage_event_%Y_%m")
    assert books.value("SELECT count(*) FROM usage_event_default") == 0
    assert books.problems() == []


def test_an_event_at_the_first_instant_of_a_month_belongs_to_it(books, tenant):
    first = month_after(datetime.now(UTC), 1)
    inside = books.call(tenant, 5, request_id=request_id_of(first))
    before = books.call(tenant, 5, request_id=request_id_of(first - timedelta(milliseconds=1)))
    where = "SELECT tableoid::regclass::text FROM usage_event WHERE request_id = %s"
    assert books.value(where, inside) == first.strftime("usage_event_%Y_%m")
    assert books.value(where, before) == datetime.now(UTC).strftime("usage_event_%Y_%m")


def test_partitions_are_indexed_and_checked_like_the_whole(books):
    def shape(table):
        constraints = books.sql(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass ORDER BY 1",
            table,
        )
        columns = books.sql(
            "SELECT attname, attnotnull, atthasdef FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " ORDER BY attnum",
            table,
        )
        return constraints, columns

    books.sql("SELECT usage_make_partitions_v2(4)")
    for (partition,) in books.sql(PARTITIONS):
        assert shape(partition) == shape("usage_event")

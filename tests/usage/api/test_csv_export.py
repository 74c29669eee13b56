"""`/api/v1/usage/export.csv`: every ended call, streamed, and no cell that a spreadsheet runs."""

import csv
from collections.abc import AsyncIterator
from io import StringIO

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from accounts.keys import lifecycle
from aio_platform.csv_text import csv_text, csv_texts
from usage.api.csv_export import COLUMNS, csv_batches
from usage.queries import events

CREDIT = 1_000_000


@pytest_asyncio.fixture(autouse=True)
async def closed_connections() -> AsyncIterator[None]:
    """The thread that carries the async client's requests keeps a connection, as a server's does."""
    yield
    await sync_to_async(connections.close_all)()


async def export(tenant, **query):
    """The response, and its rows by column."""
    response = await AsyncClient().get(
        "/api/v1/usage/export.csv", query, headers={"Authorization": f"Bearer {tenant.key_text}"}
    )
    if response.status_code != 200:
        return response, []
    text = b"".join([part async for part in response.streaming_content]).decode()
    return response, list(csv.DictReader(StringIO(text)))


async def test_every_call_is_a_row_newest_first(committed_books, monkeypatch):
    monkeypatch.setattr(events, "EXPORT_ROWS_AT_ONCE", 2)
    tenant, made = await sync_to_async(five_calls)(committed_books)
    response, rows = await export(tenant)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="usage.csv"'
    assert response.streaming
    assert [row["request_id"] for row in rows] == [
        f"req_{request_id}" for request_id in sorted(made, reverse=True)
    ]
    assert set(rows[0]) == set(COLUMNS)
    assert rows[0]["cost"] == "0.000001"
    assert rows[0]["streamed"] == "false"


async def test_filters_and_mistakes_are_those_of_the_list(committed_books):
    tenant, _ = await sync_to_async(five_calls)(committed_books)
    _, rows = await export(tenant, outcome="failed")
    assert rows == []
    response, _ = await export(tenant, since="x")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "since")
    response, _ = await export(tenant, limit="5")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "limit")


async def test_an_account_without_calls_gets_the_header_line(committed_books):
    tenant = await sync_to_async(committed_books.tenant)()
    response, rows = await export(tenant)
    assert (response.status_code, rows) == (200, [])


async def test_calls_that_end_while_it_streams_are_left_out(committed_books, monkeypatch):
    monkeypatch.setattr(events, "EXPORT_ROWS_AT_ONCE", 2)
    tenant, made = await sync_to_async(five_calls)(committed_books)

    def rows_with_a_call_in_between():
        batches = events.event_batches(events.CallFilter(tenant.id))
        rows = next(batches)
        committed_books.call(tenant, 1)
        return rows + [row for batch in batches for row in batch]

    rows = await sync_to_async(rows_with_a_call_in_between)()
    assert len(rows) == len(made)


async def test_a_keys_name_cannot_become_a_formula(committed_books):
    def renamed_key():
        tenant, _ = five_calls(committed_books)
        lifecycle.rename_key(tenant.key, '=HYPERLINK("http://x")')
        return tenant

    _, rows = await export(await sync_to_async(renamed_key)())
    assert rows[0]["key_name"] == '\'=HYPERLINK("http://x")'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_cells_that_start_like_formulas_are_quoted(start):
    event = {name: {} for name in (*COLUMNS, "units", "timings")} | {"key": None, "model": f"{start}1+1"}
    text = "".join(csv_texts(COLUMNS, csv_batches([[event]])))
    [row] = csv.DictReader(StringIO(text, newline=""))
    assert row["model"] == f"'{start}1+1"


def test_commas_quotes_and_line_breaks_survive():
    [row] = csv.reader(StringIO(csv_text([['a,"b"', "c\nd"]]), newline=""))
    assert row == ['a,"b"', "c\nd"]


def five_calls(books):
    tenant = books.tenant(credit=CREDIT)
    return tenant, [books.call(tenant, 1) for _ in range(5)]

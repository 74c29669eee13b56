"""The OpenAPI schema says what the usage API answers: field by field, with nothing left out."""

import pytest
from rest_framework import serializers

from usage.api import response_schemas

CREDIT = 1_000_000


def check(serializer, found, path="answer"):
    """Compare an answer with its description, all the way down."""
    if isinstance(serializer, serializers.ListSerializer):
        for index, item in enumerate(found):
            check(serializer.child, item, f"{path}[{index}]")
        return
    if isinstance(serializer, serializers.ListField):
        assert isinstance(found, list), path
        return
    if not isinstance(serializer, serializers.Serializer):
        serializer.run_validation(found) if found is not None else None
        return
    fields = serializer.fields
    assert set(found) <= set(fields), path
    required = {name for name, field in fields.items() if field.required}
    assert required <= set(found), path
    for name, value in found.items():
        if value is None:
            assert fields[name].allow_null, f"{path}.{name}"
        else:
            check(fields[name], value, f"{path}.{name}")


@pytest.fixture
def busy(books):
    """An account with one of everything that an answer can show."""
    tenant = books.tenant(plan="trial", credit=CREDIT)
    books.sql(
        "SELECT usage_grant_v1(%s, 100, 'r', 'a', clock_timestamp() + interval '1 hour', NULL)", tenant.id
    )
    books.call(tenant, 5, attempts='[{"upstream": "primary", "status": 502, "latency_ms": 1}]')
    books.call(
        tenant, outcome="cancelled", status=None, upstream=None, upstream_latency_ms=None, first_byte_ms=None
    )
    books.sql(
        "SELECT usage_count_refusals_v1(ARRAY[%s]::bigint[], ARRAY[%s]::bigint[], ARRAY['chat'], ARRAY['x'])",
        tenant.id,
        tenant.key.pk,
    )
    return tenant


@pytest.mark.parametrize(
    ("path", "description"),
    [
        ("/api/v1/credits", response_schemas.CreditBody),
        ("/api/v1/credits/ledger", response_schemas.LedgerPageBody),
        ("/api/v1/usage", response_schemas.UsagePage),
        ("/api/v1/usage/summary", response_schemas.SummaryBody),
        (
            "/api/v1/usage/summary?group_by=key,member,model,endpoint,outcome&interval=day",
            response_schemas.SummaryBody,
        ),
        ("/api/v1/usage/refusals", response_schemas.RefusalsBody),
        ("/api/v1/usage/refusals?group_by=key&interval=minute", response_schemas.RefusalsBody),
    ],
)
def test_an_answer_is_as_described(busy, get, path, description):
    found = get(busy, path).json()
    assert found
    check(description(), found)


def test_receipts_are_as_described(books, busy, get):
    ended = [event["request_id"] for event in get(busy, "/api/v1/usage").json()["data"]]
    in_flight = f"req_{books.hold(busy).request_id}"
    for request_id in (*ended, in_flight):
        check(response_schemas.ReceiptBody(), get(busy, f"/api/v1/usage/{request_id}").json())


def test_every_address_is_in_the_schema(db, client):
    paths = client.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()["paths"]
    for path in ("credits", "credits/ledger", "usage", "usage/summary", "usage/refusals", "usage/export.csv"):
        assert paths[f"/api/v1/{path}"]["get"]["tags"] == ["usage"]
    assert "/api/v1/usage/{request_id}" in paths

"""`/api/v1/callbacks`: who may see and change what, and what the answers say."""

import json
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts import actions
from accounts.keys import lifecycle
from accounts.models import Account, AuditEntry
from gateway.webhooks_out import signing_secrets
from tests.accounts.memberships import add_member
from tests.gateway.webhooks_out.conftest import Tenant
from tests.gateway.webhooks_out.customer import WebhookLab

URL = "https://hooks.example/in"
ADDRESSES = [
    ("GET", "secret"),
    ("POST", "secret"),
    ("GET", "endpoint"),
    ("PUT", "endpoint"),
    ("DELETE", "endpoint"),
    ("GET", "deliveries"),
    ("GET", "deliveries/{id}"),
    ("POST", "deliveries/{id}/resend"),
]
BODIES = {("PUT", "endpoint"): {"url": URL}}


@pytest.fixture
def account(committed_callbacks: None) -> Account:
    """One that has no secret yet."""
    return actions.create_account("Late starters", "standard")


def shown_id(webhook_lab: WebhookLab, task_id: str) -> str:
    return "dlv_" + str(webhook_lab.delivery(task_id)["id"].hex)


def test_the_secret_is_shown_the_same_until_it_is_rotated(tenant: Tenant, stranger: Tenant) -> None:
    first = tenant.send("GET", "secret")
    assert first.status_code == 200
    assert first["Cache-Control"] == "no-store"
    assert first.json()["secret"] == tenant.secret == tenant.send("GET", "secret").json()["secret"]
    assert tenant.secret.startswith("whsec_")
    assert tenant.secret != stranger.secret

    rotated = tenant.send("POST", "secret")
    assert rotated.status_code == 201
    assert rotated.json()["secret"] != tenant.secret
    assert len(rotated.json()["previous_end_at"]) == 1
    assert tenant.send("GET", "secret").json() == rotated.json()
    assert stranger.send("GET", "secret").json()["secret"] == stranger.secret


def test_an_overlap_of_zero_ends_every_old_secret_at_once(tenant: Tenant) -> None:
    tenant.send("POST", "secret")
    rotated = tenant.send("POST", "secret", {"overlap_s": 0})
    assert rotated.status_code == 201
    assert rotated.json()["previous_end_at"] == []


def test_a_first_secret_needed_during_a_rotation_is_the_rotated_one(account: Account) -> None:
    """A worker that signs an event while its account rotates a secret that it never had."""
    found: list[str] = []

    def need_the_secret() -> None:
        found.append(signing_secrets.secrets_of(account.pk).secret)
        connection.close()

    worker = threading.Thread(target=need_the_secret)
    with transaction.atomic(), connection.cursor() as cursor:
        # Here is where a rotation has ended the secret before, and has not yet made its own.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('aio callback secret', %s))", [account.pk]
        )
        worker.start()
        waiting = False
        while worker.is_alive() and not waiting:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
            )
            [(waiting,)] = cursor.fetchall()
        rotated = signing_secrets.rotate(account.pk, 3600)
    worker.join()
    assert found == [rotated.secret]


def test_a_secret_is_not_rotated_without_end(tenant: Tenant) -> None:
    answers = [tenant.send("POST", "secret") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 201, 409]
    assert tenant.send("GET", "secret").json()["secret"] == answers[3].json()["secret"]


@pytest.mark.parametrize(
    "body", [{"overlap_s": -1}, {"overlap_s": 86_401}, {"overlap_s": "x"}, {"overlap": 1}, []]
)
def test_a_bad_rotation_changes_nothing(tenant: Tenant, body: Any) -> None:
    assert tenant.send("POST", "secret", body).status_code == 400
    assert tenant.send("GET", "secret").json()["secret"] == tenant.secret


def test_secrets_are_not_readable_in_the_database(tenant: Tenant, webhook_lab: WebhookLab) -> None:
    [row] = webhook_lab.sql("SELECT sealed FROM gateway_callback_secret WHERE account_id = %s", tenant.id)
    assert tenant.secret not in row["sealed"]
    assert tenant.secret.removeprefix("whsec_") not in row["sealed"]


def test_a_secret_of_another_secret_key_asks_to_be_rotated(tenant: Tenant, settings: Any) -> None:
    settings.SECRET_KEY = "another"
    assert tenant.send("GET", "secret").status_code == 409
    assert tenant.send("POST", "secret", {"overlap_s": 0}).status_code == 201
    assert tenant.send("GET", "secret").status_code == 200


def test_the_endpoint_is_set_changed_and_removed(tenant: Tenant, stranger: Tenant) -> None:
    assert tenant.send("GET", "endpoint").json()["url"] is None
    for url in (URL, URL + "?token=x"):
        answer = tenant.send("PUT", "endpoint", {"url": url})
        assert answer.status_code == 200
        assert (answer.json()["url"], answer.json()["is_enabled"]) == (url, True)
    assert tenant.send("GET", "endpoint").json() == answer.json()
    assert stranger.send("GET", "endpoint").json()["url"] is None
    for _ in range(2):
        assert tenant.send("DELETE", "endpoint").json()["url"] is None


def test_what_a_key_changes_is_written_down_without_secrets(tenant: Tenant) -> None:
    tenant.send("PUT", "endpoint", {"url": URL + "?token=x"})
    tenant.send("PUT", "endpoint", {"url": "ftp://x.example/"})
    for _ in range(2):
        tenant.send("DELETE", "endpoint")
    tenant.send("POST", "secret", {"overlap_s": 60})
    entries = AuditEntry.objects.filter(account_id=tenant.id).order_by("id")
    assert [(entry.actor_kind, entry.action, entry.before, entry.after) for entry in entries] == [
        ("key", "callbacks.endpoint", {"url": None}, {"url": URL + "?…"}),
        ("key", "callbacks.endpoint", {"url": URL + "?…"}, {"url": None}),
        ("key", "callbacks.secret", {}, {"overlap_s": 60}),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "ftp://x.example/",
        "x",
        "",
        5,
        None,
        "https://a@b.example/",
    ],
)
def test_an_endpoint_that_is_not_public_is_refused_by_name(tenant: Tenant, url: Any) -> None:
    answer = tenant.send("PUT", "endpoint", {"url": url})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "url"
    assert tenant.send("GET", "endpoint").json()["url"] is None


def test_deliveries_are_listed_newest_first_page_by_page(tenant: Tenant, webhook_lab: WebhookLab) -> None:
    tasks = [webhook_lab.end_task(tenant.id, URL) for _ in range(5)]
    shown: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = tenant.send("GET", "deliveries", **query).json()
        shown += [delivery["task_id"] for delivery in page["data"]]
        if not page["has_more"]:
            break
        query["after"] = page["next"]
    assert shown == tasks[::-1]
    assert page["next"] is None


def test_deliveries_are_found_by_status_task_and_time(tenant: Tenant, webhook_lab: WebhookLab) -> None:
    first, second = webhook_lab.end_task(tenant.id, URL), webhook_lab.end_task(tenant.id, URL)
    webhook_lab.sql(
        "UPDATE gateway_callback_delivery SET state = 'failed', ended_at = now() WHERE task_id = %s", first
    )
    for query, expected in [
        ({"status": "failed"}, [first]),
        ({"status": "pending"}, [second]),
        ({"status": "delivered"}, []),
        ({"task": first}, [first]),
        ({"since": "2199-01-01"}, []),
        ({"until": "2001-01-01"}, []),
        ({"since": "2001-01-01", "until": "2199-01-01"}, [second, first]),
    ]:
        page = tenant.send("GET", "deliveries", **query).json()
        assert [delivery["task_id"] for delivery in page["data"]] == expected, query


@pytest.mark.parametrize(
    "query",
    [{"status": "gone"}, {"limit": "0"}, {"limit": "201"}, {"after": "x"}, {"since": "soon"}, {"page": "2"}],
)
def test_a_bad_query_names_its_parameter(tenant: Tenant, query: dict[str, Any]) -> None:
    answer = tenant.send("GET", "deliveries", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(query))


def test_a_delivery_shows_every_attempt(tenant: Tenant, webhook_lab: WebhookLab) -> None:
    delivery_id = shown_id(webhook_lab, webhook_lab.end_task(tenant.id, URL))
    webhook_lab.sql(
        "INSERT INTO gateway_callback_attempt SELECT account_id, id, 1, url, now(), 12, 500, NULL, 'oh'"
        " FROM gateway_callback_delivery"
    )
    shown = tenant.send("GET", f"deliveries/{delivery_id}").json()
    assert shown["id"] == delivery_id
    assert shown["status"] == "pending"
    assert shown["next_attempt_at"] is not None
    [attempt] = shown["attempts"]
    assert attempt["started_at"].endswith("Z")
    assert (attempt["number"], attempt["status"], attempt["duration_ms"], attempt["response"]) == (
        1,
        500,
        12,
        "oh",
    )


@pytest.mark.parametrize("state", ["delivered", "failed", "stopped", "pending"])
def test_any_delivery_can_be_sent_again_under_its_own_event_id(
    tenant: Tenant, webhook_lab: WebhookLab, state: str
) -> None:
    task_id = webhook_lab.end_task(tenant.id, URL)
    webhook_lab.sql(
        "UPDATE gateway_callback_delivery SET state = %s, tries = 17, attempts = 17,"
        " ended_at = CASE WHEN %s <> 'pending' THEN now() END, due_at = now() + interval '8 hours'",
        state,
        state,
    )
    before = tenant.send("GET", f"deliveries/{shown_id(webhook_lab, task_id)}").json()
    answer = tenant.send("POST", f"deliveries/{shown_id(webhook_lab, task_id)}/resend")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["event_id"]) == ("pending", before["event_id"])
    assert webhook_lab.wait_left_s(task_id) <= 0
    assert webhook_lab.delivery(task_id)["tries"] == 0


def test_an_endpoints_delivery_is_sent_again_to_where_the_endpoint_is_now(
    tenant: Tenant, webhook_lab: WebhookLab
) -> None:
    tenant.send("PUT", "endpoint", {"url": URL})
    task_id = webhook_lab.end_task(tenant.id)
    webhook_lab.sql("UPDATE gateway_callback_delivery SET state = 'stopped', ended_at = now()")
    tenant.send("PUT", "endpoint", {"url": URL + "/new"})
    assert webhook_lab.delivery(task_id)["url"] == URL
    tenant.send("POST", f"deliveries/{shown_id(webhook_lab, task_id)}/resend")
    assert webhook_lab.delivery(task_id)["url"] == URL + "/new"


def test_another_accounts_delivery_is_not_found(
    tenant: Tenant, stranger: Tenant, webhook_lab: WebhookLab
) -> None:
    task_id = webhook_lab.end_task(stranger.id, URL)
    before = webhook_lab.delivery(task_id)
    delivery_id = shown_id(webhook_lab, task_id)
    for method, path in [("GET", f"deliveries/{delivery_id}"), ("POST", f"deliveries/{delivery_id}/resend")]:
        answer = tenant.send(method, path)
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "not_found"
    assert tenant.send("GET", "deliveries").json()["data"] == []
    assert tenant.send("GET", "deliveries", task=task_id).json()["data"] == []
    assert webhook_lab.delivery(task_id) == before


@pytest.mark.parametrize(
    "delivery_id", ["x", "dlv_", "dlv_" + "g" * 32, "dlv_" + "0" * 32, "%00", "d" * 5000]
)
def test_an_id_that_is_none_is_a_404(tenant: Tenant, delivery_id: str) -> None:
    assert tenant.send("GET", f"deliveries/{delivery_id}").status_code == 404
    assert tenant.send("POST", f"deliveries/{delivery_id}/resend").status_code == 404


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        ("owner", 200),
        ("admin", 200),
        ("developer", 200),
        ("viewer", 403),
        ("nobody", 401),
        ("other scope", 403),
    ],
)
@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_everybody_gets_what_they_may(
    tenant: Tenant, webhook_lab: WebhookLab, caller: str, status: int, method: str, address: str
) -> None:
    path = address.format(id=shown_id(webhook_lab, webhook_lab.end_task(tenant.id, URL)))
    client, headers = Client(), {}
    if caller == "other scope":
        _, key = lifecycle.issue_key(tenant.account, "narrow", endpoints=["usage"])
        headers = {"Authorization": f"Bearer {key}"}
    elif caller != "nobody":
        client.force_login(add_member(tenant.account, f"{caller}@people.test", caller).user)
    answer = client.generic(
        method,
        "/api/v1/callbacks/" + path,
        json.dumps(BODIES.get((method, address), {})) if method in ("PUT", "POST") else "",
        content_type="application/json",
        headers=headers,
    )
    assert (answer.status_code if answer.status_code >= 400 else 200) == status
    assert tenant.secret not in answer.content.decode() or status == 200

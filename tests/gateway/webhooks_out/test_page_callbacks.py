"""The page of callbacks: the endpoint, the secret and its rotation, and what became of every event."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import AuditEntry
from accounts.page_context import VIEW_AS_SESSION_KEY
from accounts.view_as import STARTED_SESSION_KEY
from gateway.webhooks_out import endpoints, signing_secrets
from tests.gateway.team import Team
from tests.gateway.team import new_team as new_team
from tests.gateway.team import team as team


def delivery_of(team: Team, state: str = "failed") -> str:
    delivery = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_callback_delivery (account_id, id, event_id, task_id, type, target, url, state,"
            " attempts, due_at, event_at, created_at, ended_at) VALUES (%s, %s, %s, 'n1a_suno', 'task.failed', 'task',"
            " 'https://lab.test/hook', %s, 1, now(), now(), now(), CASE WHEN %s = 'pending' THEN NULL ELSE now() END)",
            [team.account.pk, delivery, uuid4(), state, state],
        )
        cursor.execute(
            "INSERT INTO gateway_callback_attempt (account_id, delivery_id, number, url, started_at, duration_ms,"
            " status, error, response) VALUES (%s, %s, 1, 'https://lab.test/hook', now(), 12, 500, NULL, '<b>no</b>')",
            [team.account.pk, delivery],
        )
    return f"dlv_{delivery.hex}"


def post(team: Team, path: str, **body: str) -> Any:
    return team.clients["developer"].post(path, body)


def test_an_endpoint_is_set_removed_and_written_down(team: Team) -> None:
    post(team, "/callbacks/endpoint", url="https://lab.test/hook")
    endpoint = endpoints.endpoint_of(team.account.pk)
    assert endpoint is not None
    assert endpoint.url == "https://lab.test/hook"
    assert "https://lab.test/hook" in team.get("/callbacks", role="owner").content.decode()
    post(team, "/callbacks/endpoint", url="")
    assert endpoints.endpoint_of(team.account.pk) is None
    assert [entry.after for entry in AuditEntry.objects.order_by("id")] == [
        {"url": "https://lab.test/hook"},
        {"url": None},
    ]


@pytest.mark.parametrize(
    "url", ["lab", "ftp://lab.test", "http://192.168.0.1/", "https://user:pass@lab.test/"]
)
def test_an_endpoint_that_cannot_be_says_why_at_its_field(url: str, team: Team) -> None:
    answer = post(team, "/callbacks/endpoint", url=url)
    assert answer.status_code == 400
    assert 'id="endpoint-problem"' in answer.content.decode()
    assert endpoints.endpoint_of(team.account.pk) is None
    assert not AuditEntry.objects.exists()


def test_the_secret_is_rotated_with_the_overlap_that_was_chosen(team: Team) -> None:
    before = signing_secrets.secrets_of(team.account.pk).secret
    shown = team.get("/callbacks", role="developer")
    assert before in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    post(team, "/callbacks/secret", overlap_s="3600")
    after = signing_secrets.secrets_of(team.account.pk)
    assert after.secret != before
    assert len(after.ending_at) == 1
    assert [entry.action for entry in AuditEntry.objects.all()] == ["callbacks.secret"]
    assert post(team, "/callbacks/secret", overlap_s="5").status_code == 400


def test_a_fifth_rotation_within_a_day_says_so(team: Team) -> None:
    for _ in range(5):
        post(team, "/callbacks/secret", overlap_s="86400")
    shown = team.clients["developer"].post("/callbacks/secret", {"overlap_s": "86400"}, follow=True)
    assert "rotated 4 times within a day" in shown.content.decode()


def test_deliveries_are_filtered_and_shown_with_their_attempts(team: Team) -> None:
    failed, waiting = delivery_of(team), delivery_of(team, "pending")
    rows = team.get("/callbacks?status=failed", role="owner").context["deliveries"]
    assert [row["id"] for row in rows] == [failed]
    assert {row["id"] for row in team.get("/callbacks", role="owner").context["deliveries"]} == {
        failed,
        waiting,
    }
    page = team.get(f"/callbacks/deliveries/{failed}", role="owner").content.decode()
    assert "500" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page


def test_an_event_is_sent_again(team: Team) -> None:
    failed = delivery_of(team)
    assert (
        team.post(f"/callbacks/deliveries/{failed}/resend")["Location"] == f"/callbacks/deliveries/{failed}"
    )
    [row] = team.get("/callbacks", role="owner").context["deliveries"]
    assert row["status"] == "pending"


@pytest.mark.parametrize("after", ["x", "²", "eA"])
def test_a_place_that_is_none_is_a_400(after: str, team: Team) -> None:
    assert team.clients["owner"].get("/callbacks", {"after": after}).status_code == 400


def test_another_accounts_delivery_is_not_found(team: Team, new_team: Callable[[], Team]) -> None:
    failed, other = delivery_of(team), new_team()
    assert other.get(f"/callbacks/deliveries/{failed}", role="owner").status_code == 404
    assert other.post(f"/callbacks/deliveries/{failed}/resend").status_code == 404


def test_staff_who_look_as_members_do_see_no_secret(team: Team, admin_client: Any) -> None:
    secret = signing_secrets.secrets_of(team.account.pk).secret
    session = admin_client.session
    session[VIEW_AS_SESSION_KEY] = team.account.public_id
    session[STARTED_SESSION_KEY] = int(time.time())
    session.save()
    shown = admin_client.get("/callbacks")
    assert shown.status_code == 200
    assert secret not in shown.content.decode()

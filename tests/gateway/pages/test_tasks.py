"""The pages of tasks: whose they are, what they show at each step of a task's life, and what may be done with them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Membership
from aio_platform.http.request_ids import public_request_id
from tests.gateway.team import ROLES, Team


def text_of(response: Any) -> str:
    return str(response.content.decode())


ADDRESSES = ["", "/panel", "/state", "/callbacks", "/results/1"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_another_accounts_task_is_no_task(address: str, team: Team, new_team: Callable[[], Team]) -> None:
    task_id = team.task("succeeded")
    assert new_team().get(f"/tasks/{task_id}{address}", role="owner").status_code == 404


@pytest.mark.parametrize("address", ["", *ADDRESSES])
def test_nobody_signed_in_is_sent_to_sign_in(address: str, team: Team) -> None:
    answer = Client().get(f"/tasks/{team.task('succeeded')}{address}")
    assert answer.status_code == 302
    assert "/auth/login/" in answer["Location"]


@pytest.mark.parametrize("task_id", ["x", "n1abc_flux2", "n1" + "a" * 300, "%00", "n1x_"])
def test_an_id_that_is_none_is_a_404(task_id: str, team: Team) -> None:
    assert team.get(f"/tasks/{task_id}").status_code == 404
    assert team.post(f"/tasks/{task_id}/cancel").status_code == 404


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999"])
def test_a_result_that_a_task_has_not_is_a_404(number: str, team: Team) -> None:
    assert team.get(f"/tasks/{team.task('succeeded')}/results/{number}").status_code == 404


def test_the_list_shows_what_is_held_and_what_was_charged(team: Team) -> None:
    team.task("running")
    done = team.task("succeeded")
    page = text_of(team.get("/tasks"))
    assert page.count("<tr>") == 3
    assert "2.5 " in page
    assert ">5<" in page
    assert f'src="/tasks/{done}/results/1"' in page
    assert "a &lt;cat&gt; &amp; 고양이" in page


def test_the_list_asks_again_only_while_a_task_lives(team: Team) -> None:
    team.task("succeeded")
    assert "hx-trigger" not in text_of(team.get("/tasks"))
    team.task("held")
    assert 'hx-get="/tasks" hx-trigger="every 3s"' in text_of(team.get("/tasks"))


def test_htmx_is_given_the_rows_alone(team: Team) -> None:
    team.task("held")
    rows = text_of(
        team.get("/tasks?status=IN_PROGRESS&after=", **{"HX-Request": "true", "HX-Target": "task-rows"})
    )
    assert rows.strip().startswith("<tbody")
    assert "<html" not in rows


def test_the_list_is_narrowed_and_paged_by_its_address(team: Team) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(27):
        team.task("succeeded", created_at=start + timedelta(minutes=number))
    other = team.task("failed", endpoint="music_task", model="suno")

    first = team.get("/tasks?endpoint=image_task&status=SUCCESS&model=&since=")
    assert len(first.context["page"].tasks) == 25
    second = team.get("/tasks?" + first.context["older_query"])
    assert "endpoint=image_task" in first.context["older_query"]
    assert len(second.context["page"].tasks) == 2
    shown = {task.id for answer in (first, second) for task in answer.context["page"].tasks}
    assert len(shown) == 27
    assert [task.id for task in team.get("/tasks?model=suno").context["page"].tasks] == [other]
    assert len(team.get("/tasks?until=2026-03-02").context["page"].tasks) == 25
    assert team.get("/tasks?status=IN_PROGRESS").context["page"].tasks == []


@pytest.mark.parametrize(
    "query",
    [
        "status=DONE",
        "endpoint=chat",
        "since=x",
        "after=nonsense",
        "no=1",
        "since=2026-03-02&until=2026-03-01",
    ],
)
def test_a_query_that_means_nothing_is_a_400_that_names_it(query: str, team: Team) -> None:
    answer = team.get(f"/tasks?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in text_of(answer)


def test_a_task_shows_its_life_so_far(team: Team) -> None:
    names = {
        "held": ["Held"],
        "submitting": ["Held", "Submitted"],
        "running": ["Held", "Submitted", "Generating"],
    }
    for state, expected in names.items():
        answer = team.get(f"/tasks/{team.task(state)}")
        timeline = answer.context["timeline"]
        assert [str(stretch.name) for stretch in timeline.stretches] == expected
        assert sum(stretch.width for stretch in timeline.stretches) == pytest.approx(100, abs=0.01)
        assert "2.5 credits" in text_of(answer)


def test_an_ended_task_shows_how_long_each_part_took(team: Team) -> None:
    answer = team.get(f"/tasks/{team.task('succeeded')}")
    assert [stretch.duration_ms for stretch in answer.context["timeline"].stretches] == [1000, 1000, 4000]
    assert answer.context["timeline"].total_ms == 6000
    page = text_of(answer)
    assert "5 credits" in page
    assert "hx-trigger" not in page.partition('id="task-callbacks"')[0]


@pytest.mark.parametrize(
    ("endpoint", "tag"),
    [("image_task", "<img"), ("video_task", "<video"), ("music_task", "<audio"), ("speech_task", "<audio")],
)
def test_results_are_shown_from_our_own_address(endpoint: str, tag: str, team: Team) -> None:
    task_id = team.task(
        "succeeded", endpoint=endpoint, results=["https://cdn.example/1", "https://cdn.example/2"]
    )
    page = text_of(team.get(f"/tasks/{task_id}"))
    assert len(re.findall(tag + " [^>]*data-result>", page)) == 2
    assert f"/tasks/{task_id}/results/2" in page
    assert "cdn.example" not in page


def test_a_failed_task_says_why_and_that_nothing_was_charged(team: Team) -> None:
    page = text_of(team.get(f"/tasks/{team.task('failed')}"))
    assert "The provider failed." in page
    assert "credits were released" in page
    assert "0 credits" in page


def test_the_receipt_and_what_was_sent_are_there(team: Team) -> None:
    task_id = team.task("succeeded", request={"model": "flux-2", "prompt": "a", "n_of": [1, 2], "x": True})
    page = text_of(team.get(f"/tasks/{task_id}"))
    assert public_request_id(team.request_uuids[task_id]) in page
    assert "[1, 2]" in page
    assert "true" in page


@pytest.mark.parametrize("role", ROLES)
def test_who_may_cancel(role: str, team: Team) -> None:
    task_id = team.task("running")
    offered = "Cancel this task?" in text_of(team.get(f"/tasks/{task_id}", role))
    answer = team.post(f"/tasks/{task_id}/cancel", role)
    assert offered == (role != "viewer")
    assert (answer.status_code, team.state_of(task_id)) == (
        (403, "running") if role == "viewer" else (302, "cancelled")
    )


def test_cancelling_releases_what_is_held(team: Team) -> None:
    task_id = team.task("running")
    dialog = text_of(team.get(f"/tasks/{task_id}", "developer"))
    assert "The 2.5 credits that it holds are released" in dialog
    part = team.post(f"/tasks/{task_id}/cancel", **{"HX-Request": "true"})
    assert part.status_code == 200
    assert "Cancelled" in text_of(part)
    assert "hx-trigger" not in text_of(part)
    with connection.cursor() as cursor:
        cursor.execute("SELECT held_microcredits FROM usage_balance WHERE account_id = %s", [team.account.pk])
        assert cursor.fetchone()[0] == 0


def test_cancelling_what_has_ended_is_a_409_that_says_so(team: Team) -> None:
    task_id = team.task("running")
    team.post(f"/tasks/{task_id}/cancel")
    answer = team.post(f"/tasks/{task_id}/cancel")
    assert answer.status_code == 409
    assert "cancelled already" in text_of(answer)


def test_another_accounts_task_is_not_cancelled(team: Team, new_team: Callable[[], Team]) -> None:
    task_id = team.task("running")
    assert new_team().post(f"/tasks/{task_id}/cancel", "owner").status_code == 404
    assert team.state_of(task_id) == "running"


@pytest.mark.parametrize("path", ["cancel", "callbacks/dlv_" + "0" * 32 + "/resend"])
def test_changes_are_posts_with_a_token(path: str, team: Team) -> None:
    task_id = team.task("running")
    assert team.get(f"/tasks/{task_id}/{path}", "owner").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(Membership.objects.get(account=team.account, role="owner").user)
    assert strict.post(f"/tasks/{task_id}/{path}").status_code == 403


def test_callbacks_are_shown_and_sent_again_by_who_may(team: Team, new_team: Callable[[], Team]) -> None:
    task_id = team.task("succeeded", callback_url="https://hooks.example/in")
    delivery_id = team.delivery_id(task_id)
    address = f"/tasks/{task_id}/callbacks/{delivery_id}/resend"
    page = text_of(team.get(f"/tasks/{task_id}"))
    assert "https://hooks.example/in" in page
    assert "Send again" not in page, "a viewer sees, and changes nothing"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE gateway_callback_delivery SET state = 'failed', ended_at = now(), tries = 9")
    assert team.post(address, "viewer").status_code == 403
    assert new_team().post(address, "owner").status_code == 404
    assert team.post(f"/tasks/{team.task()}/callbacks/{delivery_id}/resend").status_code == 404

    assert team.post(address).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, tries FROM gateway_callback_delivery")
        assert cursor.fetchone() == ("pending", 0)
    part = text_of(team.post(address, **{"HX-Request": "true"}))
    assert part.strip().startswith("<section")


def test_a_task_whose_bodies_were_deleted_says_so(team: Team) -> None:
    task_id = team.task("succeeded")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_task SET request = '{}', results = '[]', bodies_deleted_at = now() WHERE id = %s",
            [task_id],
        )
    page = text_of(team.get(f"/tasks/{task_id}"))
    assert "was deleted at" in page
    assert task_id in page
    assert team.get(f"/tasks/{task_id}/results/1").status_code == 404


def test_until_when_our_copies_are_kept_is_said(team: Team) -> None:
    task_id = team.task("succeeded")
    assert "provider, who may remove them" in text_of(team.get(f"/tasks/{task_id}"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_result (id, account_id, task_id, storage_name, file_name, content_type, size_bytes,"
            " expires_at) VALUES (gen_random_uuid(), %s, %s, 's', 'f', 'image/png', 1, '2030-01-02T03:04:05Z')",
            [team.account.pk, task_id],
        )
    assert "2030-01-02 03:04:05" in text_of(team.get(f"/tasks/{task_id}"))

"""Tasks that do not get on are named with why, and those that do are not."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from aio_platform.errors import InvalidRequest
from gateway.staff.stuck_report import stuck_tasks
from tests.gateway.staff.staff_world import World, make_world
from usage.queries.filters import CallFilter
from usage.reports import REPORTS, ReportQuery


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def a_task(
    world: World, name: str, *, made_s_ago: int = 10, left_s: int = 3600, errors: int = 0, due_in_s: int = 5
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_task (account_id, id, request_uuid, endpoint, model, route, adapter, upstream,"
            " rate_id, request, parameters, units, marker, state, created_at, deadline_at)"
            " VALUES (%s, %s, %s, 'music_task', 'suno', 'music_task/suno@first', 'kie_suno', 'first', 1, '{}', '{}',"
            " '{}', 'm', 'held', now() - make_interval(secs => %s), now() + make_interval(secs => %s))",
            [world.account.pk, name, uuid4(), made_s_ago, left_s],
        )
        cursor.execute(
            "INSERT INTO gateway_task_due (account_id, task_id, upstream, due_at, deadline_at, errors)"
            " VALUES (%s, %s, 'first', now() + make_interval(secs => %s), now(), %s)",
            [world.account.pk, name, due_in_s, errors],
        )


def why(query: ReportQuery | None = None) -> dict[str, Any]:
    return {row["task"]: row["why"] for row in stuck_tasks(query or ReportQuery()).rows}


def test_each_stuck_task_says_why_and_the_nearest_to_its_deadline_is_first(world: World) -> None:
    a_task(world, "fine")
    a_task(world, "slow", made_s_ago=3000, left_s=600)
    a_task(world, "unseen", due_in_s=-120)
    a_task(world, "in vain", errors=3)
    a_task(world, "late", left_s=-5)
    assert list(why().items()) == [
        ("late", "past its deadline"),
        ("slow", "slow"),
        ("in vain", "asked in vain"),
        ("unseen", "nobody looks"),
    ]
    report = stuck_tasks(ReportQuery(limit=1))
    assert (len(report.rows), report.is_cut) == (1, True)
    assert report.totals is not None
    assert report.totals["steps_in_vain"] == 3
    assert 3000 <= report.totals["age_s"] < 4000


def test_filters_are_kept_and_those_that_mean_nothing_here_are_refused(world: World) -> None:
    a_task(world, "late", left_s=-5)
    for which in (CallFilter(world.account.pk, upstream="first"), CallFilter(None, model="suno")):
        assert list(why(ReportQuery(which))) == ["late"]
    for which in (CallFilter(world.account.pk + 1), CallFilter(None, upstream="second")):
        assert why(ReportQuery(which)) == {}
    with pytest.raises(InvalidRequest) as raised:
        stuck_tasks(ReportQuery(CallFilter(None, outcome="failed")))
    assert raised.value.param == "outcome"


def test_it_is_among_the_reports() -> None:
    assert REPORTS["stuck_tasks"].make is stuck_tasks

"""Levers of staff on the catalog: each change is a version that every process takes up and that exports whole."""

import json
import threading
import tomllib
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from aio_platform.errors import InvalidRequest, NotFound
from gateway.catalog import edits, feed
from gateway.catalog.edits import ChangeRefused
from gateway.catalog.routes import Catalog, ModelPaused
from gateway.catalog.store import RoutesInUse
from gateway.models import CatalogVersion
from tests.gateway.catalog.small_catalog import small_catalog
from usage.ledger import rate_card

TOML = "# A comment of its operator's.\n" + small_catalog(
    "changes-test", second_url="env:TEST_CATALOG_URL", aliases='aliases = ["tiny"]\n'
)
TASK_TOML = """
[rates.task-test]
calls = { credits = "1" }

[[models]]
slug = "suno"
owned_by = "suno"
created = 2026-01-01

[[routes]]
endpoint = "music_task"
model = "suno"
upstream = "first"
adapter = "kie_suno"
rate = "task-test"
default = true
"""
FIRST = "chat/small@first"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None) -> Path:
    monkeypatch.setenv("TEST_CATALOG_URL", "http://127.0.0.1:9001")
    file = tmp_path / "my.toml"
    file.write_text(TOML)
    load(file)
    return file


def load(file: Path, *options: str) -> bool:
    out = StringIO()
    call_command("load_catalog", str(file), "--json", *options, stdout=out)
    return bool(json.loads(out.getvalue())["changed"])


def current() -> Catalog:
    return feed.load_current()


def route_names(model: str | None = "small") -> list[str]:
    return [route.name for route in current().routes_for("chat", model)]


def a_live_task(route: str = "music_task/suno@first") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_task (account_id, id, request_uuid, endpoint, model, route, adapter, upstream,"
            " rate_id, request, parameters, units, marker, state, created_at, deadline_at)"
            " VALUES (1, '1', %s, 'music_task', 'suno', %s, 'kie_suno', 'first', 1, '{}', '{}', '{}', 'm',"
            " 'held', now(), now() + interval '1 hour')",
            [uuid4(), route],
        )


def test_a_draining_upstream_gets_no_new_calls_while_others_serve(file: Path) -> None:
    changed = edits.set_draining("first", True, by="staff@aio.test")
    assert (changed.before, changed.after) == ({"draining": False}, {"draining": True})
    assert route_names() == route_names("tiny") == route_names(None) == ["spare"]
    edits.set_draining("first", False, by="staff@aio.test")
    assert route_names() == [FIRST, "spare"]


def test_draining_keeps_an_upstreams_connections(file: Path) -> None:
    before = current().all_routes()[0].upstream
    edits.set_draining("first", True, by="staff@aio.test")
    drains = current().all_routes()[0].upstream
    assert drains.draining
    assert (drains, hash(drains)) == (before, hash(before))


def test_an_upstreams_several_keys_stay_as_they_were_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TEST_EDIT_KEY_A", "TEST_EDIT_KEY_B"):
        monkeypatch.setenv(name, f"sk-{name}")
    keys = ["env:TEST_EDIT_KEY_A", "env:TEST_EDIT_KEY_B"]
    file.write_text(TOML.replace("[upstreams.first]", f"[upstreams.first]\napi_key = {json.dumps(keys)}", 1))
    load(file)
    edits.set_draining("first", True, by="a test")
    text = edits.export_text()
    assert tomllib.loads(text)["upstreams"]["first"]["api_key"] == keys
    assert "sk-" not in text


def test_with_every_route_off_the_model_is_paused_and_not_unknown(file: Path) -> None:
    edits.set_draining("first", True, by="staff@aio.test")
    edits.set_route("spare", enabled=False, priority=1, weight=None, by="staff@aio.test")
    for model in ("small", "tiny", None):
        with pytest.raises(ModelPaused) as raised:
            current().routes_for("chat", model)
        assert (raised.value.status, raised.value.retry_after_s) == (503, 60)
    assert [route.name for route in current().all_routes()] == [FIRST, "spare"]


def test_failover_order_is_the_priority(file: Path) -> None:
    edits.set_route("spare", enabled=True, priority=0, weight=None, by="staff@aio.test")
    edits.set_route(FIRST, enabled=True, priority=7, weight=None, by="staff@aio.test")
    assert route_names() == ["spare", FIRST]


def test_weights_share_out_calls_among_routes_of_one_priority(file: Path) -> None:
    edits.set_route(FIRST, enabled=True, priority=1, weight=3, by="staff@aio.test")
    catalog = current()
    draws = [catalog.routes_for("chat", "tiny") for _ in range(4000)]
    assert {len(routes) for routes in draws} == {2}
    share = sum(routes[0].name == FIRST for routes in draws) / len(draws)
    assert 0.70 < share < 0.80  # three to one; seven standard deviations wide


def test_a_new_price_is_a_published_version_and_the_old_one_stays(file: Path) -> None:
    before = current().routes_for("chat", "small")[0].rate
    changed = edits.publish_rate(
        "changes-test", {"tokens_in": {"credits": "0.75", "per": 1000}}, by="staff@aio.test"
    )
    after = current().routes_for("chat", "small")[0].rate
    assert (after.version, after.prices[0].microcredits) == (before.version + 1, 750_000)
    assert rate_card.find(before.id) == before
    assert changed.before["prices"]["tokens_in"] == {"credits": "0.5", "per": 1000}


def test_nothing_changed_makes_no_version(file: Path) -> None:
    version = current().version
    assert edits.set_draining("first", False, by="staff@aio.test").version == version
    assert CatalogVersion.objects.count() == 1


@pytest.mark.parametrize("name", ["", "third", "first\x00", "x" * 5000])
def test_what_is_not_there_is_not_found(file: Path, name: str) -> None:
    with pytest.raises(NotFound):
        edits.set_draining(name, True, by="staff@aio.test")
    with pytest.raises(NotFound):
        edits.set_route(name, enabled=True, priority=0, weight=None, by="staff@aio.test")
    with pytest.raises(NotFound):
        edits.publish_rate(name, {"calls": {"credits": "1"}}, by="staff@aio.test")


@pytest.mark.parametrize(
    ("prices", "param"),
    [
        ({"tokens_in": {"credits": "-1"}}, "tokens_in"),
        ({"tokens_in": {"credits": "NaN"}}, "tokens_in"),
        ({"tokens_in": {"credits": "1", "per": 0}}, "tokens_in"),
        ({"parsecs": {"credits": "1"}}, "parsecs"),
        ({}, "prices"),
    ],
)
def test_a_bad_price_is_refused_by_the_name_of_its_unit(file: Path, prices: dict, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        edits.publish_rate("changes-test", prices, by="staff@aio.test")
    assert raised.value.param == param
    assert CatalogVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("priority", "weight", "param"), [(-1, None, "priority"), (10**7, 1, "priority"), (0, 0, "weight")]
)
def test_a_bad_place_is_refused_by_its_name(file: Path, priority: int, weight: int, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        edits.set_route("spare", enabled=True, priority=priority, weight=weight, by="s@aio.test")
    assert raised.value.param == param


def test_a_change_that_would_break_the_catalog_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_CATALOG_URL")
    with pytest.raises(ChangeRefused, match="TEST_CATALOG_URL is not set"):
        edits.set_draining("first", True, by="staff@aio.test")
    assert CatalogVersion.objects.count() == 1


def test_an_export_loads_into_the_same_state(file: Path, tmp_path: Path) -> None:
    edits.set_draining("first", True, by="staff@aio.test")
    edits.set_route("spare", enabled=True, priority=3, weight=9, by="staff@aio.test")
    edits.publish_rate("changes-test", {"tokens_in": {"credits": "0.125", "per": 3}}, by="staff@aio.test")
    exported = tmp_path / "exported.toml"
    call_command("export_catalog", str(exported))
    before = current()
    load(file)  # away from it, and back
    assert current().all_routes() != before.all_routes()
    load(exported)
    after = current()
    assert [(r.name, r.takes_calls, r.priority, r.weight, r.rate.prices) for r in after.all_routes()] == [
        (r.name, r.takes_calls, r.priority, r.weight, r.rate.prices) for r in before.all_routes()
    ]
    assert after.models() == before.models()
    again = StringIO()
    call_command("export_catalog", stdout=again)
    assert again.getvalue() == exported.read_text()


def test_starting_again_with_the_same_file_keeps_what_staff_changed(file: Path) -> None:
    edits.set_draining("first", True, by="staff@aio.test")
    assert not load(file, "--if-changed")
    assert route_names() == ["spare"]
    file.write_text(TOML + "# edited\n")
    assert load(file, "--if-changed")
    assert route_names() == [FIRST, "spare"]


def test_loading_a_file_by_hand_puts_it_in_force_whatever_staff_changed(file: Path) -> None:
    edits.set_draining("first", True, by="staff@aio.test")
    assert load(file)
    assert route_names() == [FIRST, "spare"]


def test_a_route_with_tasks_under_way_cannot_be_removed(file: Path) -> None:
    file.write_text(TOML + TASK_TOML)
    load(file)
    a_live_task()
    file.write_text(TOML)
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("load_catalog", str(file), stderr=err)
    assert "music_task/suno@first (upstream first): 1 task. Keep such a route" in err.getvalue()
    with pytest.raises(RoutesInUse):
        edits.load_text(TOML, by="staff@aio.test")
    file.write_text(TOML + TASK_TOML + "enabled = false\n")
    assert load(file)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM gateway_task")
    file.write_text(TOML)
    assert load(file)


def test_a_route_with_tasks_under_way_cannot_be_sent_elsewhere(file: Path) -> None:
    file.write_text(TOML + TASK_TOML)
    load(file)
    a_live_task()
    named = TASK_TOML.replace('"first"', '"second"') + 'name = "music_task/suno@first"\n'
    with pytest.raises(RoutesInUse):
        edits.load_text(TOML + named, by="staff@aio.test")


@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_time_all_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_CATALOG_URL", "http://127.0.0.1:9001")
    file = tmp_path / "my.toml"
    file.write_text(TOML)
    load(file)

    def change(work: str) -> None:
        try:
            if work == "drain":
                edits.set_draining("second", True, by="a@aio.test")
            else:
                edits.set_route(FIRST, enabled=True, priority=int(work), weight=2, by="b@aio.test")
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=[work]) for work in ("drain", "5", "5")]
    with transaction.atomic():
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    catalog = current()
    assert [(r.name, r.priority, r.takes_calls) for r in catalog.all_routes()] == [
        ("spare", 1, False),
        (FIRST, 5, True),
    ]
    CatalogVersion.objects.all().delete()

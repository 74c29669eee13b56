"""What staff do through the site happens, once, and is on the record in the same commit."""

import re
import time
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.cache import cache
from django.db import Error, connection
from django.db.models import QuerySet
from django.test import Client, RequestFactory
from rest_framework.request import Request
from structlog.testing import capture_logs

from accounts import actions, view_as
from accounts.authentication import MemberSessionAuthentication
from accounts.keys import lifecycle
from accounts.models import Account, ApiKey, AuditEntry, Membership, Plan, User
from accounts.staff.audited_admin import described
from gateway.catalog import edits
from gateway.catalog.feed import load_current
from gateway.metrics import KEY_LIMITED_UNTIL, KEY_REFUSED
from gateway.models import CatalogVersion
from tests.gateway.staff.staff_world import TOML, WHY_IT_FAILED, World, make_world
from usage.ledger import grants
from usage.models import Balance, Grant


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return make_world()


@pytest.fixture
def staff(db: None) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(User.objects.create_user("root@staff.test", is_staff=True, is_superuser=True))
    return client


def do(staff: Client, world: World, name: str, **form: str) -> Any:
    return staff.post(world.address(name), world.form(name) | form)


def records() -> QuerySet[AuditEntry]:
    """What staff did; members' and operators' own actions are in the same table."""
    return AuditEntry.objects.filter(actor_kind="staff")


def record() -> AuditEntry:
    return records().latest("id")


def said(answer: Any, staff: Client) -> str:
    return staff.get(answer["Location"]).content.decode()


def test_a_grant_is_spendable_at_once_and_recorded_with_who_why_and_from_where(
    world: World, staff: Client
) -> None:
    do(staff, world, "account-grant", amount="2.5", reason="an apology", expires="2190-01-31T12:00")
    given = Grant.objects.get(account_id=world.account.pk, reason="an apology")
    assert given.amount_microcredits == 2_500_000
    assert given.expires_at is not None
    assert given.expires_at.isoformat() == "2190-01-31T12:00:00+00:00"
    assert given.actor == "staff root@staff.test"
    assert Balance.objects.get(pk=world.account.pk).available_microcredits == 12_500_000
    row = record()
    assert (row.action, row.actor_label, row.address) == ("account.grant", "root@staff.test", "192.0.2.7")
    assert (row.before["available"], row.after["available"]) == ("10", "12.5")
    assert (row.account_id, row.target_id) == (world.account.pk, world.account.public_id)
    assert row.request_id.startswith("req_")


def test_a_form_that_is_sent_twice_grants_once(world: World, staff: Client) -> None:
    once = uuid4().hex
    for _ in range(2):
        do(staff, world, "account-grant", once=once)
    assert Balance.objects.get(pk=world.account.pk).available_microcredits == 12_500_000
    assert records().count() == 1


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"amount": "-1"}, "more than 0"),
        ({"amount": "0"}, "more than 0"),
        ({"amount": "NaN"}, "Amount"),
        ({"amount": "1e400"}, "Amount"),
        ({"amount": "0.0000001"}, "Amount"),
        ({"amount": "999999999999"}, ""),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"expires": "yesterday"}, "Expires"),
        ({"expires": "2001-01-01T00:00"}, ""),
        ({"expires": "2026-13-01T00:00"}, "Expires"),
        ({"once": ""}, "not whole"),
    ],
)
def test_a_bad_grant_gives_nothing_and_says_why(
    world: World, staff: Client, form: dict[str, str], message: str
) -> None:
    answer = do(staff, world, "account-grant", **form)
    assert answer.status_code == 302
    if form.get("amount") != "999999999999":
        assert Balance.objects.get(pk=world.account.pk).available_microcredits == 10_000_000
        assert not records().exists()
    assert message in said(answer, staff)


def test_a_grant_with_a_null_character_is_malformed_and_gives_nothing(world: World, staff: Client) -> None:
    assert do(staff, world, "account-grant", reason="a\x00b").status_code == 400
    assert Balance.objects.get(pk=world.account.pk).available_microcredits == 10_000_000
    assert not records().exists()


def test_suspending_and_reactivating_are_recorded_with_what_was(world: World, staff: Client) -> None:
    do(staff, world, "account-suspend")
    assert Account.objects.get(pk=world.account.pk).status == "suspended"
    assert (record().before, record().after) == ({"status": "active"}, {"status": "suspended"})
    do(staff, world, "account-reactivate")
    assert Account.objects.get(pk=world.account.pk).status == "active"
    assert record().action == "account.reactivate"


def test_a_plan_that_there_is_not_changes_nothing(world: World, staff: Client) -> None:
    do(staff, world, "account-plan")
    assert (record().before, record().after) == ({"plan": "standard"}, {"plan": "scale"})
    answer = do(staff, world, "account-plan", plan="gold")
    assert "There is no plan" in said(answer, staff)
    assert Account.objects.get(pk=world.account.pk).plan_id == "scale"


def test_revoking_a_key_ends_it_and_says_which(world: World, staff: Client) -> None:
    do(staff, world, "key-revoke")
    assert ApiKey.objects.get(pk=world.key.pk).revoked_at is not None
    assert (record().action, record().after) == ("key.revoke", {"state": "revoked"})
    assert world.key.prefix in record().target_label


def test_a_pasted_key_is_found_by_its_digest_and_left_nowhere(world: World, staff: Client) -> None:
    with capture_logs() as logs:
        answer = staff.post("/staff/keys/", {"key": f" {world.key_text} "})
        assert answer["Location"] == f"/staff/keys/{world.key.public_id}/"
        page = staff.get(answer["Location"])
        wrong = world.key_text[:-1] + ("a" if world.key_text[-1] != "a" else "b")
        refused = staff.post("/staff/keys/", {"key": wrong})
    for answer in (page, refused, staff.get("/staff/keys/"), staff.get("/staff/audit/")):
        assert world.key_text not in answer.content.decode()
        assert wrong not in answer.content.decode()
    assert world.key_text not in str(logs)
    assert not records().exists()


@pytest.mark.parametrize("address", ["/staff/keys/?prefix={}", "/staff/accounts/?q={}"])
def test_a_key_pasted_into_an_address_is_not_looked_for_nor_kept_there(
    world: World, staff: Client, address: str
) -> None:
    answer = staff.get(address.format(world.key_text))
    assert (answer.status_code, answer["Location"]) == (302, "/staff/keys/")
    assert world.key_text not in said(answer, staff)


def test_an_account_is_found_by_name_id_member_and_key_prefix(world: World, staff: Client) -> None:
    actions.create_account("Somebody else", "standard", "owner@else.test")
    for text in ("ada", world.account.public_id, "Owner@Lab.test", world.key.prefix):
        page = staff.get("/staff/accounts/", {"q": text}).content.decode()
        assert world.account.public_id in page, text
        assert "Somebody else" not in page


def test_the_page_of_upstreams_shows_each_key_by_its_name_with_its_state(
    world: World, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {f"PAGE_KEY_{name}": f"sk-page-{name}" for name in "ABC"}
    for name, secret in secrets.items():
        monkeypatch.setenv(name, secret)
    references = ", ".join(f'"env:{name}"' for name in secrets)
    text = TOML.replace("[upstreams.first]", f"[upstreams.first]\napi_key = [{references}]", 1)
    edits.load_text(text, by="a test")
    KEY_REFUSED.labels("first", "PAGE_KEY_A").inc()
    KEY_LIMITED_UNTIL.labels("first", "PAGE_KEY_B").set(time.time() + 20)
    page = re.sub(r"<[^>]+>", " ", staff.get("/staff/upstreams/").content.decode())
    KEY_REFUSED.labels("first", "PAGE_KEY_A").dec()
    KEY_LIMITED_UNTIL.labels("first", "PAGE_KEY_B").set(0)
    assert re.search(r"1\.\s+PAGE_KEY_A\s+refused", page)
    assert re.search(r"2\.\s+PAGE_KEY_B\s+limited, rests (20|19) s", page)
    assert re.search(r"3\.\s+PAGE_KEY_C\s+in use", page)
    export = staff.get(f"/staff/catalog/{CatalogVersion.objects.latest('version').pk}.toml").content.decode()
    assert "env:PAGE_KEY_A" in export
    assert not any(secret in page + export for secret in secrets.values())


def test_upstreams_routes_and_rates_change_in_the_catalog_and_on_the_record(
    world: World, staff: Client
) -> None:
    do(staff, world, "upstream-drain")
    assert [route.name for route in load_current().routes_for("chat", None)] == ["spare"]
    assert (record().action, record().target_id, record().before) == (
        "upstream.drain",
        "first",
        {"draining": False},
    )
    do(staff, world, "upstream-serve")
    do(staff, world, "route-change")
    assert record().after["priority"] == 3
    do(staff, world, "rate-publish")
    assert record().after["tokens_in"] == {"credits": "0.75", "per": 1000}
    assert load_current().routes_for("chat", None)[0].rate.prices[0].microcredits == 750_000
    assert CatalogVersion.objects.latest("version").loaded_by == "root@staff.test"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("route-change", {"priority": "first"}),
        ("route-change", {"priority": "-1"}),
        ("route-change", {"weight": "0"}),
        ("route-change", {"weight": "99999999999999999999"}),
        ("rate-publish", {"tokens_in": "-1"}),
        ("rate-publish", {"tokens_in": "free"}),
        ("rate-publish", {"tokens_in_per": "0"}),
        ("rate-publish", {"tokens_in": ""}),
        ("rate-publish", {"tokens_in": "1", "tokens_in_per": "²"}),
    ],
)
def test_a_bad_change_of_the_catalog_changes_nothing(
    world: World, staff: Client, name: str, form: dict[str, str]
) -> None:
    answer = do(staff, world, name, **form)
    assert answer.status_code == 302
    assert CatalogVersion.objects.latest("version").pk == world.catalog_version
    assert not records().exists()


def test_a_rate_with_tiers_is_not_published_without_them(world: World, staff: Client) -> None:
    tiered = TOML.replace('"0.5"', '"0.5", above = [{ tokens_in = 200_000, credits = "1" }]')
    do(staff, world, "catalog-load", toml=tiered)
    version = CatalogVersion.objects.latest("version").pk
    assert version > world.catalog_version
    page = staff.get("/staff/rates/staff-test/").content.decode()
    assert "above 200,000 tokens_in" in page
    answer = do(staff, world, "rate-publish")
    assert "change it in the catalog" in said(answer, staff)
    assert CatalogVersion.objects.latest("version").pk == version
    [price] = [one for one in load_current().routes_for("chat", None)[0].rate.prices if one.tiers]
    assert [(tier.above, tier.microcredits) for tier in price.tiers] == [(200_000, 1_000_000)]


def test_a_whole_catalog_goes_out_and_in_again(world: World, staff: Client) -> None:
    do(staff, world, "upstream-drain")
    version = CatalogVersion.objects.latest("version").pk
    exported = staff.get(f"/staff/catalog/{version}.toml").content.decode()
    do(staff, world, "catalog-load", toml=TOML)
    assert len(load_current().routes_for("chat", None)) == 2
    do(staff, world, "catalog-load", toml=exported.replace("\n", "\r\n"))
    assert len(load_current().routes_for("chat", None)) == 1
    assert record().action == "catalog.load"


def test_a_catalog_with_mistakes_is_shown_again_with_every_line_of_them(world: World, staff: Client) -> None:
    broken = TOML.replace('"0.5"', '"-0.5"').replace("priority = 1", "priority = -1")
    answer = do(staff, world, "catalog-load", toml=broken)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "catalog:8: rates.staff-test.tokens_in: a price cannot be negative" in page
    assert "routes[1].priority" in page
    assert "priority = -1" in page
    assert CatalogVersion.objects.latest("version").pk == world.catalog_version


def test_sending_a_delivery_again_makes_it_due_now(world: World, staff: Client) -> None:
    do(staff, world, "delivery-resend")
    assert "pending" in staff.get(world.address("delivery")).content.decode()
    assert (record().before["state"], record().after["state"]) == ("failed", "pending")


def test_a_task_says_why_it_failed_and_an_ended_one_is_not_ended_again(world: World, staff: Client) -> None:
    assert WHY_IT_FAILED in staff.get(world.address("task")).content.decode()
    listed = staff.get("/staff/tasks/", {"state": "failed", "account": world.account.public_id})
    assert world.task_id in listed.content.decode()
    assert world.task_id not in staff.get("/staff/tasks/", {"state": "under_way"}).content.decode()


def test_the_record_cannot_be_changed_or_deleted_by_anybody(world: World, staff: Client) -> None:
    do(staff, world, "account-suspend")
    for sql in (
        "UPDATE accounts_auditentry SET actor_label = 'nobody@aio.test'",
        "DELETE FROM accounts_auditentry",
    ):
        for role in ("aio_app", None):
            with connection.cursor() as cursor, pytest.raises(Error) as raised:
                cursor.execute("SAVEPOINT before")
                if role:
                    cursor.execute("SET LOCAL ROLE aio_app")
                try:
                    cursor.execute(sql)
                finally:
                    connection.needs_rollback = False
                    cursor.execute("ROLLBACK TO SAVEPOINT before")
            assert isinstance(raised.value.__cause__, psycopg.errors.InsufficientPrivilege)
    assert records().count() == 1


def test_a_change_of_a_plan_is_recorded_with_what_it_was(world: World, staff: Client) -> None:
    form = {
        "slug": "standard",
        "calls_per_minute": "90",
        "trial_calls_per_day": "",
        "signup_bonus_microcredits": "0",
    }
    answer = staff.post("/staff/accounts/plan/standard/change/", form)
    assert answer.status_code == 302, answer.content[:800]
    assert Plan.objects.get(pk="standard").calls_per_minute == 90
    assert record().action == "plan.change"
    assert (record().before, record().after) == ({"calls_per_minute": 60}, {"calls_per_minute": 90})


def test_a_persons_password_is_never_on_the_record(world: World, staff: Client) -> None:
    user = User.objects.get(email="owner@lab.test")
    answer = staff.post(f"/staff/accounts/user/{user.pk}/change/", {"is_active": ""})
    assert answer.status_code == 302, answer.content[:800]
    assert (record().before, record().after) == ({"is_active": True}, {"is_active": False})


def test_what_is_written_down_of_a_person_leaves_the_password_out(world: World) -> None:
    shown = described(User.objects.get(email="owner@lab.test"))
    assert "password" not in shown
    assert shown["email"] == "owner@lab.test"


def test_viewing_as_a_member_reads_only_everywhere(world: World, staff: Client) -> None:
    answer = do(staff, world, "view-as")
    assert answer["Location"] == "/"
    assert staff.session["staff_view_as"] == world.account.public_id
    assert record().action == "account.view_as"
    for address in ("/switch-account", world.address("account-suspend"), "/api/v1/keys", "/nothing-here"):
        assert staff.post(address, {}).status_code in (403, 404), address
    assert staff.post("/switch-account", {}).status_code == 403
    assert staff.post("/api/v1/keys", {}).json()["error"]["type"] == "permission_error"
    assert Account.objects.get(pk=world.account.pk).status == "active"
    answer = staff.post("/staff/view-as/stop")
    assert answer["Location"] == f"/staff/accounts/{world.account.public_id}/"
    assert record().action == "account.view_as_end"
    do(staff, world, "account-suspend")
    assert Account.objects.get(pk=world.account.pk).status == "suspended"


def test_who_views_as_a_member_may_still_choose_a_language(world: World, staff: Client) -> None:
    do(staff, world, "view-as")
    answer = staff.post("/i18n/setlang/", {"language": "ko", "next": "/overview"}, follow=True)
    assert "그만 보기" in answer.content.decode()


def test_viewing_as_a_member_ends_by_the_clock_and_with_the_permission(
    world: World, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(staff, world, "view-as")
    monkeypatch.setattr(view_as, "TIME_LIMIT_S", -1)
    staff.get("/staff/")
    assert "staff_view_as" not in staff.session
    monkeypatch.undo()
    do(staff, world, "view-as")
    User.objects.filter(email="root@staff.test").update(is_superuser=False)
    staff.get("/staff/")
    assert "staff_view_as" not in staff.session


def test_going_back_leads_nowhere_but_to_the_site(world: World, staff: Client) -> None:
    for back in ("https://evil.test/", "//evil.test/", "/staff/\\evil.test", "/api/v1/keys", "/staff/\nx"):
        answer = do(staff, world, "account-suspend", back=back)
        assert answer["Location"] == f"/staff/accounts/{world.account.public_id}/"
    assert (
        do(staff, world, "account-suspend", back="/staff/audit/?who=a")["Location"] == "/staff/audit/?who=a"
    )


@pytest.mark.parametrize(
    "address",
    [
        "/staff/calls/?request=nothing",
        "/staff/calls/?hours=5",
        "/staff/calls/?outcome=fine",
        "/staff/audit/?before=x",
        "/staff/tasks/?before=1.2",
        "/staff/tasks/?before=99999999999999999999999.1.x",
        "/staff/tasks/?state=gone",
        "/staff/keys/?state=gone",
        "/staff/accounts/?plan=gold",
        "/staff/accounts/?q=a%00b",
        "/staff/reports/calls/?since=yesterday",
        "/staff/reports/calls/?group_by=colour",
        "/staff/reports/calls/?interval=fortnight",
        "/staff/reports/calls/?timezone=Mars/Olympus",
        "/staff/reports/calls/?since=2026-02-01&until=2026-01-01",
        "/staff/reports/calls/?limit=0",
        "/staff/reports/calls/?colour=red",
    ],
)
def test_a_bad_filter_is_a_clear_400(world: World, staff: Client, address: str) -> None:
    answer = staff.get(address)
    assert answer.status_code == 400, answer.content[:400]


@pytest.mark.parametrize(
    "address",
    ["/staff/calls/?key=key_nothing", "/staff/calls/?account=acct_0000000000000000", "/staff/rates/nothing/"],
)
def test_what_is_not_there_is_404(world: World, staff: Client, address: str) -> None:
    assert staff.get(address).status_code == 404


def test_old_pages_follow_the_newest_without_a_gap(world: World, staff: Client) -> None:
    for number in range(55):
        lifecycle.issue_key(world.account, f"key {number}")
    first = staff.get("/staff/keys/").content.decode()
    assert "Older" in first
    last_shown = ApiKey.objects.order_by("-id")[49].pk
    second = staff.get(f"/staff/keys/?before={last_shown}").content.decode()
    names = [f">key {number}<" for number in range(55)]
    assert [name for name in names if (name in first) == (name in second)] == []


def test_an_account_without_a_balance_row_is_shown_all_the_same(world: World, staff: Client) -> None:
    account = actions.create_account("Bare", "standard")
    page = staff.get(f"/staff/accounts/{account.public_id}/")
    assert page.status_code == 200
    assert grants.reconcile() == []


def test_a_session_that_views_as_a_member_makes_no_calls(world: World, staff: Client) -> None:
    """The gateway has no middleware: it asks the same authentication as every API address."""
    do(staff, world, "view-as")
    root = User.objects.get(email="root@staff.test")
    Membership.objects.create(account=world.account, user=root, role="owner")
    request: Any = RequestFactory().post("/api/chat", HTTP_X_ACCOUNT=world.account.public_id)
    request.user, request.session, request._dont_enforce_csrf_checks = root, staff.session, True
    with pytest.raises(view_as.ReadsOnly):
        MemberSessionAuthentication().authenticate(Request(request))
    staff.post("/staff/view-as/stop")
    request.session = staff.session
    assert MemberSessionAuthentication().authenticate(Request(request)) is not None

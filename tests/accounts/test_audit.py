"""The audit log: every change of keys is on it, whoever made it, and nothing on it changes."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.test import Client

from accounts import audit
from accounts.keys import lifecycle
from accounts.models import Account, AuditEntry, Membership
from accounts.pages import audit_log
from tests.accounts.conftest import Sender


def entries() -> list[tuple[str, str]]:
    return [(entry.actor_kind, entry.action) for entry in AuditEntry.objects.order_by("id")]


def test_what_the_key_api_changes_is_written_down(owner: Sender, account: Account) -> None:
    issued = owner.send("POST", "/api/v1/keys", {"name": "a", "cap_day": "5"}).json()
    path = f"/api/v1/keys/{issued['id']}"
    owner.send("PATCH", path, {"name": "b", "cap_day": None})
    owner.send("PATCH", path, {"name": "b"})  # changes nothing
    owner.send("POST", f"{path}/rotate", {"overlap_s": 60})
    owner.send("DELETE", path)
    owner.send("DELETE", path)  # was revoked already
    assert entries() == [
        ("member", "key.issue"),
        ("member", "key.change"),
        ("member", "key.rotate"),
        ("member", "key.revoke"),
    ]
    change = AuditEntry.objects.get(action="key.change")
    assert (change.before, change.after) == ({"name": "a", "cap_day": "5"}, {"name": "b", "cap_day": None})
    assert change.account_id == account.pk
    assert change.request_id.startswith("req_")


def test_a_key_that_manages_keys_is_named_as_who_did_it(account: Account, with_key: Any) -> None:
    manager, key_text = lifecycle.issue_key(account, "manager", may_manage_keys=True)
    with_key(key_text).send("POST", "/api/v1/keys", {"name": "made"})
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.actor_id) == ("key", manager.pk)
    assert manager.prefix in entry.actor_label


def test_what_an_operator_does_on_the_command_line_is_written_down(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("issue_key", account.name, "--json")
    call_command("revoke_key", json.loads(capsys.readouterr().out)["id"])
    assert entries() == [("system", "key.issue"), ("system", "key.revoke")]


def test_no_entry_holds_a_keys_text(owner: Sender) -> None:
    key_text = owner.send("POST", "/api/v1/keys", {"name": "a"}).json()["key"]
    [entry] = AuditEntry.objects.values_list()
    assert key_text not in str(entry)


def test_an_action_that_fails_leaves_no_entry(owner: Sender) -> None:
    assert owner.send("POST", "/api/v1/keys", {"name": "a", "scopes": {"networks": ["x"]}}).status_code == 400
    assert entries() == []


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_auditentry SET action = 'x'", "DELETE FROM accounts_auditentry"]
)
@pytest.mark.parametrize("role", ["owner of the tables", "aio_app"])
def test_the_database_changes_and_removes_no_entry(statement: str, role: str, account: Account) -> None:
    audit.record(audit.OPERATOR, "key.issue", audit.account_target(account), account=account)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        if role == "aio_app":
            cursor.execute("SET LOCAL ROLE aio_app")
        cursor.execute(statement)
    assert AuditEntry.objects.get().action == "key.issue"


def test_the_application_may_not_even_try_to_change_an_entry(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('aio_app', 'accounts_auditentry', 'INSERT'),"
            " has_table_privilege('aio_app', 'accounts_auditentry', 'UPDATE'),"
            " has_table_privilege('aio_app', 'accounts_auditentry', 'DELETE'),"
            " has_table_privilege('aio_app', 'accounts_auditentry', 'TRUNCATE')"
        )
        assert cursor.fetchone() == (True, False, False, False)


@pytest.fixture
def page(account: Account) -> Client:
    client = Client()
    client.force_login(Membership.objects.get(account=account).user)
    return client


def test_the_page_shows_the_accounts_own_entries_page_by_page(
    page: Client, account: Account, other_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "PAGE_SIZE", 2)
    for number in range(5):
        target = audit.Target("key", f"key_{number}", f"our key {number}")
        audit.record(audit.OPERATOR, "key.issue", target, account=account)
    audit.record(audit.OPERATOR, "key.issue", audit.Target("key", "x", "foreign"), account=other_account)
    seen, address = [], "/audit"
    while address:
        answer = page.get(address)
        assert b"foreign" not in answer.content
        seen += [row["entry"].target_id for row in answer.context["entries"]]
        address = f"/audit?before={answer.context['next']}" if answer.context["next"] else ""
    assert seen == [f"key_{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("before", ["x", "-1", "99999999999999999999", "²"])
def test_a_place_that_is_none_is_not_found(before: str, page: Client) -> None:
    assert page.get("/audit", {"before": before}).status_code == 404


def test_members_see_that_staff_acted_but_neither_who_nor_their_notes(page: Client, account: Account) -> None:
    actor = audit.Actor(AuditEntry.ActorKind.STAFF, 1, "sam@staff.test", "192.0.2.77")
    audit.record(
        actor, "account.suspend", audit.account_target(account), account=account, after={"why": "a note"}
    )
    shown = page.get("/audit").content.decode()
    assert "Suspended the account" in shown
    assert "sam@staff.test" not in shown
    assert "192.0.2.77" not in shown
    assert "a note" not in shown

"""The team's page: roles, invitations, and an account that always keeps an owner."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.models import Account, AuditEntry, Invitation, Membership, User
from tests.accounts.memberships import add_member


@dataclass
class Team:
    account: Account
    clients: dict[str, Client]

    def member(self, role: str) -> Membership:
        return Membership.objects.get(account=self.account, user__email=f"{role}@team.test")

    def post(self, path: str, by: str, **body: str) -> Any:
        return self.clients[by].post(path, body)

    def invitation(self, email: str) -> Invitation:
        return Invitation.objects.get(account=self.account, email=email)


@pytest.fixture
def team(account: Account) -> Team:
    Membership.objects.filter(account=account).delete()
    clients = {}
    for role in ("owner", "admin", "developer", "viewer"):
        clients[role] = Client()
        clients[role].force_login(add_member(account, f"{role}@team.test", role).user)
    return Team(account, clients)


def link_of(invitation: Invitation) -> str:
    return f"/invitations/{invitations._signer.sign(invitation.public_id)}"


def signed_in(email: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(email))
    return client


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.last()
    assert entry is not None
    return entry


def test_an_invitation_is_mailed_shown_to_copy_and_accepted_once(team: Team) -> None:
    team.post("/team/invite", "admin", email=" Guest@Team.test ", role="developer")
    invitation = team.invitation("guest@team.test")
    assert link_of(invitation) in str(mail.outbox[-1].body)
    assert link_of(invitation) in team.clients["admin"].get("/team").content.decode()
    assert link_of(invitation) not in team.clients["developer"].get("/team").content.decode()
    guest = signed_in("guest@team.test")
    assert b"Accept" in guest.get(link_of(invitation)).content
    assert guest.post(link_of(invitation))["Location"] == "/overview"
    assert team.member("guest").role == "developer"
    assert guest.post(link_of(invitation)).status_code == 404
    assert last_entry().action == "member.join"


def test_an_invitation_is_for_its_address_alone(team: Team) -> None:
    team.post("/team/invite", "owner", email="guest@team.test", role="viewer")
    other = signed_in("mallory@else.test")
    shown = other.get(link_of(team.invitation("guest@team.test"))).content
    assert b"Sign out and go on" in shown
    assert b"Accept" not in shown
    other.post(link_of(team.invitation("guest@team.test")))
    assert not Membership.objects.filter(user__email="mallory@else.test").exists()


@pytest.mark.parametrize("spoil", ["late", "withdrawn", "forged", "another signature"])
def test_a_link_that_is_good_no_more_is_not_found(spoil: str, team: Team) -> None:
    team.post("/team/invite", "owner", email="guest@team.test", role="viewer")
    invitation = team.invitation("guest@team.test")
    link = link_of(invitation)
    if spoil == "late":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif spoil == "withdrawn":
        team.post(f"/team/invitations/{invitation.public_id}/withdraw", "admin")
    elif spoil == "forged":
        link = f"/invitations/{invitation.public_id}"
    else:
        link = link[:-1] + ("A" if link[-1] != "A" else "B")
    guest = signed_in("guest@team.test")
    assert guest.get(link).status_code == 404
    assert guest.post(link).status_code == 404
    assert not Membership.objects.filter(user__email="guest@team.test").exists()


def test_a_late_invitation_is_sent_again_under_the_same_link(team: Team) -> None:
    team.post("/team/invite", "owner", email="guest@team.test", role="viewer")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    invitation = team.invitation("guest@team.test")
    team.post(f"/team/invitations/{invitation.public_id}/again", "admin")
    assert len(mail.outbox) == 2
    assert signed_in("guest@team.test").get(link_of(invitation)).status_code == 200


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("nobody", "viewer", "not an e-mail address"),
        ("viewer@team.test", "viewer", "is a member of the account already"),
        ("guest@team.test", "king", "A role is one of"),
        ("guest@team.test", "owner", "Only an owner may"),
    ],
)
def test_an_invitation_that_cannot_be_says_why_at_its_field(
    email: str, role: str, said: str, team: Team
) -> None:
    answer = team.post("/team/invite", "admin", email=email, role=role)
    assert 400 <= answer.status_code < 500
    assert said in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not Invitation.objects.exists()


def test_the_same_address_is_invited_once(team: Team) -> None:
    for _ in range(2):
        answer = team.post("/team/invite", "owner", email="guest@team.test", role="viewer")
    assert answer.status_code == 409
    assert Invitation.objects.count() == 1


def test_an_account_has_a_bounded_number_of_open_invitations(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAX_OPEN", 1)
    team.post("/team/invite", "owner", email="one@team.test", role="viewer")
    assert team.post("/team/invite", "owner", email="two@team.test", role="viewer").status_code == 409


def test_a_mail_server_that_is_down_leaves_the_link(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(invitations, "send_mail", broken)
    shown = team.clients["owner"].post(
        "/team/invite", {"email": "guest@team.test", "role": "viewer"}, follow=True
    )
    assert "could not be sent" in shown.content.decode()
    assert link_of(team.invitation("guest@team.test")) in shown.content.decode()


def test_a_role_is_changed_and_written_down(team: Team) -> None:
    team.post(f"/team/{team.member('viewer').user_id}/role", "admin", role="developer")
    assert team.member("viewer").role == "developer"
    entry = last_entry()
    assert (entry.actor_kind, entry.actor_label, entry.address) == ("member", "admin@team.test", "127.0.0.1")
    assert (entry.before, entry.after) == ({"role": "viewer"}, {"role": "developer"})
    assert entry.account_id == team.account.pk


@pytest.mark.parametrize(("target", "role"), [("owner", "viewer"), ("viewer", "owner")])
def test_only_owners_make_and_unmake_owners(target: str, role: str, team: Team) -> None:
    add_member(team.account, "second@team.test", "owner")
    before = team.member(target).role
    assert team.post(f"/team/{team.member(target).user_id}/role", "admin", role=role).status_code == 403
    assert team.member(target).role == before


def test_an_admin_removes_no_owner(team: Team) -> None:
    add_member(team.account, "second@team.test", "owner")
    assert team.post(f"/team/{team.member('owner').user_id}/remove", "admin").status_code == 403
    assert team.member("owner").role == "owner"


@pytest.mark.parametrize("action", ["role", "remove"])
def test_the_last_owner_stays(action: str, team: Team) -> None:
    path = f"/team/{team.member('owner').user_id}/{action}"
    shown = team.clients["owner"].post(path, {"role": "viewer"}, follow=True)
    assert "keeps at least one owner" in shown.content.decode()
    assert team.member("owner").role == "owner"
    assert not AuditEntry.objects.exists()


def test_everybody_may_leave_and_only_managers_remove(team: Team) -> None:
    viewer = team.member("viewer").user_id
    assert team.post(f"/team/{viewer}/remove", "developer").status_code == 403
    team.post(f"/team/{viewer}/remove", "viewer")
    assert last_entry().action == "member.leave"
    team.post(f"/team/{team.member('developer').user_id}/remove", "admin")
    assert last_entry().action == "member.remove"
    assert Membership.objects.filter(account=team.account).count() == 2


def test_a_member_of_no_form_is_not_found(team: Team) -> None:
    assert team.post("/team/99999999999999999999/remove", "owner").status_code == 404


def test_an_account_is_renamed_by_its_managers_and_written_down(
    team: Team, other_account: Account, signed_in: Callable[..., Any]
) -> None:
    assert team.post("/settings/account", "developer", name="Mine").status_code == 403
    taken = team.post("/settings/account", "admin", name=other_account.name)
    assert "There is an account named" in taken.content.decode()
    team.post("/settings/account", "admin", name=" New name ")
    team.account.refresh_from_db()
    assert team.account.name == "New name"
    assert last_entry().after == {"name": "New name"}

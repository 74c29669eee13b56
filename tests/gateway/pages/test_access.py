"""Who may open and use each page: every address × every visitor × an object that is another account's.

The addresses are collected from the page URLconfs, so a page that is not listed here fails the test.
"""

import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import invitations
from accounts.audit import OPERATOR
from accounts.models import Account, Membership, User
from accounts.page_context import VIEW_AS_SESSION_KEY
from accounts.view_as import STARTED_SESSION_KEY
from aio_platform.http.request_ids import new_request_uuid, public_request_id
from tests.gateway.staff.staff_world import make_world
from usage.ledger.grants import open_account

EVERYBODY, MEMBERS = "everybody", ("owner", "admin", "developer", "viewer")
MAKERS, MANAGERS = MEMBERS[:3], MEMBERS[:2]


@dataclass(frozen=True)
class Listed:
    """Who may use a page, how it is asked, and the objects its address names."""

    who: Any
    method: str = "GET"
    objects: tuple[str, ...] = ()
    body: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    is_there: bool = True  # not where an address needs more than this test makes


PAGES = {
    "home": Listed(EVERYBODY),
    "no-account": Listed(EVERYBODY),
    "open-account": Listed(EVERYBODY, "POST"),
    "invitation": Listed(EVERYBODY, objects=("token",)),
    "docs": Listed(EVERYBODY),
    "docs-search": Listed(EVERYBODY),
    "docs-operation": Listed(EVERYBODY, names={"operation_id": "list_keys"}),
    "docs-endpoint": Listed(EVERYBODY, names={"slug": "chat"}),
    "docs-page": Listed(EVERYBODY, names={"slug": "authentication"}),
    "switch-account": Listed(MEMBERS, "POST", body={"account": "own"}),
    "team": Listed(MEMBERS),
    "team-invite": Listed(MANAGERS, "POST"),
    "team-invite-again": Listed(MANAGERS, "POST", ("invitation_id",)),
    "team-invite-withdraw": Listed(MANAGERS, "POST", ("invitation_id",)),
    "team-role": Listed(MANAGERS, "POST", ("user_id",)),
    "team-remove": Listed(MANAGERS, "POST", ("user_id",)),
    "settings": Listed(MEMBERS),
    "settings-profile": Listed(MEMBERS, "POST"),
    "settings-account": Listed(MANAGERS, "POST"),
    "settings-security": Listed(MEMBERS),
    "audit": Listed(MANAGERS),
    "keys": Listed(MEMBERS),
    "keys-new": Listed(MAKERS),
    "keys-change": Listed(MAKERS, objects=("key_id",)),
    "keys-revoke": Listed(MAKERS, objects=("key_id",)),
    "keys-rotate": Listed(MAKERS, objects=("key_id",)),
    "callbacks": Listed(MAKERS),
    "callbacks-endpoint": Listed(MAKERS, "POST"),
    "callbacks-secret": Listed(MAKERS, "POST"),
    "callbacks-delivery": Listed(MAKERS, objects=("delivery_id",)),
    "callbacks-resend": Listed(MAKERS, "POST", ("delivery_id",)),
    "overview": Listed(MEMBERS),
    "first-key": Listed(MAKERS, "POST"),
    "first-call": Listed(MEMBERS),
    "usage": Listed(MEMBERS),
    "summary-csv": Listed(MEMBERS),
    "calls": Listed(MEMBERS),
    "new-calls": Listed(MEMBERS, is_there=False),
    "calls-csv": Listed(MEMBERS),
    "receipt": Listed(MEMBERS, objects=("request_id",), is_there=False),
    "credits": Listed(MEMBERS),
    "ledger-csv": Listed(MEMBERS),
    "tasks": Listed(MEMBERS),
    "task": Listed(MEMBERS, objects=("task_id",)),
    "task-panel": Listed(MEMBERS, objects=("task_id",)),
    "task-state": Listed(MEMBERS, objects=("task_id",)),
    "task-cancel": Listed(MAKERS, "POST", ("task_id",)),
    "task-callbacks": Listed(MEMBERS, objects=("task_id",)),
    "task-resend": Listed(MAKERS, "POST", ("task_id", "delivery_id")),
    "task-result": Listed(MEMBERS, objects=("task_id",), names={"number": "1"}, is_there=False),
    "workbench": Listed(MEMBERS),
    "workbench-preview": Listed(MEMBERS, "POST"),
}
# Their forms are pages too: what a visitor may not GET they may not POST, which is asked beside it.
FORMS = ("keys-new", "keys-change", "keys-revoke", "keys-rotate")


@dataclass
class Team:
    account: Account
    clients: dict[str, Client]
    objects: dict[str, Any]


@pytest.fixture
def team(db: None) -> Team:
    cache.clear()
    world = make_world()
    account = world.account
    clients = {"anonymous": Client()}
    users = {}
    for role in MEMBERS:
        users[role] = User.objects.create_user(f"{role}@team.test")
        Membership.objects.create(account=account, user=users[role], role=role)
        clients[role] = _signed_in(users[role])
    bystander = User.objects.create_user("bystander@team.test")
    Membership.objects.create(account=account, user=bystander, role="viewer")
    elsewhere = open_account("Elsewhere", "standard", "owner@elsewhere.test").account
    clients["stranger"] = _signed_in(User.objects.get(memberships__account=elsewhere))
    clients["staff"] = _viewing_as(account)
    invitation = invitations.invite(account, "guest@team.test", "viewer", users["owner"], OPERATOR)
    return Team(
        account,
        clients,
        {
            "key_id": world.key.public_id,
            "user_id": str(bystander.pk),
            "invitation_id": invitation.public_id,
            "token": invitations._signer.sign(invitation.public_id),
            "delivery_id": world.delivery_id,
            "task_id": world.task_id,
            # No call was made: a receipt is not found by anybody, as another account's is not.
            "request_id": public_request_id(new_request_uuid()),
        },
    )


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _viewing_as(account: Account) -> Client:
    client = _signed_in(User.objects.create_superuser("staff@team.test"))
    session = client.session
    session[VIEW_AS_SESSION_KEY] = account.public_id
    session[STARTED_SESSION_KEY] = int(time.time())
    session.save()
    return client


def test_every_page_is_listed_here() -> None:
    names = [page.name for urlconf in settings.PAGE_URLCONFS for page in import_module(urlconf).urlpatterns]
    assert sorted(names) == sorted(PAGES)


def test_every_page_admits_whom_it_should_and_shows_nobody_another_accounts_things(team: Team) -> None:
    wrong = []
    for name, page in PAGES.items():
        for method in (page.method, "POST") if name in FORMS else (page.method,):
            for visitor, client in team.clients.items():
                right = _right_answers(page, method, visitor)
                if right is not None and (status := _ask(client, name, page, method, team)) not in right:
                    wrong.append(f"{visitor} {method} {name}: {status}, not in {right}")
    assert not wrong, "\n".join(wrong)


def _ask(client: Client, name: str, page: Listed, method: str, team: Team) -> int:
    named = {part: team.objects[part] for part in page.objects} | page.names
    body = {key: team.account.public_id if value == "own" else value for key, value in page.body.items()}
    response = client.generic(
        method,
        reverse(name, kwargs=named),
        "&".join(f"{key}={value}" for key, value in body.items()),
        content_type="application/x-www-form-urlencoded",
    )
    if response.status_code == 302 and "/auth/login/" in response["Location"]:
        return 401
    return int(response.status_code)


def _right_answers(page: Listed, method: str, visitor: str) -> tuple[int, ...] | None:
    """None where asking would change what the next visitor finds."""
    if visitor == "staff" and method == "POST":
        return (403,)
    if page.who == EVERYBODY:
        return (200, 302)
    if visitor == "anonymous":
        return (401,)
    if visitor == "stranger" and (page.objects or page.body):
        return (404,)
    if visitor not in ("staff", "stranger") and visitor not in page.who:
        return (403,)
    if page.objects and method == "POST":
        return None
    return (200, 204, 302) if method == "GET" and page.is_there else (200, 302, 400, 404)

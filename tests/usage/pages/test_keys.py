"""The page of keys: shown once, limited by the API's own rules, and warned of where it is careless."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Account, ApiKey, AuditEntry, Membership, User
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger.grants import open_account

HTMX = {"HX-Request": "true"}


@dataclass
class Owner:
    account: Account
    client: Client

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)

    def post(self, path: str, htmx: bool = False, **body: Any) -> Any:
        return self.client.post(path, body, headers=HTMX if htmx else {})


@pytest.fixture
def owner(db: None) -> Owner:
    account = open_account("Ada's lab", "standard", "owner@lab.test").account
    client = Client()
    client.force_login(User.objects.get(email="owner@lab.test"))
    return Owner(account, client)


def shown_key(response: Any) -> str:
    found = re.search(r'id="made-key">(aio_\w{38})<', response.content.decode())
    assert found is not None, response.content.decode()
    return found.group(1)


@pytest.mark.parametrize("htmx", [False, True])
def test_a_key_is_shown_this_once_with_lines_for_an_env_file(htmx: bool, owner: Owner) -> None:
    made = owner.post("/keys/new", htmx, name="billing", expires_in="90", cap_day="2.5", endpoints=["chat"])
    key_text = shown_key(made)
    assert made["Cache-Control"] == "no-store"
    assert f"OPENAI_API_KEY={key_text}" in made.content.decode()
    api_key = ApiKey.objects.get()
    assert bytes(api_key.digest) == digest_of(key_text)
    assert (api_key.cap_day_microcredits, api_key.allowed_endpoints) == (2_500_000, ["chat"])
    assert api_key.expires_at is not None
    assert timedelta(days=89) < api_key.expires_at - timezone.now() <= timedelta(days=90)
    assert api_key.created_by == Membership.objects.get().user
    listed = owner.get("/keys").content.decode()
    assert key_text not in listed
    assert f"{api_key.prefix}…{api_key.last_four}" in listed


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("name", "", "name"),
        ("name", "x" * 101, "name"),
        ("cap_day", "lots", "cap_day"),
        ("cap_month", "-1", "cap_month"),
        ("cap_month", "1" * 50, "cap_month"),
        ("networks", "10.0.0.300", "scopes.networks"),
        ("models", "x" * 201, "scopes.models"),
        ("endpoints", "NO SUCH", "scopes.endpoints"),
        ("expires_at", "yesterday", "expires_at"),
        ("expires_at", "2020-01-01T00:00", "expires_at"),
    ],
)
def test_a_mistake_is_named_at_its_field_in_the_apis_words(
    field: str, value: str, param: str, owner: Owner
) -> None:
    body = {"name": "billing", "expires_in": "at", "expires_at": "", field: value}
    answer = owner.post("/keys/new", **body)
    assert answer.status_code == 400
    assert answer.context["problem"].param == param
    page = answer.content.decode()
    assert f'<p class="problem" id="{re.findall(r"problem. id=.([a-z-]+)", page)[0]}"' in page
    assert not ApiKey.objects.exists()
    told = owner.client.post(
        "/api/v1/keys",
        {
            "name": body["name"],
            "cap_day": body.get("cap_day"),
            "cap_month": body.get("cap_month"),
            "expires_at": body["expires_at"] or None,
            "scopes": {
                name: [body[name]] if name in body else None for name in ("networks", "models", "endpoints")
            },
        },
        content_type="application/json",
    )
    assert told.json()["error"]["message"] == answer.context["problem"].message


def test_in_a_dialog_a_mistake_is_swapped_in(owner: Owner) -> None:
    answer = owner.post("/keys/new", htmx=True, name="")
    assert answer.status_code == 200
    assert answer.content.decode().lstrip().startswith("<dialog")


def test_a_member_issues_a_bounded_number_of_keys_by_page_and_api_together(
    owner: Owner, settings: Settings
) -> None:
    settings.KEYS_ISSUED_PER_MEMBER = "2/h"
    owner.client.post("/api/v1/keys", {"name": "a"}, content_type="application/json")
    owner.post("/keys/new", name="b", expires_in="never")
    assert owner.post("/keys/new", name="c", expires_in="never").status_code == 429
    assert ApiKey.objects.count() == 2


def test_careless_and_idle_keys_are_warned_of(owner: Owner) -> None:
    careless, _ = lifecycle.issue_key(owner.account, "careless")
    ApiKey.objects.update(created_at=timezone.now() - timedelta(days=91))
    lifecycle.issue_key(
        owner.account,
        "careful",
        expires_at=timezone.now() + timedelta(days=1),
        cap_month_microcredits=1,
    )
    rows = {row["key"].name: row for row in owner.get("/keys").context["live"]}
    assert [rows["careless"][name] for name in ("has_no_expiry", "has_no_cap", "is_idle")] == [True] * 3
    assert [rows["careful"][name] for name in ("has_no_expiry", "has_no_cap", "is_idle")] == [False] * 3
    called_by(careless)
    assert not {row["key"].name: row for row in owner.get("/keys").context["live"]}["careless"]["is_idle"]


def test_spend_and_last_use_are_the_books(owner: Owner) -> None:
    api_key, _ = lifecycle.issue_key(owner.account, "billing")
    called_by(api_key, cost=1_500_001)
    called_by(api_key, cost=500_000)
    [row] = owner.get("/keys").context["live"]
    assert row["usage"].spent_microcredits == 2_000_001
    assert ">2.000001<" in owner.get("/keys").content.decode()


def test_a_revocation_says_what_it_will_break_and_folds_the_key_away(owner: Owner) -> None:
    api_key, _ = lifecycle.issue_key(owner.account, "billing")
    called_by(api_key)
    called_by(api_key)
    called_by(api_key, ago=timedelta(days=8))
    asked = owner.get(f"/keys/{api_key.public_id}/revoke")
    assert "2 calls in the last 7 days" in asked.content.decode()
    assert owner.get("/keys").context["ended"] == []
    owner.post(f"/keys/{api_key.public_id}/revoke")
    assert [row["key"].name for row in owner.get("/keys").context["ended"]] == ["billing"]
    owner.post(f"/keys/{api_key.public_id}/revoke")  # again changes nothing
    assert AuditEntry.objects.filter(action="key.revoke").count() == 1


def test_a_rotated_key_goes_on_for_the_overlap_that_was_chosen(owner: Owner) -> None:
    api_key, _ = lifecycle.issue_key(owner.account, "billing", cap_day_microcredits=7)
    made = owner.post(f"/keys/{api_key.public_id}/rotate", overlap_s="3600")
    successor = ApiKey.objects.get(replaces=api_key)
    assert bytes(successor.digest) == digest_of(shown_key(made))
    assert successor.cap_day_microcredits == 7
    api_key.refresh_from_db()
    assert api_key.expires_at is not None
    assert abs(api_key.expires_at - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    again = owner.post(f"/keys/{api_key.public_id}/rotate", overlap_s="0")
    assert again.status_code == 409
    assert successor.public_id in again.content.decode()


def test_changing_a_name_leaves_the_expirys_seconds(owner: Owner) -> None:
    expires_at = timezone.now().replace(second=42, microsecond=7) + timedelta(days=2)
    api_key, _ = lifecycle.issue_key(owner.account, "billing", expires_at=expires_at, cap_day_microcredits=5)
    form = owner.get(f"/keys/{api_key.public_id}/change").context["form"]
    owner.post(f"/keys/{api_key.public_id}/change", **{**form, "name": "other", "cap_day": ""})
    api_key.refresh_from_db()
    assert (api_key.name, api_key.expires_at, api_key.cap_day_microcredits) == ("other", expires_at, None)


def test_an_ended_key_is_renamed_and_nothing_else(owner: Owner) -> None:
    api_key, _ = lifecycle.issue_key(owner.account, "billing")
    lifecycle.revoke_key(api_key)
    owner.post(f"/keys/{api_key.public_id}/change", name="old billing", cap_day="5")
    api_key.refresh_from_db()
    assert (api_key.name, api_key.cap_day_microcredits) == ("old billing", None)


@pytest.mark.parametrize("action", ["change", "revoke", "rotate"])
@pytest.mark.parametrize("key_id", ["x", "key_" + "0" * 16, "foreign"])
def test_a_key_that_is_not_the_accounts_is_not_found(action: str, key_id: str, owner: Owner) -> None:
    if key_id == "foreign":
        foreign = open_account("Elsewhere", "standard", "owner@else.test").account
        key_id = lifecycle.issue_key(foreign, "theirs")[0].public_id
    for answer in (
        owner.get(f"/keys/{key_id}/{action}"),
        owner.post(f"/keys/{key_id}/{action}", name="mine"),
    ):
        assert answer.status_code == 404
    assert not ApiKey.objects.exclude(revoked_at=None).exists()


def called_by(api_key: ApiKey, cost: int = 0, ago: timedelta = timedelta()) -> None:
    """A call in the books, as settling one writes it."""
    at = timezone.now() - ago
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO usage_event (account_id, started_at, request_id, settled_at, key_id, endpoint, model, route,"
            " rate_id, outcome, streamed, estimated, trial, tokens_in, tokens_out, images, audio_ms, characters,"
            " pixel_steps, video_ms, hold_microcredits, cost_microcredits, ledger_entry, latency_ms)"
            " VALUES (%(account)s, %(at)s, %(id)s, %(at)s, %(key)s, 'chat', 'm', 'r', 1, 'succeeded', false, false,"
            " false, 0, 0, 0, 0, 0, 0,"
            " 0, %(cost)s, %(cost)s, CASE WHEN %(cost)s > 0 THEN 1 END, 1)",
            {
                "account": api_key.account_id,
                "at": at,
                "id": new_request_uuid(),
                "key": api_key.pk,
                "cost": cost,
            },
        )
        cursor.execute(
            "INSERT INTO usage_key_meter (account_id, key_id, window_started_at, window_calls, day, day_microcredits,"
            " month, month_microcredits, last_used_at) VALUES (%(account)s, %(key)s, now(), 1, current_date, 0,"
            " date_trunc('month', now())::date, 0, %(at)s) ON CONFLICT (account_id, key_id) DO UPDATE"
            " SET last_used_at = greatest(usage_key_meter.last_used_at, excluded.last_used_at)",
            {"account": api_key.account_id, "at": at, "key": api_key.pk},
        )

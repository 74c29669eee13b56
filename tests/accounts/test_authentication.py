import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import actions, errors
from accounts.keys import lifecycle
from accounts.keys.format import checksum_of, new_key
from accounts.models import Account, ApiKey, User
from accounts.principal import Principal, is_address_within, principal_of, require_role
from accounts.public_ids import random_base62
from tests.accounts.memberships import add_member


class WhoView(APIView):
    """Another app's view: tells who called."""

    endpoint_scope = "usage"

    def get(self, request: Request) -> Response:
        caller = principal_of(request)
        key_id = caller.api_key.public_id if caller.api_key else None
        return Response({"account": caller.account.public_id, "role": caller.role, "key": key_id})


class ScopelessView(WhoView):
    endpoint_scope = ""


def ask(
    key_text: str | None = None,
    *,
    user: Any = None,
    address: str = "192.0.2.1",
    view: type[APIView] = WhoView,
    header: str | None = None,
    **headers: str,
) -> HttpResponse:
    if key_text is not None:
        headers["Authorization"] = f"Bearer {key_text}"
    if header is not None:
        headers["Authorization"] = header
    request = RequestFactory().get("/api/v1/who", headers=headers, REMOTE_ADDR=address)
    request.user = user or AnonymousUser()
    response = view.as_view()(request)
    if isinstance(response, Response):
        response.render()
    return response


def told(response: HttpResponse) -> Any:
    return json.loads(response.content)


def test_a_live_key_stands_for_its_account(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    assert told(ask(key_text)) == {"account": account.public_id, "role": None, "key": api_key.public_id}


def test_a_member_stands_for_the_account_joined_first_or_the_one_named(
    account: Account, other_account: Account
) -> None:
    user = User.objects.get(email="owner@lab.test")
    add_member(other_account, user.email, "viewer")
    assert told(ask(user=user)) == {"account": account.public_id, "role": "owner", "key": None}
    named = ask(user=user, **{"X-Account": other_account.public_id})
    assert told(named) == {"account": other_account.public_id, "role": "viewer", "key": None}


@pytest.mark.parametrize("name", ["acct_0000000000000000", "", "a\x00b", "Ada's lab"])
def test_an_account_that_is_not_theirs_is_not_found(account: Account, name: str) -> None:
    user = User.objects.get(email="owner@lab.test")
    assert ask(user=user, **{"X-Account": name}).status_code == 404


def test_another_tenants_account_is_not_found_for_members_and_keys(
    account: Account, other_account: Account
) -> None:
    _, key_text = lifecycle.issue_key(account, "server")
    theirs = {"X-Account": other_account.public_id}
    assert ask(user=User.objects.get(email="owner@lab.test"), **theirs).status_code == 404
    assert ask(key_text, **theirs).status_code == 404
    assert ask(key_text, **{"X-Account": account.public_id}).status_code == 200


def test_a_person_without_an_account_is_refused(db: None) -> None:
    stranger = User.objects.create_user("stranger@nowhere.test")
    assert ask(user=stranger).status_code == 403


def test_a_person_who_was_locked_out_is_nobody(account: Account) -> None:
    User.objects.update(is_active=False)
    assert ask(user=User.objects.get(email="owner@lab.test")).status_code == 401


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer "])
def test_no_key_and_no_session_is_401(db: None, header: str | None) -> None:
    response = ask(header=header)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert "missing" in told(response)["error"]["message"]


def test_a_bad_key_is_refused_even_beside_a_good_session(account: Account) -> None:
    user = User.objects.get(email="owner@lab.test")
    assert ask(new_key(), user=user).status_code == 401


def test_unknown_and_malformed_keys_are_told_the_same(account: Account) -> None:
    unknown, malformed = ask(new_key()), ask("aio_nonsense")
    assert (unknown.status_code, malformed.status_code) == (401, 401)
    assert told(unknown)["error"]["message"] == told(malformed)["error"]["message"]


def test_a_key_is_known_by_all_of_it(account: Account) -> None:
    """What people see of a key, its first characters, makes nobody its holder, however sound the rest is."""
    _, key_text = lifecycle.issue_key(account, "server")
    made_up = key_text[:12] + random_base62(24)
    response = ask(made_up + checksum_of(made_up))
    assert response.status_code == 401
    assert "revoked" not in told(response)["error"]["message"]


def test_a_revoked_key_is_refused_from_the_moment_it_is_revoked(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    lifecycle.revoke_key(api_key)
    response = ask(key_text)
    assert response.status_code == 401
    assert "revoked" in told(response)["error"]["message"]


def test_an_expired_key_is_refused(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    ApiKey.objects.filter(pk=api_key.pk).update(expires_at=timezone.now())
    response = ask(key_text)
    assert response.status_code == 401
    assert "expired" in told(response)["error"]["message"]


def test_both_keys_work_during_a_rotations_overlap(account: Account) -> None:
    old, old_text = lifecycle.issue_key(account, "server")
    _, new_text = lifecycle.rotate_key(old, 60)
    assert ask(old_text).status_code == ask(new_text).status_code == 200
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(old_text).status_code == 401
    assert ask(new_text).status_code == 200


def test_a_suspended_accounts_keys_are_refused_and_its_members_may_look(account: Account) -> None:
    _, key_text = lifecycle.issue_key(account, "server")
    actions.suspend_account(account)
    assert ask(key_text).status_code == 403
    assert ask(user=User.objects.get(email="owner@lab.test")).status_code == 200
    actions.reactivate_account(account)
    assert ask(key_text).status_code == 200


def test_a_key_is_refused_outside_its_networks(account: Account) -> None:
    _, key_text = lifecycle.issue_key(account, "server", networks=["198.51.100.0/24"])
    assert ask(key_text, address="198.51.100.7").status_code == 200
    assert ask(key_text, address="198.51.101.7").status_code == 403


def test_a_forwarded_address_counts_only_behind_our_own_proxy(account: Account, settings: Any) -> None:
    _, key_text = lifecycle.issue_key(account, "server", networks=["198.51.100.0/24"])
    forwarded = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7"}
    assert ask(key_text, **forwarded).status_code == 403
    settings.TRUST_FORWARDED_FOR = True
    assert ask(key_text, **forwarded).status_code == 200


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("10.1.2.3", None, True),
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["2001:db8::/32", "10.1.2.3/32"], True),
        ("10.1.2.3", ["::/0"], False),
        ("2001:db8::1", ["2001:db8::/32"], True),
        ("2001:db8::1", ["0.0.0.0/0"], False),
        ("", ["0.0.0.0/0", "::/0"], False),
        ("unix:", ["0.0.0.0/0"], False),
    ],
)
def test_an_address_is_within_its_networks_or_not(
    address: str, networks: list[str] | None, expected: bool
) -> None:
    assert is_address_within(address, networks) is expected


def test_a_key_opens_only_the_endpoints_of_its_scope(account: Account) -> None:
    _, everywhere = lifecycle.issue_key(account, "everywhere")
    _, chat_only = lifecycle.issue_key(account, "chat only", endpoints=["chat"], may_manage_keys=True)
    _, with_usage = lifecycle.issue_key(account, "with usage", endpoints=["chat", "usage"])
    assert ask(everywhere).status_code == 200
    assert ask(chat_only).status_code == 403
    assert ask(with_usage).status_code == 200


def test_a_view_that_names_no_scope_is_closed_to_keys(account: Account) -> None:
    _, key_text = lifecycle.issue_key(account, "server", may_manage_keys=True)
    assert ask(key_text, view=ScopelessView).status_code == 403
    assert ask(user=User.objects.get(email="owner@lab.test"), view=ScopelessView).status_code == 200


def test_too_many_bad_keys_are_429_and_a_good_key_still_works(account: Account, settings: Any) -> None:
    settings.KEY_GUESSES_PER_ADDRESS = "2/h"
    _, key_text = lifecycle.issue_key(account, "server")
    responses = [ask(new_key()) for _ in range(3)]
    assert [response.status_code for response in responses] == [401, 401, 429]
    assert int(responses[-1]["Retry-After"]) >= 1
    assert ask(key_text).status_code == 200
    assert ask(new_key(), address="192.0.2.2").status_code == 401


def test_a_role_is_required_of_members_and_never_met_by_a_key(account: Account) -> None:
    require_role(Principal(account=account, role="admin"), "owner", "admin")
    for caller in (Principal(account=account, role="viewer"), Principal(account=account, api_key=ApiKey())):
        with pytest.raises(errors.RoleNotAllowed):
            require_role(caller, "owner", "admin")


def test_a_session_changes_nothing_without_a_csrf_token(account: Account) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(email="owner@lab.test"))
    body = {"data": {"name": "server"}, "content_type": "application/json"}
    refused = client.post("/api/v1/keys", **body)
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["error"]["message"]
    assert client.get("/api/v1/keys").status_code == 200
    token = "a" * 32
    client.cookies["csrftoken"] = token
    assert client.post("/api/v1/keys", **body, headers={"X-CSRFToken": token}).status_code == 201


def test_a_key_needs_no_csrf_token(account: Account) -> None:
    _, key_text = lifecycle.issue_key(account, "server", may_manage_keys=True)
    response = Client(enforce_csrf_checks=True).post(
        "/api/v1/keys",
        data={"name": "another"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key_text}"},
    )
    assert response.status_code == 201


def test_a_caller_is_asked_for_one_query_by_key(
    account: Account, django_assert_num_queries: Callable[[int], Any]
) -> None:
    _, key_text = lifecycle.issue_key(account, "server")
    with django_assert_num_queries(1):
        ask(key_text)

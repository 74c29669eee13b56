import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import actions
from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.models import Account, ApiKey, Membership

KEYS = "/api/v1/keys"


def error_of(response: Any) -> dict[str, Any]:
    return response.json()["error"]


def test_a_key_is_issued_and_shown_once(account: Account, owner: Any) -> None:
    response = owner.send("POST", KEYS, {"name": "server"})
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    body = response.json()
    key_text = body.pop("key")
    stored = ApiKey.objects.get(digest=digest_of(key_text))
    assert body == {
        "id": stored.public_id,
        "object": "api_key",
        "name": "server",
        "prefix": key_text[:12],
        "last_four": key_text[-4:],
        "status": "live",
        "scopes": {"endpoints": None, "models": None, "networks": None},
        "may_manage_keys": False,
        "cap_day": None,
        "cap_month": None,
        "created_at": body["created_at"],
        "expires_at": None,
        "revoked_at": None,
        "replaces": None,
        "issued_by": None,
    }
    assert body["created_at"].endswith("Z")
    assert abs(datetime.fromisoformat(body["created_at"]) - timezone.now()) < timedelta(minutes=1)
    assert stored.created_by is not None
    shown_again = owner.send("GET", f"{KEYS}/{stored.public_id}")
    assert shown_again.json() == body
    assert key_text not in owner.send("GET", KEYS).content.decode()


def test_a_key_keeps_the_terms_asked_for(owner: Any) -> None:
    terms = {
        "name": "좁은 키",
        "scopes": {"endpoints": ["chat"], "models": ["small"], "networks": ["10.1.2.3/8"]},
        "may_manage_keys": True,
        "cap_day": "2.5",
        "cap_month": 10,
        "expires_at": "2099-01-01T09:00:00+09:00",
    }
    body = owner.send("POST", KEYS, terms).json()
    assert body["name"] == "좁은 키"
    assert body["scopes"] == {"endpoints": ["chat"], "models": ["small"], "networks": ["10.0.0.0/8"]}
    assert body["may_manage_keys"] is True
    assert (body["cap_day"], body["cap_month"]) == ("2.5", "10")
    assert body["expires_at"] == "2099-01-01T00:00:00Z"


def a_key(sender: Any, **terms: Any) -> str:
    return sender.send("POST", KEYS, {"name": "server"} | terms).json()["id"]


def test_keys_are_listed_newest_first_page_by_page(account: Account, foreign_key: ApiKey, owner: Any) -> None:
    made = [lifecycle.issue_key(account, f"key {number}")[0].public_id for number in range(5)]
    seen: list[str] = []
    after, pages = None, 0
    while True:
        page = owner.send("GET", f"{KEYS}?limit=2" + (f"&after={after}" if after else "")).json()
        seen += [key["id"] for key in page["data"]]
        pages += 1
        assert page["has_more"] == (page["next"] is not None)
        if not page["has_more"]:
            break
        after = page["next"]
    assert seen == made[::-1]
    assert pages == 3


def test_a_key_issued_meanwhile_shifts_no_page(account: Account, owner: Any) -> None:
    made = [lifecycle.issue_key(account, f"key {number}")[0].public_id for number in range(3)]
    first = owner.send("GET", f"{KEYS}?limit=2").json()
    lifecycle.issue_key(account, "newer")
    second = owner.send("GET", f"{KEYS}?limit=2&after={first['next']}").json()
    assert [key["id"] for key in first["data"] + second["data"]] == made[::-1]


def test_a_page_costs_the_same_number_of_queries_whatever_its_length(
    account: Account, with_key: Callable[..., Any], django_assert_num_queries: Callable[[int], Any]
) -> None:
    key, key_text = lifecycle.issue_key(account, "first", may_manage_keys=True)
    for _ in range(10):
        key, _ = lifecycle.rotate_key(key, 60)
    with django_assert_num_queries(2):
        with_key(key_text).send("GET", KEYS)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=%00",
        "limit=9" * 2000,
        "after=",
        "after=x",
        "after=%00",
        "after=key_0000000000000000",
        "status=live",
    ],
)
def test_a_bad_page_is_a_400_that_names_the_parameter(owner: Any, query: str) -> None:
    response = owner.send("GET", f"{KEYS}?{query}")
    assert response.status_code == 400
    assert error_of(response)["param"] == query.partition("=")[0]


def test_another_tenants_key_is_no_cursor(owner: Any, foreign_key: ApiKey) -> None:
    assert owner.send("GET", f"{KEYS}?after={foreign_key.public_id}").status_code == 400


def test_a_change_touches_only_what_it_names(owner: Any) -> None:
    path = f"{KEYS}/{a_key(owner, cap_day='1', cap_month='2', expires_at='2099-01-01T00:00:00Z')}"
    before = owner.send("GET", path).json()
    assert owner.send("PATCH", path, {}).json() == before
    assert owner.send("PATCH", path, {"name": "renamed"}).json() == before | {"name": "renamed"}
    changed = owner.send("PATCH", path, {"cap_day": None, "cap_month": "0.5"}).json()
    assert changed == before | {"name": "renamed", "cap_day": None, "cap_month": "0.5"}
    assert owner.send("PATCH", path, {"expires_at": None}).json()["expires_at"] is None
    assert owner.send("GET", path).json() == changed | {"expires_at": None}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"cap_day": "-1"}, "cap_day"),
        ({"expires_at": "2000-01-01T00:00:00Z"}, "expires_at"),
        ({"scopes": {}}, "scopes"),
        ({"may_manage_keys": True}, "may_manage_keys"),
        ({"revoked_at": None}, "revoked_at"),
    ],
)
def test_a_bad_change_is_refused_whole(owner: Any, change: Any, param: str) -> None:
    path = f"{KEYS}/{a_key(owner)}"
    before = owner.send("GET", path).json()
    response = owner.send("PATCH", path, {"name": "renamed", "cap_month": "1"} | change)
    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert owner.send("GET", path).json() == before


def test_a_change_with_a_bad_name_keeps_the_old_limits(owner: Any) -> None:
    path = f"{KEYS}/{a_key(owner)}"
    assert owner.send("PATCH", path, {"cap_day": "1", "name": "a\u202eb"}).status_code == 400
    assert owner.send("GET", path).json()["cap_day"] is None


def test_a_revoked_key_shows_when_and_stays(
    account: Account, owner: Any, with_key: Callable[..., Any]
) -> None:
    issued = owner.send("POST", KEYS, {"name": "server", "may_manage_keys": True}).json()
    path = f"{KEYS}/{issued['id']}"
    assert with_key(issued["key"]).send("GET", path).status_code == 200
    revoked = owner.send("DELETE", path)
    assert revoked.status_code == 200
    assert revoked.json()["status"] == "revoked"
    assert revoked.json()["revoked_at"].endswith("Z")
    assert owner.send("DELETE", path).json() == revoked.json()
    assert with_key(issued["key"]).send("GET", path).status_code == 401
    assert owner.send("PATCH", path, {"expires_at": None}).status_code == 409
    assert owner.send("POST", f"{path}/rotate").status_code == 409


def test_an_expired_key_says_so(account: Account, owner: Any) -> None:
    key_id = a_key(owner)
    ApiKey.objects.update(expires_at=timezone.now())
    assert owner.send("GET", f"{KEYS}/{key_id}").json()["status"] == "expired"


def test_a_rotated_key_overlaps_with_its_successor_for_a_day_unless_told(
    owner: Any, with_key: Callable[..., Any]
) -> None:
    issued = owner.send("POST", KEYS, {"name": "server", "cap_day": "3", "may_manage_keys": True}).json()
    response = owner.send("POST", f"{KEYS}/{issued['id']}/rotate")
    assert response.status_code == 201
    successor = response.json()
    assert (successor["replaces"], successor["name"], successor["cap_day"]) == (issued["id"], "server", "3")
    old = owner.send("GET", f"{KEYS}/{issued['id']}").json()
    left = datetime.fromisoformat(old["expires_at"]) - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(days=1)
    for key_text in (issued["key"], successor["key"]):
        assert with_key(key_text).send("GET", KEYS).status_code == 200
    at_once = owner.send("POST", f"{KEYS}/{successor['id']}/rotate", {"overlap_s": 0})
    assert at_once.status_code == 201
    assert with_key(successor["key"]).send("GET", KEYS).status_code == 401
    assert owner.send("POST", f"{KEYS}/{issued['id']}/rotate").status_code == 409


@pytest.mark.parametrize("overlap_s", [-1, 2_592_001, "soon", True, 1.5, [], 10**30])
def test_a_bad_overlap_rotates_nothing(owner: Any, overlap_s: Any) -> None:
    response = owner.send("POST", f"{KEYS}/{a_key(owner)}/rotate", {"overlap_s": overlap_s})
    assert response.status_code == 400
    assert error_of(response)["param"] == "overlap_s"
    assert ApiKey.objects.count() == 1


def test_a_key_that_may_manage_keys_hands_out_at_most_itself(
    account: Account, with_key: Callable[..., Any]
) -> None:
    narrow, key_text = lifecycle.issue_key(
        account, "narrow", endpoints=["chat", "usage"], cap_day_microcredits=5_000_000, may_manage_keys=True
    )
    broad, _ = lifecycle.issue_key(account, "broad")
    caller = with_key(key_text)
    within = {"name": "x", "scopes": {"endpoints": ["chat"]}, "cap_day": "5", "may_manage_keys": True}
    assert caller.send("POST", KEYS, within).status_code == 201
    for beyond, param in (
        ({"scopes": {"endpoints": ["chat", "images"]}}, "scopes.endpoints"),
        ({"scopes": None}, "scopes.endpoints"),
        ({"cap_day": "5.000001"}, "cap_day"),
        ({"cap_day": None}, "cap_day"),
    ):
        response = caller.send("POST", KEYS, within | beyond)
        assert (response.status_code, error_of(response)["param"]) == (403, param)
    assert caller.send("PATCH", f"{KEYS}/{narrow.public_id}", {"cap_day": None}).status_code == 403
    assert caller.send("PATCH", f"{KEYS}/{narrow.public_id}", {"cap_day": "4"}).status_code == 200
    assert caller.send("POST", f"{KEYS}/{broad.public_id}/rotate").status_code == 403
    assert caller.send("POST", f"{KEYS}/{narrow.public_id}/rotate").status_code == 201
    assert caller.send("DELETE", f"{KEYS}/{broad.public_id}").status_code == 200


def test_a_member_issues_only_so_many_keys_in_a_while(
    account: Account, owner: Any, signed_in: Callable[..., Any], settings: Any
) -> None:
    settings.KEYS_ISSUED_PER_MEMBER = "2/h"
    assert owner.send("POST", KEYS, {"name": ""}).status_code == 400  # costs none of the two
    key_id = a_key(owner)
    assert owner.send("POST", f"{KEYS}/{key_id}/rotate").status_code == 201
    refused = owner.send("POST", KEYS, {"name": "third"})
    assert refused.status_code == 429
    assert error_of(refused)["type"] == "rate_limit"
    assert 1 <= int(refused["Retry-After"]) <= 3600
    assert owner.send("DELETE", f"{KEYS}/{key_id}").status_code == 200
    assert signed_in(account, "developer").send("POST", KEYS, {"name": "third"}).status_code == 201


def test_keys_that_issue_keys_share_their_accounts_limit(
    account: Account, with_key: Callable[..., Any], settings: Any
) -> None:
    settings.KEYS_ISSUED_PER_MEMBER = "2/h"
    sender = with_key(lifecycle.issue_key(account, "first", may_manage_keys=True)[1])
    statuses = []
    for _ in range(3):
        response = sender.send("POST", KEYS, {"name": "next", "may_manage_keys": True})
        statuses.append(response.status_code)
        sender = with_key(response.json().get("key", ""))
    assert statuses == [201, 201, 429]


def test_a_suspended_accounts_members_may_look_and_revoke_but_not_issue(account: Account, owner: Any) -> None:
    key_id = a_key(owner)
    actions.suspend_account(account)
    assert owner.send("GET", KEYS).status_code == 200
    assert owner.send("POST", KEYS, {"name": "more"}).status_code == 403
    assert owner.send("POST", f"{KEYS}/{key_id}/rotate").status_code == 403
    assert owner.send("DELETE", f"{KEYS}/{key_id}").status_code == 200


def test_the_key_api_is_described_in_the_schema(nobody: Any) -> None:
    response = nobody.send("GET", "/api/schema", Accept="application/json")
    schema = json.loads(response.content)
    keys = schema["paths"][KEYS]
    assert keys["post"]["operationId"] == "issue_key"
    assert {"apiKey": []} in keys["post"]["security"]
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    issued = schema["components"]["schemas"]["IssuedKeyBody"]
    assert set(issued["properties"]) >= {"id", "object", "key", "scopes", "status"}


@pytest.mark.parametrize("role", Membership.Role.values)
def test_every_response_names_its_request(account: Account, signed_in: Callable[..., Any], role: str) -> None:
    response = signed_in(account, role).send("GET", f"{KEYS}/nothing")
    assert response.status_code == 404
    assert error_of(response)["request_id"] == response["X-Request-Id"]

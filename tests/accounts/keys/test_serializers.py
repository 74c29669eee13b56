from typing import Any

import pytest

from accounts.models import ApiKey

KEYS = "/api/v1/keys"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x" * 60_000}, "name"),
        ({"nmae": "x"}, "nmae"),
        ({"x" * 1000: 1}, "x" * 100),
        ({"a\x00": 1}, "a\x00"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "chat"}, "scopes"),
        ({"scopes": {"endpoint": ["chat"]}}, "scopes.endpoint"),
        ({"scopes": {"endpoints": []}}, "scopes.endpoints"),
        ({"scopes": {"endpoints": "chat"}}, "scopes.endpoints"),
        ({"scopes": {"endpoints": [1]}}, "scopes.endpoints.0"),
        ({"scopes": {"endpoints": ["a b"]}}, "scopes.endpoints"),
        ({"scopes": {"models": ["m\x00"]}}, "scopes.models.0"),
        ({"scopes": {"models": [[]]}}, "scopes.models.0"),
        ({"scopes": {"networks": ["nowhere"]}}, "scopes.networks"),
        ({"scopes": {"networks": ["10.0.0.1"] * 201}}, "scopes.networks"),
        ({"may_manage_keys": "yes"}, "may_manage_keys"),
        ({"may_manage_keys": 1}, "may_manage_keys"),
        ({"cap_day": "much"}, "cap_day"),
        ({"cap_day": True}, "cap_day"),
        ({"cap_day": {}}, "cap_day"),
        ({"cap_day": "-1"}, "cap_day"),
        ({"cap_day": "NaN"}, "cap_day"),
        ({"cap_day": "Infinity"}, "cap_day"),
        ({"cap_day": "1e400000000"}, "cap_day"),
        ({"cap_day": "1_000"}, "cap_day"),
        ({"cap_day": "٣"}, "cap_day"),
        ({"cap_day": "0.0000001"}, "cap_day"),
        ({"cap_day": "9" * 50_000}, "cap_day"),
        ({"cap_month": 1e300}, "cap_month"),
        ({"cap_month": 10**400}, None),
        ({"cap_month": 10**15}, "cap_month"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2000-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"expires_at": 4102444800}, "expires_at"),
        ({"expires_at": "9" * 50_000}, "expires_at"),
    ],
)
def test_bad_terms_are_a_400_that_names_the_field(owner: Any, change: Any, param: str | None) -> None:
    response = owner.send("POST", KEYS, {"name": "server"} | change)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request", param)
    assert len(error["message"]) < 300
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"name"', b"null", b"7", b'{"name": NaN}', b'{"name": "\xff"}', b'{"name": "\\ud800"}',
        b"\x00", b"[" * 60_000, b'{"a":' * 10_000, b"name=server", b"\xef\xbb\xbf{}", b"{}",
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_a_400(owner: Any, body: bytes) -> None:
    response = owner.send("POST", KEYS, body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request"


def test_null_is_the_fields_default(owner: Any) -> None:
    response = owner.send("POST", KEYS, {"name": "server", "may_manage_keys": None})
    assert response.status_code == 201
    assert response.json()["may_manage_keys"] is False


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_content_type_is_a_400(owner: Any, content_type: str) -> None:
    response = owner.send("POST", KEYS, {"name": "server"}, content_type=content_type)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "Content-Type"


def test_a_body_over_the_limit_is_a_413(owner: Any) -> None:
    one = f"{KEYS}/{owner.send('POST', KEYS, {'name': 'server'}).json()['id']}"
    for method, path in (("POST", KEYS), ("PATCH", one)):
        response = owner.send(method, path, {"name": "x" * 10_000_000})
        assert response.status_code == 413
        assert response.json()["error"]["type"] == "invalid_request"

"""A key's text and digest are in no log, no page and no database column but the one for the digest."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.keys import lifecycle
from accounts.keys.format import digest_of, new_key
from accounts.models import Account, ApiKey, User


def test_no_log_tells_a_key_or_its_digest(
    account: Account, with_key: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("accounts", "django", "django.request", "aio_platform"):
        caplog.set_level(logging.DEBUG, logger=name)
    api_key, key_text = lifecycle.issue_key(account, "server", may_manage_keys=True)
    new, new_text = lifecycle.rotate_key(api_key, 60, created_by=User.objects.get())
    guessed = new_key()
    for text in (key_text, new_text, guessed, "aio_malformed"):
        with_key(text).send("GET", "/api/v1/keys")
    issued = with_key(new_text).send("POST", "/api/v1/keys", {"name": "by key"}).json()["key"]
    with_key(new_text).send("POST", "/api/v1/keys", {"name": key_text * 3})
    with_key(new_text).send("DELETE", f"/api/v1/keys/{new.public_id}")
    with_key(new_text).send("GET", "/api/v1/keys")
    call_command("revoke_key", api_key.prefix)
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "key issued" in logged
    assert "key revoked" in logged
    for text in (key_text, new_text, guessed, issued):
        assert text not in logged
        assert text[4:36] not in logged
        digest = digest_of(text)
        assert digest.hex() not in logged
        assert repr(digest)[2:-1] not in logged


def test_no_table_holds_a_keys_text(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    lifecycle.rotate_key(api_key, 60)
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM accounts_apikey k")
        rows = " ".join(row for (row,) in cursor.fetchall())
    assert api_key.prefix in rows
    assert key_text not in rows
    assert key_text[12:38] not in rows


def test_a_key_shows_itself_by_its_prefix_only(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    shown = f"{api_key} {api_key!r} {ApiKey.objects.get()!r}"
    assert api_key.prefix in shown
    assert key_text[12:] not in shown

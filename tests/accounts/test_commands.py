import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts.keys import lifecycle
from accounts.keys.format import digest_of
from accounts.management.commands import revoke_key
from accounts.models import Account, ApiKey


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def run_json(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_issue_key_answers_with_the_key_its_id_and_prefix(account: Account) -> None:
    answer = run_json("issue_key", "Ada's lab")
    stored = ApiKey.objects.get(digest=digest_of(answer["key"]))
    assert answer == {"id": stored.public_id, "key": answer["key"], "prefix": answer["key"][:12]}
    assert stored.account == account


def test_issue_key_takes_every_limit(account: Account) -> None:
    run(
        "issue_key", account.public_id, "--name", "batch", "--scope", "chat", "--scope", "usage",
        "--scope", "model:llama:7b", "--scope", "network:2001:db8::/32",
        "--expires", "2099-01-01T09:00:00+09:00", "--cap-day", "2.5", "--cap-month", "10", "--manage-keys",
    )  # fmt: skip
    stored = ApiKey.objects.get()
    assert stored.name == "batch"
    assert stored.allowed_endpoints == ["chat", "usage"]
    assert stored.allowed_models == ["llama:7b"]
    assert stored.allowed_networks == ["2001:db8::/32"]
    assert stored.expires_at == datetime(2099, 1, 1, tzinfo=UTC)
    assert (stored.cap_day_microcredits, stored.cap_month_microcredits) == (2_500_000, 10_000_000)
    assert stored.may_manage_keys


def test_a_moment_without_a_zone_is_utc(account: Account) -> None:
    run("issue_key", account.public_id, "--expires", "2099-01-01")
    assert ApiKey.objects.get().expires_at == datetime(2099, 1, 1, tzinfo=UTC)


def test_people_are_shown_the_key_and_told_to_keep_it(account: Account) -> None:
    lines = run("issue_key", account.public_id).splitlines()
    assert ApiKey.objects.get(digest=digest_of(lines[0]))
    assert "not shown again" in lines[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["issue_key", "Nobody"], "no account 'Nobody'"),
        (["issue_key", "Ada's lab", "--name", ""], "name"),
        (["issue_key", "Ada's lab", "--scope", "modl:x"], "--scope"),
        (["issue_key", "Ada's lab", "--scope", "network:nowhere"], "network"),
        (["issue_key", "Ada's lab", "--scope", ""], "endpoint"),
        (["issue_key", "Ada's lab", "--expires", "soon"], "--expires"),
        (["issue_key", "Ada's lab", "--expires", "9999-12-31T23:59:59-23:00"], "--expires"),
        (["issue_key", "Ada's lab", "--expires", "2000-01-01"], "future"),
        (["issue_key", "Ada's lab", "--cap-day", "NaN"], "--cap-day"),
        (["issue_key", "Ada's lab", "--cap-month", "-1"], "cap"),
        (["revoke_key", "aio_00000000"], "no API key"),
        (["set_plan", "Ada's lab", "gold"], "no plan 'gold'"),
        (["set_plan", "Nobody", "scale"], "no account"),
        (["suspend_account", "Nobody"], "no account"),
        (["reactivate_account", "Nobody"], "no account"),
    ],
)
def test_a_problem_is_told_in_one_line(account: Account, words: list[str], says: str) -> None:
    with pytest.raises(CommandError) as problem:
        run(*words)
    assert says in str(problem.value)
    assert "\n" not in str(problem.value)
    assert problem.value.returncode == 1
    assert not ApiKey.objects.exists()


def test_revoke_key_takes_an_id_or_a_prefix_and_may_be_repeated(account: Account) -> None:
    for named_by in ("public_id", "prefix"):
        api_key, _ = lifecycle.issue_key(account, "server")
        answers = [run_json("revoke_key", getattr(api_key, named_by)) for _ in range(2)]
        api_key.refresh_from_db()
        assert api_key.revoked_at is not None
        assert answers[0] == answers[1]
        assert answers[0]["id"] == api_key.public_id
        assert answers[0]["revoked_at"].endswith("Z")
    assert "is revoked" in run("revoke_key", api_key.public_id)


def test_set_plan_changes_the_plan(account: Account) -> None:
    assert run_json("set_plan", account.public_id, "scale")["plan"] == "scale"
    assert Account.objects.get().plan_id == "scale"


def test_an_account_is_suspended_and_reactivated(account: Account) -> None:
    assert run_json("suspend_account", "Ada's lab")["status"] == "suspended"
    assert Account.objects.get().status == "suspended"
    assert run_json("reactivate_account", "Ada's lab")["status"] == "active"
    assert Account.objects.get().status == "active"


def test_commands_need_no_more_than_the_applications_role(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE aio_app")
    answer = run_json("issue_key", account.public_id)
    run("revoke_key", answer["prefix"])
    run("set_plan", account.public_id, "scale")
    run("suspend_account", account.public_id)
    run("reactivate_account", account.public_id)


def test_from_the_shell_a_problem_is_exit_code_1_and_a_line_on_stderr(
    committing: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        revoke_key.Command().run_from_argv(["manage.py", "revoke_key", "key_0000000000000000"])
    assert ended.value.code == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "There is no API key key_0000000000000000." in captured.err

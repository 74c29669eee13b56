"""The commands: one JSON object for scripts, a sentence for people, exit code 1 and one line for mistakes."""

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership

CREDIT = 1_000_000


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def run_json(*arguments):
    return json.loads(run(*arguments, "--json"))


def mistake(*arguments):
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


def test_create_account_gives_a_trial_account_its_bonus(db):
    made = run_json("create_account", "Ada")
    assert made["id"].startswith("acct_")
    assert (made["name"], made["plan"], made["available"]) == ("Ada", "trial", "100")
    assert "acct_" in run("create_account", "Bob")


def test_create_account_takes_a_plan_credits_and_an_owner(db):
    made = run_json(
        "create_account", "Ada", "--plan", "scale", "--credits", "2.5", "--owner", "ada@people.test"
    )
    assert (made["plan"], made["available"]) == ("scale", "2.5")
    assert Membership.objects.get().user.email == "ada@people.test"


def test_create_account_says_what_is_wrong(db):
    run("create_account", "Ada")
    assert mistake("create_account", "Ada") == "There is an account named 'Ada' already."
    assert "trial" in mistake("create_account", "Bob", "--plan", "gold")
    assert "--credits" in mistake("create_account", "Bob", "--credits", "1.0000001")
    assert "more than 0" in mistake("create_account", "Bob", "--credits=-1")
    assert "e-mail" in mistake("create_account", "Bob", "--owner", "nobody")
    assert run_json("balance", "Ada") == {"available": "100", "held": "0"}


def test_grant_credits_takes_an_id_or_a_name(tenant):
    by_id = run_json("grant_credits", tenant.account.public_id, "1.5", "--reason", "thanks")
    assert (by_id["granted"], by_id["available"], by_id["repeated"]) == ("1.5", "11.5", False)
    by_name = run_json("grant_credits", tenant.account.name, "1", "--expires", "30d")
    assert by_name["expires_at"].endswith("Z")


def test_grant_credits_gives_once_under_a_key(books, tenant):
    first = run_json("grant_credits", tenant.account.name, "1", "--idempotency-key", "k")
    again = run_json("grant_credits", tenant.account.name, "1", "--idempotency-key", "k")
    assert (first["repeated"], again["repeated"], again["entry"]) == (False, True, first["entry"])
    assert "already" in run("grant_credits", tenant.account.name, "1", "--idempotency-key", "k")
    assert "another grant" in mistake("grant_credits", tenant.account.name, "2", "--idempotency-key", "k")


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "1e99", "x", ""])
def test_grant_credits_refuses_what_is_no_amount(books, tenant, amount):
    assert mistake("grant_credits", tenant.account.name, "--", amount)
    assert books.balance(tenant).available == 10 * CREDIT


@pytest.mark.parametrize("expires", ["2020-01-01", "soon", ""])
def test_grant_credits_refuses_what_is_no_expiry(tenant, expires):
    assert mistake("grant_credits", tenant.account.name, "1", f"--expires={expires}")


def test_unknown_accounts_are_named(db):
    assert mistake("balance", "nobody") == "There is no account 'nobody'."
    assert mistake("grant_credits", "nobody", "1") == "There is no account 'nobody'."


def test_balance_shows_what_is_held(books, tenant):
    books.hold(tenant, CREDIT)
    assert run_json("balance", tenant.account.name) == {"available": "9", "held": "1"}
    assert run("balance", tenant.account.name) == "9 credits available, 1 held"


def test_balance_shows_what_the_next_call_would_find(books, tenant):
    run("grant_credits", tenant.account.name, "5", "--expires", "1h")
    books.sql("UPDATE usage_grant SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL")
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp()")
    assert run_json("balance", tenant.account.name) == {"available": "10", "held": "0"}


def test_reconcile_says_that_the_books_agree(books, tenant):
    books.call(tenant, 5)
    assert run("reconcile") == "books agree"
    assert run_json("reconcile") == {"agree": True, "disagreements": []}


def test_reconcile_of_no_books_does_not_say_that_they_agree(db):
    out = StringIO()
    with pytest.raises(CommandError, match="no account in this database, so nothing was compared"):
        call_command("reconcile", stdout=out)
    assert out.getvalue() == ""


def test_reconcile_prints_every_disagreement_and_fails(books, tenant):
    books.sql("UPDATE usage_balance SET available_microcredits = 1")
    out = StringIO()
    with pytest.raises(CommandError, match="disagree in 1 place"):
        call_command("reconcile", "--json", stdout=out)
    [row] = json.loads(out.getvalue())["disagreements"]
    assert row["account"] == tenant.account.public_id
    assert row["problem"] == "ledger total is not available plus held"


def test_refund_call_gives_back_once(books, tenant):
    request_id = "req_" + books.call(tenant, 500_000)
    arguments = ("refund_call", request_id, "0.2", "--reason", "sorry", "--idempotency-key", "k")
    refunded = run_json(*arguments)
    assert (refunded["refunded"], refunded["available"], refunded["repeated"]) == ("0.2", "9.7", False)
    assert run_json(*arguments)["repeated"] is True
    assert "more than it cost" in mistake(
        "refund_call", request_id, "0.4", "--reason", "sorry", "--idempotency-key", "other"
    )


@pytest.mark.parametrize("request_id", ["x", "req_" + "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15])
def test_refund_call_names_calls_it_does_not_know(db, request_id):
    assert mistake("refund_call", request_id, "1", "--reason", "sorry", "--idempotency-key", "k")


def test_usage_report_adds_up_all_accounts(books):
    one, two = books.tenant(credit=CREDIT), books.tenant(credit=CREDIT)
    books.call(one, 5)
    books.call(two, 7)
    books.call(two, outcome="failed")
    rows = run_json("usage_report")["rows"]
    assert [(row["account"], row["calls"], row["errors"], row["cost"]) for row in rows] == [
        (two.account.name, 2, 1, "0.000007"),
        (one.account.name, 1, 0, "0.000005"),
    ]
    table = run("usage_report").splitlines()
    assert len(table) == 3
    assert table[0].split()[:2] == ["account", "calls"]


def test_usage_report_groups_and_writes_csv(books, tenant):
    books.call(tenant, 5, model="small")
    [row] = csv.DictReader(StringIO(run("usage_report", "--group-by", "day,model,key", "--format", "csv")))
    assert (row["model"], row["key"], row["calls"]) == ("small", tenant.key.prefix, "1")
    assert len(row["day"]) == 10


def test_usage_report_says_what_is_wrong(db):
    assert "--group-by" in mistake("usage_report", "--group-by", "colour")
    assert "--since" in mistake("usage_report", "--since", "x")
    assert "before" in mistake("usage_report", "--since", "2026-02-01", "--until", "2026-01-01")

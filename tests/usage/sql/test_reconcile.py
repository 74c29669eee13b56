"""usage_reconcile_v2 finds whatever somebody changed past the functions, and nothing in books they alone wrote."""

import pytest

CREDIT = 1_000_000


@pytest.fixture
def busy(books):
    """An account with one of everything: grants, an expiry, captures, a release, a refund and open holds."""
    tenant = books.tenant(credit=10 * CREDIT)
    books.sql(
        "SELECT usage_grant_v1(%s, 100, 'r', 'a', clock_timestamp() + interval '1 hour', NULL)", tenant.id
    )
    books.sql("UPDATE usage_grant SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL")
    books.sql("UPDATE usage_balance SET next_grant_expiry_at = clock_timestamp()")
    request_id = books.call(tenant, 2 * CREDIT)
    books.call(tenant, 3 * CREDIT)
    books.call(tenant)
    books.sql(
        "SELECT usage_refund_v2(%s, (SELECT started_at FROM usage_event WHERE request_id = %s), %s, %s, 'r', 'a', 'k')",
        tenant.id,
        request_id,
        request_id,
        CREDIT,
    )
    books.hold(tenant, CREDIT)
    books.hold(tenant, 2 * CREDIT)
    return tenant


def tamper(books, statement):
    """What only the owner can do, with the guards off."""
    books.sql("ALTER TABLE usage_ledger_entry DISABLE TRIGGER ALL")
    books.sql(statement)
    books.sql("ALTER TABLE usage_ledger_entry ENABLE TRIGGER ALL")


def test_books_written_by_the_functions_agree(books, busy):
    kinds = {kind for kind, _ in books.entries(busy)}
    assert kinds == {"grant", "capture", "expiry", "refund"}
    assert books.problems() == []


TAMPERING = {
    "more available": (
        "UPDATE usage_balance SET available_microcredits = available_microcredits + 1",
        "ledger total is not available plus held",
    ),
    "held made available": (
        "UPDATE usage_balance SET available_microcredits = available_microcredits + 1,"
        " held_microcredits = held_microcredits - 1",
        "held is not the sum of the open holds",
    ),
    "a hold made larger": (
        "UPDATE usage_hold SET amount_microcredits = amount_microcredits + 1 WHERE amount_microcredits = 1000000",
        "held is not the sum of the open holds",
    ),
    "a hold removed": (
        "DELETE FROM usage_hold WHERE amount_microcredits = 1000000",
        "holds opened are not holds ended plus open",
    ),
    "an event removed": (
        "DELETE FROM usage_event WHERE cost_microcredits = 0",
        "holds ended are not the usage events",
    ),
    "a charged event removed": (
        "DELETE FROM usage_event WHERE cost_microcredits = 3000000",
        "a capture and its usage event disagree",
    ),
    "an event made cheaper": (
        "UPDATE usage_event SET cost_microcredits = cost_microcredits - 1 WHERE cost_microcredits = 3000000",
        "captured is not the sum of captures and of event costs",
    ),
    "an event of another capture": (
        "UPDATE usage_event SET request_id = gen_random_uuid() WHERE cost_microcredits = 3000000",
        "a capture and its usage event disagree",
    ),
    "an event twice": (
        "INSERT INTO usage_event SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'started_at', e.started_at + interval '1 second'))).* FROM usage_event e WHERE cost_microcredits = 0",
        "a call has two usage events",
    ),
    "an event of an open hold": (
        "UPDATE usage_event e SET request_id = h.request_id, started_at = h.started_at"
        " FROM (SELECT * FROM usage_hold LIMIT 1) h WHERE e.cost_microcredits = 0",
        "a call has a usage event and an open hold",
    ),
    "an entry made smaller": (
        "UPDATE usage_ledger_entry SET amount_microcredits = amount_microcredits - 1,"
        " balance_microcredits = balance_microcredits - 1 WHERE kind = 'grant' AND amount_microcredits > 100",
        "a ledger entry does not start where the one before ended",
    ),
    "the last entry removed": (
        "DELETE FROM usage_ledger_entry l USING usage_balance b"
        " WHERE l.account_id = b.account_id AND l.entry = b.last_entry",
        "ledger entries are not numbered 1 to last",
    ),
    "an entry in the middle removed": (
        "DELETE FROM usage_ledger_entry WHERE kind = 'expiry'",
        "ledger entries are not numbered 1 to last",
    ),
    "a refund on the event alone": (
        "UPDATE usage_event SET refunded_microcredits = 7 WHERE cost_microcredits = 3000000",
        "a usage event's refunds are not the ledger's",
    ),
    "a grant made larger": (
        "UPDATE usage_grant SET amount_microcredits = amount_microcredits + 1",
        "a grant and its ledger entry disagree",
    ),
    "a grant removed": (
        "DELETE FROM usage_grant WHERE expires_at IS NULL",
        "a grant and its ledger entry disagree",
    ),
    "a refund's record removed": (
        "DELETE FROM usage_refund",
        "a refund and its ledger entry disagree",
    ),
    "a refund's record changed": (
        "UPDATE usage_refund SET amount_microcredits = amount_microcredits + 1",
        "a refund and its ledger entry disagree",
    ),
    "an expiry made to point at another grant": (
        "UPDATE usage_ledger_entry SET cause_entry = 1 WHERE kind = 'expiry'",
        "what expired and what is left of a grant is more than the grant",
    ),
    "the balance removed": (
        "DELETE FROM usage_balance",
        "an account has ledger entries, holds or events but no balance",
    ),
    "a hold counted twice": (
        "UPDATE usage_balance SET holds_opened = holds_opened + 1",
        "holds opened are not holds ended plus open",
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(books, busy, name):
    statement, problem = TAMPERING[name]
    tamper(books, statement)
    assert problem in books.problems()


def test_a_problem_names_its_account_and_figures(books, busy):
    tamper(books, "UPDATE usage_balance SET available_microcredits = available_microcredits + 1")
    [(_, account_id, detail)] = books.sql("SELECT * FROM usage_reconcile_v2()")
    available, held = books.balance(busy)
    assert account_id == busy.id
    assert detail == f"ledger {available + held - 1}, available {available}, held {held}"

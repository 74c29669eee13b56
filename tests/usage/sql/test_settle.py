"""usage_settle_v3 and usage_expire_holds_v1: a hold ends once, and its event is written with it."""

from datetime import timedelta

from aio_platform.http import request_ids

CREDIT = 1_000_000


def test_a_capture_takes_the_cost_and_gives_back_the_rest_of_the_hold(books, tenant, make_end):
    call = books.hold(tenant, 5 * CREDIT)
    [settled] = books.settle(make_end(tenant, call, 2 * CREDIT, tokens_in=7, tokens_out=9, latency_ms=42))
    assert settled == (True, 2 * CREDIT, 8 * CREDIT, False)
    assert books.balance(tenant) == (8 * CREDIT, 0)
    assert books.entries(tenant) == [("grant", 10 * CREDIT), ("capture", -2 * CREDIT)]
    [event] = books.sql(
        "SELECT started_at, outcome, cost_microcredits, hold_microcredits, ledger_entry, tokens_in, tokens_out,"
        " latency_ms, key_id, endpoint, model, route, trial FROM usage_event WHERE request_id = %s",
        call.request_id,
    )
    assert event == (
        request_ids.started_at(call.request_id), "succeeded", 2 * CREDIT, 5 * CREDIT, 2, 7, 9, 42,
        tenant.key.pk, "chat", "small", "chat/small", False,
    )  # fmt: skip
    assert books.problems() == []


def test_parts_of_the_tokens_are_kept_and_null_where_there_are_none(books, tenant, make_end):
    cached, plain = books.hold(tenant), books.hold(tenant)
    parts = {
        "cache_read_tokens": 5,
        "cache_write_tokens": 1,
        "cache_write_1h_tokens": 2,
        "reasoning_tokens": 3,
        "audio_tokens_in": 4,
        "audio_tokens_out": 6,
    }
    books.settle(
        make_end(tenant, cached, 7, tokens_in=12, tokens_out=9, **parts),
        make_end(tenant, plain, 7, tokens_in=12),
    )
    kept = books.sql(
        "SELECT tokens_in, tokens_out, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, reasoning_tokens,"
        " audio_tokens_in, audio_tokens_out FROM usage_event ORDER BY cache_read_tokens"
    )
    assert kept == [(12, 9, *parts.values()), (12, 0, *[None] * 6)]
    assert books.problems() == []


def test_a_process_of_the_release_before_settles_beside_this_one(books, tenant):
    """By the function's first names, which know nothing of parts."""
    for version in (1, 2):
        call = books.hold(tenant)
        [settled] = books.sql(
            f"SELECT settled, charged FROM usage_settle_v{version}(%s, %s::uuid[], '{{succeeded}}', '{{5}}', '{{f}}',"
            " '{sandbox}', '{200}', '{f}', '{f}', '{7}', '{9}', '{0}', '{0}', '{0}', '{0}', '{0}', '{1}', '{1}', '{1}',"
            " '{NULL}')",
            [tenant.id],
            [call.request_id],
        )
        assert settled == (True, 5)
    assert books.sql("SELECT tokens_in, tokens_out, cache_read_tokens FROM usage_event") == [(7, 9, None)] * 2
    assert books.problems() == []


def test_a_release_gives_everything_back_and_still_leaves_an_event(books, tenant, make_end):
    call = books.hold(tenant, 5 * CREDIT)
    [settled] = books.settle(make_end(tenant, call, None, outcome="rejected", status=400))
    assert settled == (True, 0, 10 * CREDIT, False)
    assert books.entries(tenant) == [("grant", 10 * CREDIT)]
    assert books.sql("SELECT outcome, status, cost_microcredits, ledger_entry FROM usage_event") == [
        ("rejected", 400, 0, None)
    ]
    assert books.problems() == []


def test_no_more_than_the_hold_is_ever_charged(books, tenant, make_end):
    call = books.hold(tenant, 5 * CREDIT)
    [settled] = books.settle(make_end(tenant, call, 7 * CREDIT))
    assert settled.charged == 5 * CREDIT
    assert books.balance(tenant) == (5 * CREDIT, 0)


def test_settling_again_changes_nothing(books, tenant, make_end):
    call = books.hold(tenant, 5 * CREDIT)
    books.settle(make_end(tenant, call, 2 * CREDIT))
    # The same end again: its first answer may have been lost, so it is given again, as it was.
    assert books.settle(make_end(tenant, call, 3 * CREDIT)) == [(True, 2 * CREDIT, 8 * CREDIT, True)]
    # Another end: that of a call that is over.
    assert books.settle(make_end(tenant, call, None)) == [(False, None, None, False)]
    assert books.balance(tenant) == (8 * CREDIT, 0)
    assert books.problems() == []


def test_a_hold_named_twice_in_a_batch_ends_once(books, tenant, make_end):
    twice, other = books.hold(tenant, 5 * CREDIT), books.hold(tenant, 1 * CREDIT)
    answers = books.settle(
        make_end(tenant, twice, 2 * CREDIT),
        make_end(tenant, other, CREDIT),
        make_end(tenant, twice, 2 * CREDIT),
    )
    assert sorted(answer.settled for answer in (answers[0], answers[2])) == [False, True]
    assert answers[1].settled
    assert books.balance(tenant) == (7 * CREDIT, 0)
    assert books.problems() == []


def test_a_hold_of_another_account_is_not_found(books, tenant, make_end):
    call, stranger = books.hold(tenant), books.tenant()
    assert books.settle(make_end(stranger, call, CREDIT)) == [(False, None, None, False)]
    assert books.balance(tenant).held == CREDIT


def test_answers_come_in_the_order_of_the_calls_over_several_accounts(books, make_end):
    one, two = books.tenant(credit=10 * CREDIT), books.tenant(credit=10 * CREDIT)
    calls = [books.hold(two), books.hold(one), books.hold(two)]
    answers = books.settle(
        make_end(two, calls[0], 1), make_end(one, calls[1], 2), make_end(two, calls[2], None)
    )
    assert answers == [
        (True, 1, 10 * CREDIT - 1, False),
        (True, 2, 10 * CREDIT - 2, False),
        (True, 0, 10 * CREDIT - 1, False),
    ]
    assert books.problems() == []


def test_settling_looks_everything_up_by_key(books, tenant, make_end):
    """A plan made while a table was empty is kept, and would scan all that is in it later on."""
    calls = [books.hold(tenant, 1 * CREDIT) for _ in range(3)]
    tables = "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname LIKE 'usage_%%'"
    before = dict(books.sql(tables))
    books.settle(*[make_end(tenant, call, 1 * CREDIT) for call in calls[:2]])
    # One of these has ended already: its event is looked for.
    books.settle(*[make_end(tenant, call, 1 * CREDIT) for call in calls[1:]])
    scanned = {name: scans - before.get(name, 0) for name, scans in books.sql(tables)}
    assert {name for name, scans in scanned.items() if scans} == set()
    assert scanned.keys() >= {"usage_hold", "usage_balance", "usage_key_meter"}


def test_ledger_entries_of_a_batch_follow_each_other(books, tenant, make_end):
    calls = [books.hold(tenant) for _ in range(3)]
    books.settle(*[make_end(tenant, call, number + 1) for number, call in enumerate(calls)])
    rows = books.sql(
        "SELECT entry, previous_balance_microcredits, balance_microcredits FROM usage_ledger_entry"
        " WHERE account_id = %s AND kind = 'capture' ORDER BY entry",
        tenant.id,
    )
    start = 10 * CREDIT
    assert rows == [(2, start, start - 1), (3, start - 1, start - 3), (4, start - 3, start - 6)]


def test_a_trial_call_is_given_back_when_asked(books, make_end):
    tenant = books.tenant(plan="trial")
    kept, returned = books.hold(tenant), books.hold(tenant)
    books.settle(
        make_end(tenant, kept, None, give_trial_back=False),
        make_end(tenant, returned, None, give_trial_back=True),
    )
    assert books.value("SELECT calls FROM usage_trial_day WHERE account_id = %s", tenant.id) == 1
    assert books.sql("SELECT DISTINCT trial FROM usage_event") == [(True,)]


def test_the_caps_count_what_was_spent_once_the_call_ended(books, tenant):
    books.call(tenant, 2 * CREDIT, ceiling=5 * CREDIT)
    assert books.sql("SELECT day_microcredits, month_microcredits FROM usage_key_meter") == [
        (2 * CREDIT, 2 * CREDIT)
    ]


def test_a_call_held_yesterday_gives_nothing_back_to_today(books, tenant, make_end):
    yesterday = books.hold(tenant, 5 * CREDIT)
    books.sql("UPDATE usage_hold SET held_at = held_at - interval '1 day'")
    books.sql("UPDATE usage_key_meter SET day_microcredits = 3, month = date_trunc('month', day - 1)")
    books.settle(make_end(tenant, yesterday, CREDIT))
    assert books.sql("SELECT day_microcredits, month_microcredits FROM usage_key_meter") == [(3, CREDIT)]


def test_holds_past_their_expiry_are_released_with_their_trial_call(books):
    tenant = books.tenant(plan="trial")
    books.hold(tenant, 5 * CREDIT, ttl_s=-1)
    alive = books.hold(tenant, CREDIT, ttl_s=60)
    assert books.value("SELECT usage_expire_holds_v1(100)") == 1
    assert books.sql("SELECT request_id::text FROM usage_hold")[0][0].replace("-", "") == alive.request_id
    assert books.balance(tenant) == (99 * CREDIT, CREDIT)
    assert books.sql("SELECT outcome, cost_microcredits FROM usage_event") == [("expired", 0)]
    assert books.value("SELECT calls FROM usage_trial_day") == 1
    assert books.value("SELECT usage_expire_holds_v1(100)") == 0
    assert books.problems() == []


def test_at_most_so_many_holds_expire_at_once(books, tenant):
    for _ in range(3):
        books.hold(tenant, 1, ttl_s=-1)
    assert [books.value("SELECT usage_expire_holds_v1(2)") for _ in range(3)] == [2, 1, 0]


def test_a_hold_left_for_months_still_expires(books, tenant, make_call):
    long_ago = request_ids.started_at(request_ids.new_request_uuid()) - timedelta(days=60)
    request_id = f"{int(long_ago.timestamp() * 1000):012x}" + request_ids.new_request_uuid()[12:]
    books.hold(tenant, 1, ttl_s=-1, request_id=request_id)
    assert books.value("SELECT usage_expire_holds_v1(100)") == 1

"""`/overview`: a checklist until the first call, then figures that the books agree with, for every role."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts.keys import lifecycle
from accounts.models import ApiKey, AuditEntry
from aio_platform.http.request_ids import new_request_uuid
from usage.ledger import grants

CREDIT = 1_000_000


def at(moment):
    return f"{int(moment.timestamp() * 1000):012x}" + new_request_uuid()[12:]


def text_of(response):
    """What a page says, without its markup."""
    bare = re.sub(r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", bare)


def test_nobody_signed_in_is_sent_to_sign_in(client, db):
    response = client.get("/overview")
    assert (response.status_code, response["Location"]) == (302, "/auth/login/?next=/overview")


def test_a_new_account_sees_the_way_to_its_first_call(books, visit):
    tenant = books.tenant(credit=10 * CREDIT)
    shown = text_of(visit(tenant, "/overview"))
    assert "Waiting for your first call" in shown
    assert "curl http://testserver/api/chat" in shown
    assert "Top models" not in shown


def test_the_checklists_key_is_shown_once_and_stands_in_the_curl_line(books, client_of):
    tenant = books.tenant()
    ApiKey.objects.filter(account_id=tenant.id).delete()
    browser = client_of(tenant)
    assert "Make a key" in text_of(browser.get("/overview"))
    made = browser.post("/overview/first-key")
    [key_text] = set(re.findall(r"aio_[0-9A-Za-z]{38}", made.content.decode()))
    assert made.content.decode().count(key_text) == 2
    assert made["Cache-Control"].find("no-store") >= 0
    key = ApiKey.objects.get(account_id=tenant.id)
    assert key_text.startswith(key.prefix)
    assert AuditEntry.objects.get(account_id=tenant.id, action="key.issue").target_id == key.public_id
    again = browser.get("/overview").content.decode()
    assert key_text not in again
    assert key.prefix in again


def test_a_viewer_is_offered_no_key_and_cannot_make_one(books, client_of):
    tenant = books.tenant()
    ApiKey.objects.filter(account_id=tenant.id).delete()
    browser = client_of(tenant, "viewer")
    shown = text_of(browser.get("/overview"))
    assert "Make a key" not in shown
    assert "ask an owner, admin or developer" in shown
    assert browser.post("/overview/first-key").status_code == 403
    assert not ApiKey.objects.filter(account_id=tenant.id).exists()


def test_waiting_answers_nothing_until_the_call_has_ended(books, client_of):
    tenant = books.tenant(credit=CREDIT)
    browser = client_of(tenant)
    assert browser.get("/overview/first-call").status_code == 204
    request_id = books.call(tenant, 500)
    done = browser.get("/overview/first-call")
    assert done.status_code == 200
    assert f"/usage/calls/req_{request_id}" in done.content.decode()
    assert "every 1s" not in done.content.decode()


def test_another_accounts_first_call_is_not_waited_for(books, client_of, make_call):
    stranger = books.tenant(credit=CREDIT)
    books.call(stranger, 5)
    books.authorize(make_call(stranger.digest, 50 * CREDIT))
    browser = client_of(books.tenant(credit=CREDIT))
    assert browser.get("/overview/first-call").status_code == 204
    assert "Waiting for your first call" in text_of(browser.get("/overview"))


def test_waiting_tells_of_a_refused_call_once(books, client_of, make_call):
    tenant = books.tenant()
    browser = client_of(tenant)
    [verdict] = books.authorize(make_call(tenant.digest, 50 * CREDIT))
    assert verdict.verdict == "insufficient_credits"
    told = browser.get("/overview/first-call")
    assert "not enough credits" in text_of(told)
    poll = re.search(r'hx-get="([^"]+)"', told.content.decode()).group(1)
    assert browser.get(poll).status_code == 204


def test_figures_are_those_of_the_books(books, visit):
    tenant = books.tenant(plan="unlimited", credit=10 * CREDIT)
    now = datetime.now(UTC)
    books.call(tenant, 1_500_000, request_id=at(now - timedelta(hours=2)), latency_ms=200)
    books.call(tenant, 250_001, request_id=at(now - timedelta(hours=1)), model="large", latency_ms=100)
    books.call(tenant, outcome="failed", latency_ms=300)
    response = visit(tenant, "/overview", {"period": "24h"})
    stats = response.context["stats"]
    assert stats.spend.value == 1_750_001
    assert sum(stats.spend.chart.series[0].values) == 1_750_001
    assert (stats.calls.value, stats.calls.detail) == (3, 1)
    assert stats.success.value == pytest.approx(2 / 3)
    # Percentiles of long times are read from sketches, right to within a few hundredths.
    assert stats.latency.value == pytest.approx(200, rel=0.05)
    assert stats.latency.detail == pytest.approx(300, rel=0.05)
    assert [(one.label, one.cost_microcredits) for one in stats.models] == [
        ("small", 1_500_000),
        ("large", 250_001),
    ]
    assert stats.keys[0].filter_value == tenant.key.public_id
    assert "8.249999" in text_of(response)


def test_changes_are_against_as_long_a_time_before(books, visit):
    tenant = books.tenant(plan="unlimited", credit=10 * CREDIT)
    now = datetime.now(UTC)
    books.call(tenant, 1_000_000, request_id=at(now - timedelta(days=9)))
    books.call(tenant, 1_500_000)
    shown = visit(tenant, "/overview", {"period": "7d"})
    assert shown.context["stats"].spend.change == pytest.approx(0.5)
    assert "+50.0 %" in text_of(shown)


def test_the_runway_is_what_is_available_over_the_average_of_the_last_days(books, visit):
    tenant = books.tenant(plan="unlimited", credit=100 * CREDIT)
    now = datetime.now(UTC)
    books.call(tenant, 1, request_id=at(now - timedelta(days=30)))
    books.call(tenant, 7 * CREDIT, request_id=at(now - timedelta(days=3)))
    runway = visit(tenant, "/overview").context["runway"]
    assert (runway.per_day_microcredits, runway.looked_days) == (CREDIT, 7)
    assert runway.days == 92


def test_an_account_that_spends_nothing_has_no_runway_to_show(books, visit):
    tenant = books.tenant(credit=CREDIT)
    books.call(tenant, outcome="failed")
    response = visit(tenant, "/overview")
    assert response.context["runway"].days is None
    assert "nothing was spent in the last 7 days" in text_of(response)


def test_a_trial_nearly_used_up_is_told(books, visit):
    tenant = books.tenant(plan="trial")
    for _ in range(39):
        books.call(tenant, 1)
    assert "trial calls are left." not in text_of(visit(tenant, "/overview"))
    books.call(tenant, 1)
    assert "10 of today's 50 trial calls are left." in text_of(visit(tenant, "/overview"))


def test_keys_that_soon_stop_are_told(books, visit):
    tenant = books.tenant(plan="unlimited", credit=100 * CREDIT, cap_day_microcredits=10 * CREDIT)
    books.call(tenant, 8 * CREDIT - 1)
    assert "of its cap for today" not in text_of(visit(tenant, "/overview"))
    books.call(tenant, 1)
    assert "80.0 % of its cap for today is used or held." in text_of(visit(tenant, "/overview"))
    lifecycle.issue_key(tenant.account, "short", expires_at=datetime.now(UTC) + timedelta(days=2))
    lifecycle.issue_key(tenant.account, "long", expires_at=datetime.now(UTC) + timedelta(days=20))
    warned = visit(tenant, "/overview").context["key_warnings"]
    assert {warning.name for warning in warned} == {tenant.key.name, "short"}


def test_low_and_expiring_credits_are_told(books, visit):
    tenant = books.tenant(plan="unlimited", credit=3 * CREDIT)
    books.call(tenant, CREDIT)
    assert "the credits last for about 2 days" in text_of(visit(tenant, "/overview"))
    soon = datetime.now(UTC) + timedelta(days=1)
    grants.grant(tenant.id, 5 * CREDIT, reason="gift", actor="test", expires_at=soon)
    assert "5 credits expire soon" in text_of(visit(tenant, "/overview"))


@pytest.mark.parametrize("query", [{"period": "1y"}, {"periods": "7d"}, {"period": ["7d", "7d"]}])
def test_a_bad_address_names_what_is_wrong_with_it(books, tenant, visit, query):
    response = visit(tenant, "/overview", query)
    assert response.status_code == 400
    assert f"<code>{next(iter(query))}</code>" in response.content.decode()


def test_other_accounts_figures_are_never_shown(books, tenant, visit):
    books.call(tenant, 1_234_567)
    stranger = books.tenant(credit=CREDIT)
    books.call(stranger, 1)
    assert visit(stranger, "/overview").context["stats"].spend.value == 1

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys import rules
from aio_platform.errors import InvalidRequest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_name_loses_the_blanks_around_it() -> None:
    assert rules.valid_name("  서버 키 ") == "서버 키"


@pytest.mark.parametrize(
    "name", ["", "   ", "a" * 101, "a\x00b", "a\nb", "\ud800", "a\u202eb", "x" * 1_000_000]
)
def test_a_name_that_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        rules.valid_name(name)
    assert refusal.value.param == "name"


def test_no_list_means_no_limit_and_an_empty_one_is_refused() -> None:
    for rule in (rules.valid_endpoints, rules.valid_models, rules.valid_networks):
        assert rule(None) is None
        with pytest.raises(InvalidRequest):
            rule([])
        with pytest.raises(InvalidRequest):
            rule(["10.0.0.1"] * 201)


def test_items_of_a_scope_are_kept_once_and_in_order() -> None:
    assert rules.valid_endpoints(["chat", "usage", "chat"]) == ["chat", "usage"]


@pytest.mark.parametrize("name", ["", "Chat", "chat ", "a" * 65, "chat\n", "챗", "-chat"])
def test_a_misspelt_endpoint_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        rules.valid_endpoints([name])
    assert refusal.value.param == "scopes.endpoints"


@pytest.mark.parametrize("slug", ["", "a b", "a\x00", "a" * 201, "\ud800"])
def test_a_model_with_blanks_or_control_characters_is_refused(slug: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        rules.valid_models([slug])
    assert refusal.value.param == "scopes.models"


@pytest.mark.parametrize(
    ("given_as", "kept_as"),
    [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("::ffff:10.1.2.0/120", "10.1.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_networks_are_normalised(given_as: str, kept_as: str) -> None:
    assert rules.valid_networks([given_as]) == [kept_as]


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0", "10.0.0.0/33", "fe80::1%eth0", "fe80::%eth0/64", "localhost", " 10.0.0.1", "١.1.1.1"],
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        rules.valid_networks([text])
    assert refusal.value.param == "scopes.networks"


@given(st.ip_addresses(), st.integers(0, 32))
def test_every_network_fits_its_column(address: object, bits: int) -> None:
    networks = rules.valid_networks([f"{address}/{bits}", str(address)])
    assert networks is not None
    assert all(len(network) <= 43 for network in networks)
    assert rules.valid_networks(networks) == networks


def test_a_cap_is_not_negative_and_not_absurd() -> None:
    assert rules.valid_cap(None, "cap_day") is None
    assert rules.valid_cap(0, "cap_day") == 0
    for cap in (-1, 10**18 + 1):
        with pytest.raises(InvalidRequest) as refusal:
            rules.valid_cap(cap, "cap_day")
        assert refusal.value.param == "cap_day"


def test_an_expiry_lies_in_the_future() -> None:
    later = NOW + timedelta(microseconds=1)
    assert rules.valid_expiry(None, NOW) is None
    assert rules.valid_expiry(later, NOW) == later
    with pytest.raises(InvalidRequest):
        rules.valid_expiry(NOW, NOW)


def test_an_overlap_is_at_most_thirty_days() -> None:
    assert rules.valid_overlap_s(30 * 86_400) == 30 * 86_400
    for overlap_s in (-1, 30 * 86_400 + 1):
        with pytest.raises(InvalidRequest):
            rules.valid_overlap_s(overlap_s)


def test_an_expiry_has_a_date_in_every_time_zone() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    latest = datetime(9998, 12, 31, 23, 59, tzinfo=UTC)
    assert rules.valid_expiry(latest, now) == latest
    assert latest.astimezone(ZoneInfo("Pacific/Kiritimati")).year == 9999
    with pytest.raises(InvalidRequest):
        rules.valid_expiry(datetime(9999, 12, 31, tzinfo=UTC), now)

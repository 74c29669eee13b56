"""The sandbox is started by itself only where no real server is named, and asked for otherwise."""

import tomllib

import pytest

from gateway.catalog.parser import parse_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.catalog.sandbox_choice import (
    NOWHERE_URL,
    PORT_VARIABLE,
    REFERENCE,
    UNASKED_VARIABLE,
    URL_VARIABLE,
    Choice,
    choose,
    upstreams_in_use,
)
from tests.gateway.catalog.small_catalog import small_catalog

ALONE = small_catalog("choice-test", REFERENCE)
BOTH = small_catalog("choice-test", REFERENCE, second_url="http://127.0.0.1:9001")
REAL = small_catalog("choice-test")
HERE = {URL_VARIABLE: "http://127.0.0.1:7777", PORT_VARIABLE: "7777"}


def chosen(text: str, environ: dict[str, str] | None = None, *, sandbox_wanted: bool = False) -> Choice:
    return choose(
        upstreams_in_use(tomllib.loads(text)), environ or {}, sandbox_wanted=sandbox_wanted, free_port=7777
    )


def test_alone_it_is_started() -> None:
    assert chosen(ALONE)[:2] == (True, {**HERE, UNASKED_VARIABLE: "1"})


def test_beside_a_real_server_it_is_not_started_and_that_is_said() -> None:
    start, variables, notice = chosen(BOTH)
    assert (start, variables) == (False, {URL_VARIABLE: NOWHERE_URL, UNASKED_VARIABLE: "1"})
    assert "(first) beside real servers (second)" in notice


@pytest.mark.parametrize("text", [ALONE, BOTH, REAL])
def test_asked_for_it_is_started_beside_anything(text: str) -> None:
    assert chosen(text, sandbox_wanted=True)[:2] == (True, HERE)
    assert chosen(text, {PORT_VARIABLE: "7"})[:2] == (
        True,
        {URL_VARIABLE: "http://127.0.0.1:7", PORT_VARIABLE: "7"},
    )


def test_a_catalog_without_it_starts_none() -> None:
    assert chosen(REAL) == (False, {}, "")


def test_an_address_that_the_operator_gave_is_not_ours_to_start() -> None:
    assert chosen(BOTH, {URL_VARIABLE: "http://sandbox.test"}) == (False, {}, "")
    assert chosen(BOTH, HERE) == (True, {}, "")


def test_a_real_server_that_no_route_refers_to_is_not_beside_anything() -> None:
    unused = '[upstreams.unused]\nbase_url = "https://models.example.com"\n\n'
    assert chosen(unused + ALONE).start


@pytest.mark.parametrize(
    ("text", "marked"),
    [(ALONE, True), (REAL.replace("[rates", "sandbox = true\n[rates", 1), True), (REAL, False)],
)
def test_an_upstream_is_made_up_by_its_mark_or_its_address(text: str, marked: bool) -> None:
    [route] = parse_catalog(text, file="", adapters=ADAPTERS, environ=HERE).routes
    assert route.upstream.sandbox is marked


@pytest.mark.parametrize(("unasked", "calls"), [({}, [True, True]), ({UNASKED_VARIABLE: "1"}, [False, True])])
def test_unasked_it_gets_no_calls_beside_a_real_server(unasked: dict[str, str], calls: list[bool]) -> None:
    routes = parse_catalog(BOTH, file="", adapters=ADAPTERS, environ={**HERE, **unasked}).routes
    assert [route.takes_calls for route in routes] == calls
    [alone] = parse_catalog(ALONE, file="", adapters=ADAPTERS, environ={**HERE, **unasked}).routes
    assert alone.takes_calls

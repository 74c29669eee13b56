"""Steering the sandbox from a test."""

import pytest

from gateway.sandbox.magic import MAGIC


def test_scenarios_document_every_magic_input(sandbox):
    assert sandbox.get("/__sandbox/scenarios").json()["magic"] == MAGIC


def test_default_applies_to_its_path_only_and_magic_wins(sandbox):
    path = "/v1/chat/completions"
    assert sandbox.post("/__sandbox/scenarios", json={"path": path, "magic": "status=503"}).status_code == 200
    assert sandbox.chat("plain").status_code == 503
    assert sandbox.get("/v1/models").status_code == 200
    assert sandbox.chat("[[sbx:status=418]]").status_code == 418
    sandbox.post("/__sandbox/scenarios", json={"path": path, "magic": ""})
    assert sandbox.chat("plain").status_code == 200


def test_default_may_be_an_object_and_wear_off(sandbox):
    magic = {"status": 500, "times": 1}
    sandbox.post("/__sandbox/scenarios", json={"path": "/v1/chat/completions", "magic": magic})
    assert [sandbox.chat(text).status_code for text in ("one", "two")] == [500, 200]


@pytest.mark.parametrize("body", [{}, {"path": "x", "magic": ""}, {"path": "/x", "magic": "nope=1"}], ids=str)
def test_bad_scenario_is_refused(sandbox, body):
    assert sandbox.post("/__sandbox/scenarios", json=body).status_code == 400


def test_reset_forgets_everything(sandbox):
    sandbox.post("/__sandbox/scenarios", json={"path": "/v1/models", "magic": "status=500"})
    sandbox.post("/__sandbox/clock", json={"mode": "virtual", "advance_s": 1000})
    sandbox.chat("hello")
    sandbox.post("/__sandbox/reset")
    assert sandbox.journal() == []
    assert sandbox.get("/v1/models").status_code == 200
    assert sandbox.get("/__sandbox/clock").json()["mode"] == "real"


def test_virtual_clock_stands_still_until_advanced(sandbox):
    first = sandbox.post("/__sandbox/clock", json={"mode": "virtual"}).json()["now"]
    assert sandbox.get("/__sandbox/clock").json()["now"] == first
    moved = sandbox.post("/__sandbox/clock", json={"advance_s": 3600.5}).json()
    assert moved["now"] == pytest.approx(first + 3600.5)
    assert moved["mode"] == "virtual"


@pytest.mark.parametrize("body", [{"advance_s": -1}, {"advance_s": "1"}, {"mode": "fast"}], ids=str)
def test_bad_clock_order_is_refused(sandbox, body):
    assert sandbox.post("/__sandbox/clock", json=body).status_code == 400

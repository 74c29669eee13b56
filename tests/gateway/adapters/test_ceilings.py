"""A ceiling is asked for more than once (a call, a preview of its price), and leaves the request as it is."""

import copy
from typing import Any

import pytest

from gateway.adapters.registry import CALL_ADAPTERS
from tests.gateway.adapters.driving import Route
from tests.gateway.adapters.test_any_answer import REQUESTS
from usage.ledger.units import Units


@pytest.mark.parametrize(
    ("name", "request_"),
    [(name, request) for name, requests in REQUESTS.items() for request in requests],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_ceiling_writes_nothing_into_its_request(name: str, request_: Any) -> None:
    before, shown = copy.deepcopy(request_), repr(request_)
    ceiling = CALL_ADAPTERS[name].ceiling(request_, Route())
    assert isinstance(ceiling, Units)
    assert request_ == before
    assert repr(request_) == shown
    assert CALL_ADAPTERS[name].ceiling(request_, Route()) == ceiling

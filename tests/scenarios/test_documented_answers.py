"""The answers that the documentation shows are what the platform answers, field by field."""

from collections.abc import Iterator
from typing import Any

import pytest
from running_platform import RunningPlatform
from scenarios.real_answers import ENVIRONMENT, real_answers

from gateway.docs_site.answers import recorded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    running = RunningPlatform(tmp_path_factory.mktemp("documented"), environment=dict(ENVIRONMENT)).start()
    reader = running.new_tenant(credits="100000", key_options=("--manage-keys",))
    try:
        yield real_answers(running, reader)
        running.assert_books_agree()
    finally:
        stopped = running.stop()
    assert stopped == 0


def differences(shown: Any, real: Any, place: str) -> Iterator[str]:
    """Where two answers have other fields, or values of other types. Null and an empty list stand for any."""
    if shown is None or real is None or shown == [] or real == []:
        return
    if isinstance(shown, dict) and isinstance(real, dict):
        for name in shown.keys() ^ real.keys():
            yield f"{place}.{name}"
        for name in shown.keys() & real.keys():
            yield from differences(shown[name], real[name], f"{place}.{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        yield from differences(shown[0], real[0], f"{place}[0]")
    elif kind_of(shown) != kind_of(real):
        yield place


def kind_of(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def test_every_answer_shown_is_one_that_the_platform_gives(answered: dict[str, Any]) -> None:
    assert len(answered) > 40
    assert recorded().keys() == answered.keys()
    found = [
        difference
        for operation, real in answered.items()
        for difference in differences(recorded()[operation], real, operation)
    ]
    assert found == [], "`make docs-answers` writes them anew"


def test_no_answer_shown_holds_a_whole_key_or_secret(answered: dict[str, Any]) -> None:
    assert recorded()["post /api/v1/keys"]["key"].endswith("…")
    assert recorded()["get /api/v1/callbacks/secret"]["secret"].endswith("…")

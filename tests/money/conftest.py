"""One platform of three gateway processes for the races, and empty books in the test database for the rest."""

from collections.abc import Iterator

import pytest
from emptying import empty_own_tables
from running_platform import RunningPlatform

# What is agreed before a history begins: prices, and which plan the accounts are on.
AGREED = frozenset({"usage_rate", "usage_plan_period"})


@pytest.fixture(scope="session")
def three_gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    # Nothing may be left held when the last test ends: what a test abandons expires soon.
    running = RunningPlatform(
        tmp_path_factory.mktemp("three-gateways"),
        workers=3,
        environment={"AIO_CHAT_TIME_LIMIT_S": "60", "AIO_HOLD_MARGIN_S": "5", "AIO_LOG_LEVEL": "WARNING"},
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture
def committed_books(transactional_db: None) -> None:
    """Books that are committed, of this test alone."""


def empty_the_books() -> None:
    empty_own_tables(keep=AGREED)

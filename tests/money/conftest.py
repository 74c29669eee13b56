"""One platform of three gateway processes for the races, and empty books in the test database for the rest."""

from collections.abc import Iterator

import pytest
from django.db import connection
from running_platform import RunningPlatform

from accounts.models import Plan

BOOKS = (
    "usage_balance, usage_grant, usage_hold, usage_ledger_entry, usage_refund, usage_event, usage_key_meter,"
    " usage_trial_day, usage_refusal"
)


@pytest.fixture(scope="session")
def three_gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    # Nothing may be left held when the last test ends: what a test abandons expires soon.
    running = RunningPlatform(
        tmp_path_factory.mktemp("three-gateways"),
        workers=3,
        environment={"AIO_CHAT_TIME_LIMIT_S": "20", "AIO_HOLD_MARGIN_S": "5", "AIO_LOG_LEVEL": "WARNING"},
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture
def empty_books(transactional_db: None) -> Iterator[None]:
    """Committed books, of this test alone: Django empties its own tables after a test, these it does not know."""
    Plan.objects.get_or_create(slug="unlimited")
    truncate_books()
    yield
    truncate_books()


def truncate_books() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {BOOKS}")

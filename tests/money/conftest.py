"""One platform of three gateway processes for the races; tests that kill start their own."""

from collections.abc import Iterator

import pytest
from running_platform import RunningPlatform


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

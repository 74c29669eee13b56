"""One running platform for the scenarios; each test has tenants of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_platform import RunningPlatform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    # As root, the server's own user must be able to reach its files below pytest's private directory.
    directory: Path = tmp_path_factory.mktemp("platform")
    running = RunningPlatform(
        directory,
        environment={
            "AIO_CHAT_TIME_LIMIT_S": "3",
            "AIO_STREAM_IDLE_LIMIT_S": "15",
            "AIO_HOLD_MARGIN_S": "5",
        },
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0

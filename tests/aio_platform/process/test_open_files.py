"""A process that can open no more files says so, and nobody else is blamed for it."""

import errno
import resource

import pytest

from aio_platform import problems
from aio_platform.edge.limits import files_needed, limits_from_settings
from aio_platform.process.open_files import NoFileLeft, allow_most_open_files


def test_the_soft_limit_becomes_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(before[0], 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        allowed = allow_most_open_files()
        assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > soft or allowed == soft == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_there_are_never_more_connections_than_files_for_them() -> None:
    assert limits_from_settings(open_files=1024).connections == 412
    assert files_needed(412) == 1024
    assert limits_from_settings(open_files=100_000).connections == 4000
    assert limits_from_settings(open_files=10).connections == 1


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_file_left_is_503_and_not_a_bug(number: int) -> None:
    told = problems.as_platform_error(OSError(number, "Too many open files"))
    assert told.status == 503
    assert told.retry_after_s is not None
    with pytest.raises(NoFileLeft):
        NoFileLeft.raise_for(OSError(number, "Too many open files"))
    NoFileLeft.raise_for(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))

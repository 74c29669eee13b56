"""Shared fixtures. Databases are real: one embedded PostgreSQL a test process, in a directory of its own."""

import gc
from collections.abc import Generator

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from loopback_only import pytest_configure as pytest_configure
from shared_out import pytest_collection_modifyitems as pytest_collection_modifyitems
from shared_out import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler

from aio_platform.db import database

# An example may take as long as the machine needs: timing belongs in `make bench`.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The garbage collector does not look through what stays for the whole run: modules and ten thousand tests.

    A tenth of what a test process computes would be that, for nothing.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The server of test databases does not wait for its disk: what it keeps need not outlive this machine.

    Platforms that tests start have servers of their own, which wait.
    """
    if database.uses_embedded_server():
        with psycopg.connect(**database.connection_keywords("postgres"), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")

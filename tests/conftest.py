"""Shared fixtures. Databases are real: one embedded PostgreSQL a test process, in a directory of its own."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from loopback_only import pytest_configure as pytest_configure


@pytest.fixture(scope="session", autouse=True)
def plans_outlive_every_test() -> None:
    """A test that commits empties the database after itself; this gives back what `migrate` had put there.

    Django sends `post_migrate` after it emptied the tables, so no test depends on which ran before it.
    """
    post_migrate.connect(_add_plans, dispatch_uid="tests.plans")


def _add_plans(sender: AppConfig, **_: Any) -> None:
    if sender.label == "accounts":
        import_module("accounts.migrations.0002_plans").add_plans(apps, None)

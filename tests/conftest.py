"""Shared fixtures. Databases are real: one embedded PostgreSQL a run, in a directory of its own."""

from loopback_only import pytest_configure as pytest_configure

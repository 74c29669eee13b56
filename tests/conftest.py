"""Shared fixtures. Databases are real: one embedded PostgreSQL a run, in a directory of its own."""

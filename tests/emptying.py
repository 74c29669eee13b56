"""Emptying the test database after tests that commit: all tables, but only those that hold something."""

from importlib import import_module

from django.apps import apps
from django.db import connection

# What `migrate` puts there and no test changes.
KEPT = frozenset({"django_migrations", "django_content_type", "auth_permission"})
# A table without rows since it was made or emptied has no bytes: the catalog knows without a look into it.
HOLDING = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0 AND relname <> ALL (%s)
"""


def empty_all_tables() -> None:
    """As `migrate` left the database: nothing in any table, ours by SQL or a model's, but the plans."""
    _empty(KEPT)
    plan_model = apps.get_model("accounts", "Plan")
    plans = import_module("accounts.migrations.0001_accounts").PLANS
    plan_model.objects.bulk_create(plan_model(**plan) for plan in plans)


def empty_own_tables(*, keep: frozenset[str]) -> None:
    """Empty every table that belongs to no model, with its partitions, but for those to `keep`.

    For a test with many beginnings: after each test `empty_all_tables` is called for it.
    """
    _empty({*connection.introspection.django_table_names(), *KEPT, *keep})


def _empty(spared: set[str] | frozenset[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(HOLDING, [list(spared)])
        holding = [name for (name,) in cursor.fetchall()]
        if holding:
            cursor.execute(f"TRUNCATE {', '.join(holding)} CASCADE")

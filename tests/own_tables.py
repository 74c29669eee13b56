"""Tables that SQL of ours made: Django empties those of its models after a test that commits, not these."""

from django.db import connection


def empty_own_tables(*, keep: frozenset[str] = frozenset()) -> None:
    """Empty every table that belongs to no model, with its partitions, but for those to `keep`."""
    spared = {*connection.introspection.django_table_names(), "django_migrations", *keep}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(relname), ', ') FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> ALL (%s)",
            [list(spared)],
        )
        cursor.execute(f"TRUNCATE {cursor.fetchone()[0]}")

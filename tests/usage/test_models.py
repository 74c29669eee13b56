"""The unmanaged models have the columns that the books have."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

MODELS = list(apps.get_app_config("usage").get_models())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_its_table(db, model):
    assert not model._meta.managed
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
            [model._meta.db_table],
        )
        columns = dict(cursor.fetchall())
        cursor.execute(
            "SELECT string_agg(a.attname, ',' ORDER BY array_position(i.indkey::int2[], a.attnum))"
            " FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
            " WHERE i.indrelid = %s::regclass AND i.indisprimary",
            [model._meta.db_table],
        )
        key = cursor.fetchone()[0].split(",")
    fields = {field.column: not field.null for field in model._meta.concrete_fields if field.column}
    assert fields == columns
    assert [field.column for field in model._meta.pk_fields] == key


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_models_rows_can_be_read_and_named(db, model):
    assert all(str(row) for row in model.objects.all()[:3])
    assert str(model())


def test_no_migration_is_missing(db):
    call_command("makemigrations", "usage", check=True, dry_run=True, verbosity=0)

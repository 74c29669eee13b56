"""How a call is carried: catalogs and the processes that follow them, tasks, callbacks, kept results."""

from pathlib import Path

from django.db import migrations, models
from django.db.models.functions import Now

SQL = Path(__file__).resolve().parent.parent / "sql"
# In the order they need each other. A released file never changes: a new meaning is a new file and migration, and the
# file that is no longer in force moves to sql/history/ (with its name here).
FILES = [
    "tables/tasks",
    "tables/callbacks",
    "functions/open_tasks_v1",
    "functions/open_tasks_v2",
    "functions/work_tasks_v1",
    "functions/finish_tasks_v2",
    "functions/retention_v1",
]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())


def identifier():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    initial = True
    # The migrations of before release 0.1.0; a database that has them all has this one.
    replaces = [
        ("gateway", "0001_catalog"),
        ("gateway", "0002_tasks"),
        ("gateway", "0003_callbacks"),
        ("gateway", "0004_task_idempotency"),
        ("gateway", "0005_catalog_source"),
        ("gateway", "0006_retention"),
        ("gateway", "0009_catalog_processes"),
        ("gateway", "0007_upstream_problems"),
    ]
    # The application's role gets its rights to new tables from there.
    dependencies = [("usage", "0001_usage")]

    operations = [
        migrations.CreateModel(
            name="CatalogVersion",
            fields=[
                ("version", models.BigAutoField(primary_key=True, serialize=False)),
                ("toml", models.TextField()),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("loaded_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("loaded_by", models.CharField(blank=True, max_length=200)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "source",
                    models.CharField(
                        choices=[("file", "File"), ("staff", "Staff")],
                        db_default="file",
                        default="file",
                        editable=False,
                        max_length=8,
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "permissions": [
                    ("drain_upstream", "Can drain upstreams and put them back"),
                    ("change_route", "Can change routes: on and off, weights, failover order"),
                    ("publish_rate", "Can publish rates"),
                    ("load_catalog", "Can load a catalog"),
                    ("export_catalog", "Can export the catalog"),
                    ("view_task", "Can see tasks"),
                    ("cancel_task", "Can cancel tasks"),
                    ("view_delivery", "Can see callback deliveries"),
                    ("resend_delivery", "Can send callback deliveries again"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CatalogProcess",
            fields=[
                ("number", models.IntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=300)),
                ("version", models.BigIntegerField()),
                ("refused_version", models.BigIntegerField(null=True)),
                ("problems", models.TextField(blank=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="CatalogTrial",
            fields=[
                ("id", identifier()),
                ("file", models.TextField()),
                ("toml", models.TextField()),
                ("asked_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="CatalogVerdict",
            fields=[
                ("id", identifier()),
                ("trial_id", models.BigIntegerField()),
                ("process", models.IntegerField()),
                ("problems", models.TextField(blank=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["trial_id", "process"], name="gateway_one_verdict")
                ],
            },
        ),
        migrations.CreateModel(
            name="UpstreamProblem",
            fields=[
                ("id", identifier()),
                ("upstream", models.CharField(max_length=200)),
                ("route", models.CharField(max_length=400)),
                (
                    "kind",
                    models.CharField(
                        choices=[("not_welcome", "Not Welcome"), ("unasked", "Unasked")], max_length=16
                    ),
                ),
                ("status", models.IntegerField(null=True)),
                ("request_id", models.CharField(max_length=200)),
                ("times", models.BigIntegerField()),
                ("first_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("last_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["upstream", "route", "kind"], name="gateway_one_problem")
                ],
            },
        ),
        migrations.RunPython(create),
    ]

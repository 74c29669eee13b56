"""How much, and what it costs: the books, the functions that alone write them, and the role that may only call those."""

from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
# In the order they need each other. A released file never changes: a new meaning is a new file and migration, and the
# file that is no longer in force moves to sql/history/ (with its name here).
FILES = [
    "tables/ledger",
    "functions/locks_v1",
    "tables/rollups",
    "tables/archive",
    "functions/rates_v1",
    "functions/route_costs_v1",
    "functions/refusals_v1",
    "functions/grants_v1",
    "functions/refund_v2",
    "functions/authorize_v2",
    "history/settle_v2",
    "functions/expire_holds_v1",
    "functions/idempotency_v1",
    "functions/archive_v1",
    "functions/reconcile_v2",
    "functions/reconciliation_v1",
    "functions/latency_mark_v1",
    "history/add_to_rollups_v2",
    "history/roll_up_v3",
    "functions/forget_rollups_v2",
    "functions/partitions_v2",
    "privileges",
]


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name in FILES:
            cursor.execute((SQL / f"{name}.sql").read_text())
        cursor.execute("SELECT usage_make_partitions_v2(3)")


class Migration(migrations.Migration):
    initial = True
    # The migrations of before release 0.1.0; a database that has them all has this one.
    replaces = [
        ("usage", "0001_books"),
        ("usage", "0002_models"),
        ("usage", "0003_rollups"),
        ("usage", "0004_reconciliation"),
        ("usage", "0005_everybodys_rollups"),
        ("usage", "0006_archive"),
        ("usage", "0007_nobody_waits"),
        ("usage", "0008_shared_meters"),
        ("usage", "0009_calls_at_their_hold"),
    ]
    dependencies = [
        ("accounts", "0001_accounts"),
        ("sessions", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(create),
        # What Django reads; no model makes a table.
        migrations.CreateModel(
            name="Balance",
            fields=[
                ("account_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("available_microcredits", models.BigIntegerField(default=0)),
                ("held_microcredits", models.BigIntegerField(default=0)),
                ("last_entry", models.BigIntegerField(default=0)),
                ("captured_microcredits", models.BigIntegerField(default=0)),
                ("lots_settled_at_microcredits", models.BigIntegerField(default=0)),
                ("next_grant_expiry_at", models.DateTimeField(null=True)),
                ("holds_opened", models.BigIntegerField(default=0)),
                ("holds_ended", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "usage_balance",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "entry", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("entry", models.BigIntegerField()),
                ("amount_microcredits", models.BigIntegerField()),
                ("remaining_microcredits", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("actor", models.TextField()),
                ("idempotency_key", models.TextField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "usage_grant",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "request_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("request_id", models.UUIDField()),
                ("key_id", models.BigIntegerField()),
                ("member_id", models.BigIntegerField(null=True)),
                ("endpoint", models.TextField()),
                ("model", models.TextField()),
                ("route", models.TextField()),
                ("rate_id", models.BigIntegerField()),
                ("amount_microcredits", models.BigIntegerField()),
                ("trial_day", models.DateField(null=True)),
                ("started_at", models.DateTimeField()),
                ("held_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("meters", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
            ],
            options={
                "db_table": "usage_hold",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="KeyMeter",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "key_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("key_id", models.BigIntegerField()),
                ("window_started_at", models.DateTimeField()),
                ("window_calls", models.IntegerField()),
                ("day", models.DateField()),
                ("day_microcredits", models.BigIntegerField()),
                ("month", models.DateField()),
                ("month_microcredits", models.BigIntegerField()),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "usage_key_meter",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "entry", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("entry", models.BigIntegerField()),
                ("kind", models.TextField(choices=[("grant", "Grant"), ("capture", "Capture"), ("expiry", "Expiry"), ("refund", "Refund")])),
                ("amount_microcredits", models.BigIntegerField()),
                ("previous_balance_microcredits", models.BigIntegerField()),
                ("balance_microcredits", models.BigIntegerField()),
                ("request_id", models.UUIDField(null=True)),
                ("cause_entry", models.BigIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "usage_ledger_entry",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="PublishedRate",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("version", models.IntegerField()),
                ("prices", models.JSONField()),
                ("published_at", models.DateTimeField()),
            ],
            options={
                "db_table": "usage_rate",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "entry", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("entry", models.BigIntegerField()),
                ("capture_entry", models.BigIntegerField()),
                ("amount_microcredits", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("actor", models.TextField()),
                ("idempotency_key", models.TextField()),
            ],
            options={
                "db_table": "usage_refund",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Refusal",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "minute", "key_id", "endpoint", "code", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("key_id", models.BigIntegerField()),
                ("minute", models.DateTimeField()),
                ("endpoint", models.TextField()),
                ("code", models.TextField()),
                ("calls", models.BigIntegerField()),
            ],
            options={
                "db_table": "usage_refusal",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="UsageEvent",
            fields=[
                ("pk", models.CompositePrimaryKey("account_id", "started_at", "request_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("started_at", models.DateTimeField()),
                ("request_id", models.UUIDField()),
                ("settled_at", models.DateTimeField()),
                ("key_id", models.BigIntegerField()),
                ("member_id", models.BigIntegerField(null=True)),
                ("endpoint", models.TextField()),
                ("model", models.TextField()),
                ("route", models.TextField()),
                ("upstream", models.TextField(null=True)),
                ("rate_id", models.BigIntegerField()),
                ("outcome", models.TextField()),
                ("status", models.SmallIntegerField(null=True)),
                ("streamed", models.BooleanField()),
                ("estimated", models.BooleanField()),
                ("trial", models.BooleanField()),
                ("tokens_in", models.BigIntegerField()),
                ("tokens_out", models.BigIntegerField()),
                ("images", models.BigIntegerField()),
                ("audio_ms", models.BigIntegerField()),
                ("characters", models.BigIntegerField()),
                ("pixel_steps", models.BigIntegerField()),
                ("video_ms", models.BigIntegerField()),
                ("hold_microcredits", models.BigIntegerField()),
                ("cost_microcredits", models.BigIntegerField()),
                ("refunded_microcredits", models.BigIntegerField()),
                ("ledger_entry", models.BigIntegerField(null=True)),
                ("latency_ms", models.IntegerField()),
                ("upstream_latency_ms", models.IntegerField(null=True)),
                ("first_byte_ms", models.IntegerField(null=True)),
                ("attempts", models.JSONField(null=True)),
            ],
            options={
                "db_table": "usage_event",
                "managed": False,
            },
        ),
    ]

"""What staff may do, and the record of what they did."""

import django.db.models.functions.datetime
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION accounts_forbid_change_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER accounts_staffaction_append_only BEFORE UPDATE OR DELETE ON accounts_staffaction
    FOR EACH ROW EXECUTE FUNCTION accounts_forbid_change_v1();
REVOKE UPDATE, DELETE ON accounts_staffaction FROM aio_app;
"""


class Migration(migrations.Migration):
    # The application's role, and its rights to new tables, come from the books' first migration.
    dependencies = [("accounts", "0002_plans"), ("usage", "0001_books")]

    operations = [
        migrations.CreateModel(
            name="StaffAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("actor_id", models.BigIntegerField()),
                ("actor_email", models.EmailField(max_length=254)),
                ("action", models.CharField(max_length=64)),
                ("target_kind", models.CharField(max_length=32)),
                ("target_id", models.CharField(max_length=200)),
                ("target_label", models.CharField(blank=True, max_length=200)),
                ("account_id", models.BigIntegerField(blank=True, null=True)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("address", models.CharField(blank=True, max_length=64)),
                ("request_id", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["actor_email", "-id"], name="accounts_staffaction_actor"),
                    models.Index(fields=["account_id", "-id"], name="accounts_staffaction_account"),
                    models.Index(fields=["action", "-id"], name="accounts_staffaction_action"),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY),
        migrations.AlterModelOptions(
            name="account",
            options={
                "permissions": [
                    ("set_plan", "Can change an account's plan"),
                    ("suspend_account", "Can suspend and reactivate accounts"),
                    ("grant_credits", "Can grant credits"),
                    ("view_as_member", "Can see the dashboard as an account's members do"),
                ]
            },
        ),
        migrations.AlterModelOptions(
            name="apikey", options={"permissions": [("revoke_apikey", "Can revoke API keys")]}
        ),
        migrations.AddIndex(
            model_name="apikey", index=models.Index(fields=["prefix"], name="accounts_apikey_by_prefix")
        ),
    ]

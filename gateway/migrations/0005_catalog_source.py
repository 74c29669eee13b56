"""Where a catalog came from, and what staff may do with catalogs, tasks and deliveries."""

from django.db import migrations, models


# Staff look at the newest of all accounts; the accounts' own lists begin with the account.
NEWEST = """
CREATE INDEX gateway_task_newest ON gateway_task (created_at DESC, account_id, id);
CREATE INDEX gateway_callback_delivery_newest ON gateway_callback_delivery (created_at DESC, account_id, id);
"""


class Migration(migrations.Migration):
    dependencies = [("gateway", "0004_task_idempotency")]

    operations = [
        migrations.RunSQL(NEWEST),
        migrations.AlterModelOptions(
            name="catalogversion",
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
        migrations.AddField(
            model_name="catalogversion",
            name="source",
            field=models.CharField(
                choices=[("file", "File"), ("staff", "Staff")],
                db_default="file",
                default="file",
                editable=False,
                max_length=8,
            ),
        ),
    ]

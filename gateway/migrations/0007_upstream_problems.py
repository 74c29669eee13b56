"""What staff have to see to at upstreams."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("gateway", "0009_catalog_processes")]

    operations = [
        migrations.CreateModel(
            name="UpstreamProblem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("upstream", models.CharField(max_length=200)),
                ("route", models.CharField(max_length=400)),
                ("kind", models.CharField(choices=[("not_welcome", "Not Welcome"), ("unasked", "Unasked")], max_length=16)),
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
    ]

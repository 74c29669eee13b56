"""Which processes run which catalog, and what each makes of one that is to be loaded."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("gateway", "0006_retention")]

    operations = [
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
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file", models.TextField()),
                ("toml", models.TextField()),
                ("asked_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="CatalogVerdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
    ]

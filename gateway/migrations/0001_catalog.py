import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    # The application's role gets its rights to new tables from there.
    dependencies = [("usage", "0001_books")]

    operations = [
        migrations.CreateModel(
            name="CatalogVersion",
            fields=[
                ("version", models.BigAutoField(primary_key=True, serialize=False)),
                ("toml", models.TextField()),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("loaded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("loaded_by", models.CharField(blank=True, max_length=200)),
                ("note", models.CharField(blank=True, max_length=200)),
            ],
        ),
    ]

"""Databases of before release 0.1.0 have a first `gateway_finish_tasks` that nothing calls; it goes."""

from django.db import migrations

DROP = "DROP FUNCTION IF EXISTS gateway_finish_tasks_v1"


class Migration(migrations.Migration):
    dependencies = [("gateway", "0001_gateway")]
    operations = [migrations.RunSQL(DROP)]

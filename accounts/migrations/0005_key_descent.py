"""Whom a key descends from: the first of the keys it replaced, and the keys that issued it.

Until now only the key replaced was kept. Which key issued another one is read from the audit log.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import connection, migrations, models


def find_descent(apps, schema_editor):
    """Keys get higher ids than those they descend from, so one walk in the order of ids finds everybody's."""
    api_keys = apps.get_model("accounts", "ApiKey").objects
    entries = apps.get_model("accounts", "AuditEntry").objects.filter(actor_kind="key", actor_id__isnull=False)
    issuers = dict(entries.filter(action="key.issue").values_list("target_id", "actor_id"))
    rotators = {
        after.get("successor"): actor_id
        for after, actor_id in entries.filter(action="key.rotate").values_list("after", "actor_id")
    }
    concerned = api_keys.filter(
        models.Q(replaces__isnull=False) | models.Q(public_id__in=list(issuers))
    ).order_by("id")
    roots, lines = {}, {}
    for key in concerned:
        root = roots.get(key.replaces_id, key.replaces_id)
        inherited = lines.get(key.replaces_id, [])
        giver = issuers.get(key.public_id) or rotators.get(key.public_id)
        giver = api_keys.filter(pk=giver, account_id=key.account_id).first() if giver else None
        given = [] if giver is None else [roots.get(giver.pk, giver.pk), *lines.get(giver.pk, [])]
        own = root or key.pk
        line = [one for one in dict.fromkeys([*inherited, *given]) if one != own]
        if root:
            roots[key.pk] = root
        if line:
            lines[key.pk] = line
        key.rotation_root_id = root
        key.issued_by_id = giver.pk if giver is not None and key.public_id in issuers else None
        key.issuer_roots = line or None
        key.save(update_fields=["rotation_root_id", "issued_by_id", "issuer_roots"])
        if root:
            # The newest of a line says what caps they share.
            api_keys.filter(models.Q(pk=root) | models.Q(rotation_root_id=root)).update(
                cap_day_microcredits=key.cap_day_microcredits, cap_month_microcredits=key.cap_month_microcredits
            )
    # What was written is checked now: the new columns' indexes are made with nothing left to check.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_people")]

    operations = [
        migrations.AddField(
            "apikey",
            "rotation_root",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            "apikey",
            "issued_by",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            "apikey",
            "issuer_roots",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), blank=True, null=True, size=None
            ),
        ),
        migrations.RunPython(find_descent),
    ]

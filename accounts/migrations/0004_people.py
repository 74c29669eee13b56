"""Invitations, the trial that a person is given once, and one record of deeds for staff, members and keys."""

import accounts.public_ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

ACTOR_KINDS = [("member", "Member"), ("key", "Key"), ("staff", "Staff"), ("system", "System")]
ROLES = [("owner", "Owner"), ("admin", "Admin"), ("developer", "Developer"), ("viewer", "Viewer")]
# The trigger and the rights stay with the table that is renamed.
RENAME_TRIGGER = """
ALTER TRIGGER accounts_staffaction_append_only ON accounts_auditentry RENAME TO accounts_auditentry_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_staff")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="trial_given_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RenameModel("StaffAction", "AuditEntry"),
        migrations.RunSQL(RENAME_TRIGGER),
        migrations.RemoveIndex("auditentry", "accounts_staffaction_actor"),
        migrations.RenameField("auditentry", "actor_email", "actor_label"),
        migrations.AlterField("auditentry", "actor_label", models.CharField(blank=True, max_length=254)),
        migrations.AlterField("auditentry", "actor_id", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField(
            "auditentry",
            "actor_kind",
            models.CharField(choices=ACTOR_KINDS, default="staff", max_length=16),
            preserve_default=False,
        ),
        migrations.AddIndex(
            "auditentry", models.Index(fields=["actor_label", "-id"], name="accounts_audit_by_actor")
        ),
        migrations.RenameIndex("auditentry", "accounts_audit_of_account", "accounts_staffaction_account"),
        migrations.RenameIndex("auditentry", "accounts_audit_by_action", "accounts_staffaction_action"),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=accounts.public_ids.new_invitation_id, editable=False, max_length=32, unique=True
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("role", models.CharField(choices=ROLES, max_length=16)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="accounts.account"
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("account", "email"),
                        name="accounts_invitation_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["owner", "admin", "developer", "viewer"])),
                        name="accounts_invitation_role_known",
                    ),
                ]
            },
        ),
    ]

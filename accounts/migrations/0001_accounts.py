"""Who: people, accounts, members, plans, keys, invitations and the audit log; and the plans that exist from the start."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

import accounts.public_ids

ROLES = [("owner", "Owner"), ("admin", "Admin"), ("developer", "Developer"), ("viewer", "Viewer")]
PLANS = [
    {
        "slug": "trial",
        "calls_per_minute": 60,
        "trial_calls_per_day": 50,
        "signup_bonus_microcredits": 100_000_000,
    },
    {"slug": "standard", "calls_per_minute": 60},
    {"slug": "scale", "calls_per_minute": 6_000},
    {"slug": "unlimited"},
]
# That the application's role may neither change nor delete entries, `usage` says, which makes that role.
APPEND_ONLY = """
CREATE FUNCTION accounts_forbid_change_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER accounts_auditentry_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_forbid_change_v1();
"""


def add_plans(apps, schema_editor):
    plan_model = apps.get_model("accounts", "Plan")
    for plan in PLANS:
        plan_model.objects.get_or_create(slug=plan["slug"], defaults=plan)


def identifier():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    initial = True
    # The migrations of before release 0.1.0; a database that has them all has this one.
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_plans"),
        ("accounts", "0003_staff"),
        ("accounts", "0004_people"),
        ("accounts", "0005_key_descent"),
    ]
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", identifier()),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("is_superuser", models.BooleanField(default=False, help_text="Designates that this user has all permissions without explicitly assigning them.", verbose_name="superuser status")),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("is_staff", models.BooleanField(default=False, help_text="Designates whether the user can log into this admin site.", verbose_name="staff status")),
                ("is_active", models.BooleanField(default=True, help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.", verbose_name="active")),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("trial_given_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("groups", models.ManyToManyField(blank=True, help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.", related_name="user_set", related_query_name="user", to="auth.group", verbose_name="groups")),
                ("user_permissions", models.ManyToManyField(blank=True, help_text="Specific permissions for this user.", related_name="user_set", related_query_name="user", to="auth.permission", verbose_name="user permissions")),
            ],
            options={"verbose_name": "user", "verbose_name_plural": "users", "abstract": False},
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("slug", models.SlugField(primary_key=True, serialize=False)),
                ("calls_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                ("trial_calls_per_day", models.PositiveIntegerField(blank=True, null=True)),
                ("signup_bonus_microcredits", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("signup_bonus_microcredits__gte", 0)),
                        name="accounts_plan_bonus_not_negative",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", identifier()),
                ("public_id", models.CharField(default=accounts.public_ids.new_account_id, editable=False, max_length=32, unique=True)),
                ("name", models.CharField(max_length=100, unique=True)),
                ("status", models.CharField(choices=[("active", "Active"), ("suspended", "Suspended")], db_default="active", default="active", max_length=16)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("plan", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.plan")),
            ],
            options={
                "permissions": [
                    ("set_plan", "Can change an account's plan"),
                    ("suspend_account", "Can suspend and reactivate accounts"),
                    ("grant_credits", "Can grant credits"),
                    ("view_as_member", "Can see the dashboard as an account's members do"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "suspended"])),
                        name="accounts_account_status_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", identifier()),
                ("role", models.CharField(choices=ROLES, max_length=16)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="accounts.account")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "user"), name="accounts_membership_once"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["owner", "admin", "developer", "viewer"])),
                        name="accounts_membership_role_known",
                    ),
                ]
            },
        ),
        migrations.AddField(
            model_name="account",
            name="members",
            field=models.ManyToManyField(related_name="accounts", through="accounts.Membership", to=settings.AUTH_USER_MODEL),
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", identifier()),
                ("public_id", models.CharField(default=accounts.public_ids.new_key_id, editable=False, max_length=32, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("prefix", models.CharField(max_length=12)),
                ("last_four", models.CharField(max_length=4)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("allowed_endpoints", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), blank=True, null=True, size=None)),
                ("allowed_models", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, null=True, size=None)),
                ("allowed_networks", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43), blank=True, null=True, size=None)),
                ("may_manage_keys", models.BooleanField(db_default=False, default=False)),
                ("cap_day_microcredits", models.BigIntegerField(blank=True, null=True)),
                ("cap_month_microcredits", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="api_keys", to="accounts.account")),
                ("created_by", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("replaces", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="accounts.apikey")),
                ("rotation_root", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name="+", to="accounts.apikey")),
                ("issued_by", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="accounts.apikey")),
                ("issuer_roots", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, null=True, size=None)),
            ],
            options={
                "permissions": [("revoke_apikey", "Can revoke API keys")],
                "indexes": [
                    models.Index(fields=["account", "-id"], name="accounts_apikey_listing"),
                    models.Index(fields=["prefix"], name="accounts_apikey_by_prefix"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cap_day_microcredits", None), ("cap_day_microcredits__gte", 0), _connector="OR"),
                            models.Q(("cap_month_microcredits", None), ("cap_month_microcredits__gte", 0), _connector="OR"),
                        ),
                        name="accounts_apikey_caps_not_negative",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", identifier()),
                ("public_id", models.CharField(default=accounts.public_ids.new_invitation_id, editable=False, max_length=32, unique=True)),
                ("email", models.EmailField(max_length=254)),
                ("role", models.CharField(choices=ROLES, max_length=16)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="accounts.account")),
                ("invited_by", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL)),
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
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", identifier()),
                ("at", models.DateTimeField(db_default=Now(), editable=False)),
                ("actor_kind", models.CharField(choices=[("member", "Member"), ("key", "Key"), ("staff", "Staff"), ("system", "System")], max_length=16)),
                ("actor_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_label", models.CharField(blank=True, max_length=254)),
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
                    models.Index(fields=["actor_label", "-id"], name="accounts_audit_by_actor"),
                    models.Index(fields=["account_id", "-id"], name="accounts_audit_of_account"),
                    models.Index(fields=["action", "-id"], name="accounts_audit_by_action"),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY),
        migrations.RunPython(add_plans, migrations.RunPython.noop),
    ]

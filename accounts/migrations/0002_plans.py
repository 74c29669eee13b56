"""The plans that exist after `migrate`."""

from django.db import migrations

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


def add_plans(apps, schema_editor):
    plan_model = apps.get_model("accounts", "Plan")
    for plan in PLANS:
        plan_model.objects.get_or_create(slug=plan["slug"], defaults=plan)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(add_plans, migrations.RunPython.noop)]

"""Django's admin with our site in the place of its own."""

from django.contrib.admin.apps import AdminConfig


class StaffConfig(AdminConfig):
    default_site = "accounts.staff.site.StaffSite"

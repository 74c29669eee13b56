"""People, groups of permissions and plans, as Django's lists and forms."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.forms import ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.addresses import is_prepared
from accounts.models import Account, Plan, User
from accounts.staff.audited_admin import AuditedAdmin, call_for_people
from accounts.staff.page_registry import registered
from aio_platform.credits import MAX_MICROCREDITS

OUR_APPS = ("auth", "accounts", "usage", "gateway")
# What makes a person more than they were; only a superuser gives it.
PRIVILEGES = ("is_staff", "is_superuser", "groups", "user_permissions")
# Django writes these names into its table of permissions; ours are marked where models declare them.
DJANGO_S_PERMISSIONS = (
    gettext_noop("Can view account"),
    gettext_noop("Can view api key"),
    gettext_noop("Can view audit entry"),
    gettext_noop("Can add plan"),
    gettext_noop("Can change plan"),
    gettext_noop("Can delete plan"),
    gettext_noop("Can view plan"),
    gettext_noop("Can add user"),
    gettext_noop("Can change user"),
    gettext_noop("Can delete user"),
    gettext_noop("Can view user"),
    gettext_noop("Can add group"),
    gettext_noop("Can change group"),
    gettext_noop("Can delete group"),
    gettext_noop("Can view group"),
    gettext_noop("Can view catalog version"),
    gettext_noop("Can view grant"),
    gettext_noop("Can view published rate"),
    gettext_noop("Can view usage event"),
)
call_for_people(
    Plan,
    _("plan"),
    _("plans"),
    slug=_("Slug"),
    calls_per_minute=_("Calls a minute"),
    trial_calls_per_day=_("Trial calls a day"),
    signup_bonus_microcredits=_("Bonus at sign-up, in micro-credits"),
)
call_for_people(Account, _("account"), _("accounts"))
call_for_people(User, _("user"), _("users"), email=_("E-mail address"))


class PermissionChoices(ModelMultipleChoiceField):
    """Permissions by what they allow, in the visitor's language."""

    def label_from_instance(self, obj: Any) -> str:
        return gettext(obj.name)


class PersonForm(ModelForm):
    def clean(self) -> dict[str, Any]:
        """Refuse to make somebody staff who may be anybody: `create_staff` ends their access first."""
        cleaned = super().clean() or {}
        becomes_staff = not self.initial.get("is_staff") and cleaned.get("is_staff")
        if becomes_staff and is_prepared(self.instance):
            raise ValidationError(
                {"is_staff": _("The address is not proven. Make them staff with the command create_staff.")}
            )
        return cleaned


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """People. They sign up and change their passwords themselves; here they are let in, kept out and made staff."""

    form = PersonForm
    menu_icon = "person"
    list_display = ("email", "is_active", "is_staff", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email",)
    ordering = ("-id",)
    fields = ("email", "is_active", *PRIVILEGES, "last_login", "date_joined")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_as_checkboxes(db_field), **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may change people may not change those who stand above them.
        if isinstance(obj, User) and obj.is_superuser and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        always = ("email", "last_login", "date_joined")
        return always if _is_superuser(request) else (*always, *PRIVILEGES)


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """Sets of permissions for staff; only a superuser may make or change one."""

    menu_icon = "groups"
    search_fields = ("name",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_as_checkboxes(db_field), **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


class PlanForm(ModelForm):
    def clean_signup_bonus_microcredits(self) -> int:
        """No more than can be granted: with more nobody could sign up."""
        bonus: int = self.cleaned_data["signup_bonus_microcredits"]
        MaxValueValidator(MAX_MICROCREDITS)(bonus)
        return bonus


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    """What accounts may do a minute and a day. A plan that accounts are on cannot be deleted."""

    form = PlanForm
    menu_icon = "speed"
    list_display = ("slug", "calls_per_minute", "trial_calls_per_day", "signup_bonus_microcredits")
    ordering = ("slug",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj is not None else ()


def _as_checkboxes(db_field: Any) -> dict[str, Any]:
    """A list that a keyboard and a screen reader can use; of permissions those that something here asks for."""
    options: dict[str, Any] = {"widget": UnfoldAdminCheckboxSelectMultipleWidget}
    if db_field.related_model is Permission:
        expected = {page.permission.partition(".")[2] for page in registered()}
        models = [model._meta.model_name for model in admin.site._registry]
        expected |= {f"{verb}_{name}" for verb in ("view", "add", "change", "delete") for name in models}
        options["form_class"] = PermissionChoices
        options["queryset"] = (
            Permission.objects.filter(codename__in=expected, content_type__app_label__in=OUR_APPS)
            .select_related("content_type")
            .order_by("content_type__app_label", "codename")
        )
    return options


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))

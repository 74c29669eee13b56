"""Django's lists and forms for plain tables, with every change in the staff's own record instead of Django's."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from unfold.admin import ModelAdmin

from accounts.audit import Target, record_by_staff

# What may not be shown again, not even in a record.
UNRECORDED = frozenset({"password"})


class AuditedAdmin(ModelAdmin):
    """A ModelAdmin whose additions, changes and deletions are entries of the staff record, in the same transaction."""

    actions_on_top = False
    show_full_result_count = False
    menu_icon = "table"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No actions on many rows at once: each is confirmed and recorded by itself."""
        return {}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """To the staff's own record of the thing."""
        return HttpResponseRedirect(f"{reverse('staff:audit')}?{urlencode({'target': object_id})}")

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        request.staff_before = (  # type: ignore[attr-defined]
            described(self.model._default_manager.get(pk=obj.pk)) if change else {}
        )
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return record_by_staff(request, f"{obj._meta.model_name}.add", _target(obj), after=described(obj))

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        before = getattr(request, "staff_before", {})
        after = described(obj)
        changed = [name for name in after if before.get(name) != after[name]]
        return record_by_staff(
            request,
            f"{obj._meta.model_name}.change",
            _target(obj),
            before={name: before.get(name) for name in changed},
            after={name: after[name] for name in changed},
        )

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return [
            record_by_staff(request, f"{obj._meta.model_name}.delete", _target(obj), before=described(obj))
            for obj in queryset
        ]


def call_for_people(model: type[Model], singular: Promise, plural: Promise, **fields: Promise) -> None:
    """How the site calls a table's rows and fields. Not said in the model, where each word would be a migration."""
    model._meta.verbose_name, model._meta.verbose_name_plural = singular, plural  # type: ignore[assignment]
    for name, title in fields.items():
        model._meta.get_field(name).verbose_name = title  # type: ignore[union-attr]


@translation.override(None)
def described(obj: Model) -> dict[str, Any]:
    """The fields of a row as plain JSON, those left out that nobody may see again; whoever asks, in English."""
    shown: dict[str, Any] = {}
    for name, value in model_to_dict(obj).items():
        if name in UNRECORDED:
            continue
        if isinstance(value, list):
            shown[name] = sorted(str(item) for item in value)
        else:
            shown[name] = value if isinstance(value, str | int | float | bool | None) else str(value)
    return shown


def _target(obj: Model) -> Target:
    return Target(str(obj._meta.model_name), str(obj.pk), str(obj))

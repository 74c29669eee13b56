"""The staff site: Django's admin in Unfold's clothes, behind the members' own sign-in page.

Nobody signed in is sent there; whoever is signed in and not of the staff finds nothing at any of its addresses
(see ADR 14). Its pages have a wider Content-Security-Policy (see ADR 13).
"""

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from accounts.models import User
from accounts.staff import page_registry
from accounts.staff.audited_admin import AuditedAdmin

View = Callable[..., Any]
# Unfold's Alpine turns attributes into functions, and its pages have style attributes. Nothing else is let in: no
# inline script, no other host.
RELAXED_CSP = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class StaffSite(UnfoldAdminSite):
    """Every view of the admin passes `admin_view`, and so do our own pages."""

    site_header = site_title = _("AIO staff")
    index_title = _("Overview")

    def __init__(self, name: str = "staff") -> None:
        # Django's own templates and Unfold's say `admin:`, which is the application's namespace.
        super().__init__(name)

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_staff

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Let staff in. Anonymous: to the sign-in page and back; a member who is not of the staff: 404."""
        guarded = csp_update(RELAXED_CSP)(super().admin_view(view, cacheable))

        def staff_only(request: HttpRequest, *arguments: Any, **keywords: Any) -> Any:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            if not self.has_permission(request):
                raise Http404
            return guarded(request, *arguments, **keywords)

        return staff_only

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take only what is audited: other packages bring admins that would write nothing down."""
        if admin_class is not None and issubclass(admin_class, AuditedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(page.path, self.admin_view(page_registry.guarded(page)), name=page.name)
            for page in page_registry.registered()
        ]
        return [*ours, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one sign-in page, the members'."""
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        if not self.has_permission(request):
            raise Http404
        return redirect("staff:home")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        logout(request)
        return HttpResponseRedirect("/")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Staff change their password where members do."""
        return redirect("account_change_password")


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))

"""Pages of the staff site that are not lists of one table: what they are, who may see them, how they are shown.

A page is a view decorated with `staff_page`, an action one decorated with `staff_action`; the site serves both. Whoever
lacks the permission gets 403, for looking and for doing alike.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import register_converter
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from aio_platform.errors import PlatformError

View = Callable[..., HttpResponse]
ROOT = "/staff/"
# Titles of pages and of the navigation's groups are kept in English, and translated where they are shown.
OVERVIEW = _("Overview")
ACCOUNTS = _("Accounts")
CALLS = _("Calls")
GATEWAY = _("Gateway")
REPORTS = _("Reports")
ADMINISTRATION = _("Administration")


class AccountIdConverter:
    """An account's public id in an address; what lacks its form is an address of somebody else's."""

    regex = "acct_[0-9A-Za-z]{1,30}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(AccountIdConverter, "account")


@dataclass(frozen=True, slots=True)
class Page:
    """One address under /staff/. `menu` is its group in the navigation and its icon, None to stay out of it."""

    path: str
    name: str
    title: str
    permission: str
    view: View
    menu: tuple[str, str] | None
    is_action: bool


# The navigation's groups from top to bottom.
GROUPS = (OVERVIEW, ACCOUNTS, CALLS, GATEWAY, REPORTS, ADMINISTRATION)
_pages: list[Page] = []


def staff_page(
    path: str, *, name: str, title: str, permission: str, menu: tuple[str, str] | None = None
) -> Callable[[View], View]:
    """Serve the view at that path under /staff/, to staff with the permission ("" for all staff)."""
    return _registering(path, name, title, permission, menu, is_action=False)


def staff_action(path: str, *, name: str, permission: str) -> Callable[[View], View]:
    """Serve the view at that path for POST alone, to staff with the permission.

    A PlatformError it raises is shown on the page the form was on.
    """
    return _registering(path, name, "", permission, None, is_action=True)


def registered() -> list[Page]:
    """Every page and action there is, in the order of their registration."""
    return list(_pages)


def guarded(page: Page) -> View:
    """The page's view behind its permission and, for an action, its method."""

    @wraps(page.view)
    def view(request: HttpRequest, *arguments: Any, **keywords: Any) -> HttpResponse:
        if page.permission and not request.user.has_perm(page.permission):
            raise PermissionDenied
        if not page.is_action:
            return page.view(request, *arguments, **keywords)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            return page.view(request, *arguments, **keywords)
        except PlatformError as error:
            if error.status == 404:
                raise
            messages.error(request, error.shown)
            return back(request, ROOT)

    return view


def show(
    request: HttpRequest, template: str, title: str, context: Mapping[str, Any], *, status: int = 200
) -> TemplateResponse:
    """A page in the site's frame."""
    return TemplateResponse(
        request,
        template,
        {**admin.site.each_context(request), "title": title, **context},
        status=status,
    )


def back(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """To the page whose form was sent, where that is one of the site's; else to another of them."""
    wanted = request.POST.get("back", "")
    # A path of ours and nothing that a browser could take for another host.
    if wanted.startswith(ROOT) and "\\" not in wanted and wanted.isprintable():
        return HttpResponseRedirect(wanted)
    return HttpResponseRedirect(otherwise)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The side bar: pages by group, those alone that the visitor may see; the nearest to this page is marked."""
    groups: dict[str, list[dict[str, Any]]] = {title: [] for title in GROUPS}
    user: Any = request.user
    for page in _pages:
        if page.menu is not None and (not page.permission or user.has_perm(page.permission)):
            group, icon = page.menu
            groups[group].append({"title": gettext(page.title), "icon": icon, "link": f"{ROOT}{page.path}"})
    for model, model_admin in admin.site._registry.items():
        if model_admin.has_view_permission(request):
            groups[ADMINISTRATION].append(
                {
                    "title": capfirst(str(model._meta.verbose_name_plural)),
                    "icon": getattr(model_admin, "menu_icon", "table"),
                    "link": f"{ROOT}{model._meta.app_label}/{model._meta.model_name}/",
                }
            )
    items = [item for group in groups.values() for item in group]
    around = [item["link"] for item in items if request.path.startswith(item["link"])]
    here = max((link for link in around if link != ROOT or request.path == ROOT), key=len, default="")
    for item in items:
        item["active"] = lambda _, is_here=item["link"] == here: is_here
    return [
        {"title": gettext(title), "separator": True, "items": items}
        for title, items in groups.items()
        if items
    ]


def stylesheet(request: HttpRequest) -> str:
    """The address of the site's own styles, for Unfold's settings."""
    return static("staff/staff.css")


def script(request: HttpRequest) -> str:
    """The same for its script."""
    return static("staff/staff.js")


def may(request: HttpRequest, permissions: Iterable[str]) -> dict[str, bool]:
    """Which of the permissions the visitor has, by the part after the dot; for templates."""
    user: Any = request.user
    return {permission.partition(".")[2]: user.has_perm(permission) for permission in permissions}


def _registering(
    path: str, name: str, title: str, permission: str, menu: tuple[str, str] | None, *, is_action: bool
) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        _pages.append(Page(path, name, title, permission, view, menu, is_action))
        return view

    return decorate

"""The catalog as a whole: its versions, taking it out as TOML, and loading another."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit import Target, record_by_staff
from accounts.staff.page_registry import GATEWAY, back, may, show, staff_action, staff_page
from accounts.staff.tables import PAGE_SIZE, Cell, Table, href_with, place_before, timestamp_text
from aio_platform.errors import BodyTooLarge, InvalidRequest, NotFound, PlatformError
from aio_platform.i18n.translatable import gettext_noop
from gateway.catalog import edits, loading, processes
from gateway.catalog.parser import CatalogErrors, parse_catalog
from gateway.catalog.processes import TrialFailed
from gateway.catalog.routes import ADAPTERS
from gateway.models import CatalogVersion
from gateway.staff.route_pages import PERMISSION

LOAD = "gateway.load_catalog"
EXPORT = "gateway.export_catalog"
MAX_CATALOG_BYTES = 900_000
TRIAL_FAILED_STATUS = 409


@staff_page(
    "catalog/",
    name="catalog",
    title=gettext_noop("Catalog"),
    permission=PERMISSION,
    menu=(GATEWAY, "menu_book"),
)
def catalog(request: HttpRequest) -> HttpResponse:
    """Every version, newest first; the first is in force."""
    return _catalog(request)


@staff_page(
    "catalog/<int:version>.toml", name="catalog-export", title=gettext_noop("Catalog"), permission=EXPORT
)
def export(request: HttpRequest, version: int) -> HttpResponse:
    """A version as `load_catalog` takes it; the newest is the one in force."""
    kept = CatalogVersion.objects.filter(pk=version).first() if version < 2**63 else None
    if kept is None:
        raise NotFound(gettext_noop("There is no such version."))
    record_by_staff(request, "catalog.export", Target("catalog", str(kept.version)))
    return HttpResponse(
        kept.toml,
        content_type="application/toml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="catalog-{kept.version}.toml"'},
    )


@staff_action("catalog/load", name="catalog-load", permission=LOAD)
def load(request: HttpRequest) -> HttpResponse:
    """Check a whole catalog, ask every running process, and put it in force.

    With mistakes, or where a process could not run it, nothing changes, and each reason is shown with its line.
    """
    text = _given_text(request)
    try:
        parse_catalog(text, file="catalog", adapters=ADAPTERS)
        # Before the transaction, which nobody else could look into.
        loading.try_out(text, "catalog")
        with transaction.atomic():
            before = CatalogVersion.objects.order_by("-version").values_list("pk", flat=True).first()
            stored, description = edits.load_text(
                text, by=str(request.user), note=request.POST.get("note", "")[:200]
            )
            record_by_staff(
                request,
                "catalog.load",
                Target("catalog", str(stored.version)),
                before={"version": before},
                after={
                    "version": stored.version,
                    "routes": len(description.routes),
                    "upstreams": len(description.upstreams),
                },
            )
    except CatalogErrors as refused:
        return _catalog(request, text=text, problems=str(refused), status=400)
    except TrialFailed as refused:
        return _catalog(request, text=text, problems=str(refused), status=TRIAL_FAILED_STATUS)
    except PlatformError as refused:
        return _catalog(request, text=text, problems=refused.shown, status=refused.status)
    try:
        processes.wait_until_in_force(stored.version)
    except TrialFailed as refused:
        messages.warning(request, str(refused))
    if stored.changed:
        messages.success(request, _("Catalog version %(version)s is in force.") % {"version": stored.version})
    else:
        messages.info(request, _("That is the catalog in force already."))
    return back(request, reverse("staff:catalog"))


def _catalog(request: HttpRequest, *, text: str = "", problems: str = "", status: int = 200) -> HttpResponse:
    found = CatalogVersion.objects.order_by("-version")
    before = place_before(request)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.defer("toml")[: PAGE_SIZE + 1])
    allowed = may(request, [LOAD, EXPORT])
    table = Table(
        _("Versions"),
        [_("Version"), _("Loaded (UTC)"), _("Loaded by"), _("Source"), _("Note")],
        [
            [
                Cell(
                    str(row.version),
                    href=reverse("staff:catalog-export", args=[row.version])
                    if allowed["export_catalog"]
                    else "",
                ),
                timestamp_text(row.loaded_at),
                row.loaded_by,
                row.source,
                row.note,
            ]
            for row in rows[:PAGE_SIZE]
        ],
        next_href=href_with(request, before=str(rows[PAGE_SIZE - 1].version))
        if len(rows) > PAGE_SIZE
        else "",
    )
    context = {"processes": _processes(), "table": table, "text": text, "problems": problems, "may": allowed}
    return show(request, "staff/catalog.html", _("Catalog"), context, status=status)


def _processes() -> Table:
    """What each running process has in force; one that could not take up the newest version says why."""
    return Table(
        _("Processes"),
        [_("Process"), _("Version"), _("Why not the newest")],
        [
            [Cell(one.name), Cell(str(one.version)), Cell("; ".join(one.problems))]
            for one in processes.processes()
        ],
    )


def _given_text(request: HttpRequest) -> str:
    upload = request.FILES.get("file")
    if upload is None:
        return request.POST.get("toml", "").replace("\r\n", "\n")
    if (upload.size or 0) > MAX_CATALOG_BYTES:
        raise BodyTooLarge(
            gettext_noop("A catalog has at most %(max_catalog_bytes)s bytes."),
            max_catalog_bytes=f"{MAX_CATALOG_BYTES:,}",
        )
    try:
        return upload.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(gettext_noop("The file is not UTF-8."), param="file") from None

"""`/api/staff/reports`: the staff reports for programs, as JSON or CSV, in a signed-in staff member's session."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aio_platform.errors import NotFound, PermissionRefused
from aio_platform.http.output_formats import FORMATS, OneFormat, csv_file
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import gettext_noop as _
from usage.reports import REPORTS
from usage.reports.reading import PARAMETERS, read_report_query
from usage.reports.rendering import as_csv, as_json

PERMISSION = "usage.view_usageevent"


class MayReadReports(BasePermission):
    """Staff with the permission. To everybody else who is signed in or not, these addresses do not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or NotFound for whoever is no staff, PermissionRefused for staff without the permission."""
        user: Any = request.user
        if user is None or not (user.is_active and user.is_staff):
            raise NotFound(_("There is nothing at this address."))
        if not user.has_perm(PERMISSION):
            raise PermissionRefused(_("Reports need a permission that you do not have."))
        return True


class StaffReportsView(APIView):
    """What the views of staff reports share."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = (MayReadReports,)
    content_negotiation_class = OneFormat
    http_method_names = ("get", "head", "options")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer


class ReportListView(StaffReportsView):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """The reports there are."""
        QueryParameters(request, ())
        return Response(
            {
                "object": "list",
                "data": [
                    {"name": kind.name, "title": kind.title, "group_by": list(kind.dimensions)}
                    for kind in REPORTS.values()
                ],
            }
        )


class ReportView(StaffReportsView):
    @extend_schema(exclude=True)
    def get(self, request: Request, name: str) -> Any:
        """One report; `format` is json or csv."""
        kind = REPORTS.get(name)
        if kind is None:
            raise NotFound(_("There is no such report."))
        parameters = QueryParameters(request, (*PARAMETERS, "format"))
        texts = {one: text for one in PARAMETERS if (text := parameters.text(one)) is not None}
        form = parameters.choice("format", FORMATS, "json")
        report = kind.make(read_report_query(texts))
        if form == "json":
            return Response(as_json(report))
        return csv_file(f"{kind.name}.csv", as_csv(report))

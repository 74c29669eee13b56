"""The addresses of usage."""

from django.urls import path

from usage.api.staff_reports import ReportListView, ReportView
from usage.api.views import (
    CreditsView,
    ExportView,
    LedgerView,
    ReceiptView,
    RefusalsView,
    SummaryView,
    UsageListView,
)

urlpatterns = [
    path("api/v1/credits", CreditsView.as_view()),
    path("api/v1/credits/ledger", LedgerView.as_view()),
    path("api/v1/usage", UsageListView.as_view()),
    path("api/staff/reports", ReportListView.as_view()),
    path("api/staff/reports/<str:name>", ReportView.as_view()),
    path("api/v1/usage/summary", SummaryView.as_view()),
    path("api/v1/usage/refusals", RefusalsView.as_view()),
    path("api/v1/usage/export.csv", ExportView.as_view()),
    path("api/v1/usage/<str:request_id>", ReceiptView.as_view()),
]

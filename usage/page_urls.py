"""The addresses of usage's pages."""

from django.urls import path

from usage.pages import calls, credits, explore, keys, overview, own_account, receipt

urlpatterns = [
    path("overview", overview.overview, name="overview"),
    path("overview/first-key", overview.first_key, name="first-key"),
    path("overview/first-call", overview.first_call, name="first-call"),
    path("usage", explore.usage, name="usage"),
    path("usage/summary.csv", explore.summary_csv, name="summary-csv"),
    path("usage/calls", calls.calls, name="calls"),
    path("usage/calls/new", calls.new_calls, name="new-calls"),
    path("usage/calls.csv", calls.calls_csv, name="calls-csv"),
    path("usage/calls/<str:request_id>", receipt.receipt, name="receipt"),
    path("keys", keys.keys, name="keys"),
    path("keys/new", keys.new, name="keys-new"),
    path("keys/<str:key_id>/change", keys.change, name="keys-change"),
    path("keys/<str:key_id>/revoke", keys.revoke, name="keys-revoke"),
    path("keys/<str:key_id>/rotate", keys.rotate, name="keys-rotate"),
    path("open-account", own_account.open_account, name="open-account"),
    path("credits", credits.credits, name="credits"),
    path("credits/ledger.csv", credits.ledger_csv, name="ledger-csv"),
]

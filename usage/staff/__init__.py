"""The staff site's pages of usage: accounts with their credits, calls and refusals, grants, and reports."""

from usage.staff import account_pages, call_pages, grant_pages, home_page, report_pages

__all__ = ["account_pages", "call_pages", "grant_pages", "home_page", "report_pages"]

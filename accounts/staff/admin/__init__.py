"""The staff site's pages of accounts: people, groups and plans as Django's lists; keys and the record as ours."""

from accounts.staff.admin import key_pages, people, record_pages

__all__ = ["key_pages", "people", "record_pages"]

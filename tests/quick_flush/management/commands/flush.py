"""What Django calls after a test that commits, instead of its own: that one empties a hundred tables, empty or not,
leaves those that SQL of ours made, and makes every permission anew; it took longer than most tests."""

from typing import Any

from django.core.management.base import BaseCommand
from emptying import empty_all_tables


class Command(BaseCommand):
    help = "Empties the test database."
    # As Django's: the test runner gives them.
    stealth_options = ("reset_sequences", "allow_cascade", "inhibit_post_migrate", "database", "interactive")

    def handle(self, *_: str, **options: Any) -> None:
        empty_all_tables()

"""`reconcile`: proves that the books agree with each other, or says where they do not and exits with 1."""

from typing import Any

from django.core.management.base import CommandError

from accounts.models import Account
from aio_platform.command import Answer, ScriptableCommand
from usage.ledger.grants import Disagreement, has_books, reconcile


class Command(ScriptableCommand):
    help = "Compare balances, holds, ledger entries, grants, refunds and usage events with each other."
    disagreements: list[Disagreement]

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if self.disagreements:
            raise CommandError(f"The books disagree in {len(self.disagreements)} places.")

    def perform(self, options: dict[str, Any]) -> Answer:
        if not has_books():
            raise CommandError(
                "There is no account in this database, so nothing was compared. Is it the right one?"
            )
        self.disagreements = reconcile()
        public_ids = dict(
            Account.objects.filter(pk__in={row.account_id for row in self.disagreements}).values_list(
                "pk", "public_id"
            )
        )
        rows = [_as_json(row, public_ids) for row in self.disagreements]
        text = "\n".join(f"{row['account']}\t{row['problem']}\t{row['detail']}" for row in rows)
        return Answer(text=text or "books agree", data={"agree": not rows, "disagreements": rows})


def _as_json(row: Disagreement, public_ids: dict[int, str]) -> dict[str, str]:
    account = public_ids.get(row.account_id, f"account {row.account_id}")
    return {"account": account, "problem": row.problem, "detail": row.detail}

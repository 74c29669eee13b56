"""`refund_call REQUEST_ID AMOUNT`: give back part or all of what a call cost."""

from argparse import ArgumentParser
from typing import Any

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only
from usage.command_arguments import operator, read_credits
from usage.errors import CaptureUnknown, RefundOfArchivedCall
from usage.ledger.grants import refund
from usage.models import UsageEvent
from usage.queries.retention import archive_file_of
from usage.request_times import parse_call
from usage.snapshot import snapshot


class Command(ScriptableCommand):
    help = "Refund a call. A call's refunds never exceed its cost; a repeat under the same key gives nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("request_id", metavar="REQUEST_ID", help="as in req_018f…")
        parser.add_argument("amount", metavar="AMOUNT", help="credits, as in 100 or 0.5")
        parser.add_argument("--reason", required=True, help="shown to the account")
        parser.add_argument("--idempotency-key", metavar="K", required=True)

    def perform(self, options: dict[str, Any]) -> Answer:
        call = parse_call(options["request_id"])
        if call is None:
            raise InvalidRequest(english_only("REQUEST_ID is req_ and 32 hexadecimal digits."))
        amount_microcredits = read_credits(options["amount"], "AMOUNT")
        event = UsageEvent.objects.filter(started_at=call.started_at, request_id=call.request_uuid).first()
        if event is None:
            with snapshot() as books:
                raise RefundOfArchivedCall if archive_file_of(books, call) else CaptureUnknown
        booked = refund(
            event.account_id,
            call.request_uuid,
            amount_microcredits,
            reason=options["reason"],
            actor=operator(),
            idempotency_key=options["idempotency_key"],
        )
        refunded, available = (
            format_credits(amount_microcredits),
            format_credits(booked.available_microcredits),
        )
        return Answer(
            text=f"Entry {booked.entry} refunded {refunded} credits already; {available} are available."
            if booked.repeated
            else f"Refunded {refunded} credits; {available} are available.",
            data={
                "request_id": options["request_id"],
                "entry": booked.entry,
                "refunded": refunded,
                "available": available,
                "repeated": booked.repeated,
            },
        )

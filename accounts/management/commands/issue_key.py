"""`manage.py issue_key ACCOUNT`: a key, shown this once."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.keys import lifecycle
from accounts.lookup import find_account
from aio_platform.command import Answer, ScriptableCommand
from aio_platform.credits import parse_credits
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only


class Command(ScriptableCommand):
    help = "Issue an API key for an account; its text is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the account's id or exact name")
        parser.add_argument("--name", default="command line", help="what people call the key")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            help="limit it to an endpoint (chat), model:SLUG or network:CIDR; repeatable",
        )
        parser.add_argument("--expires", help="when it ends: ISO 8601, UTC unless it says otherwise")
        parser.add_argument("--cap-day", help="credits it may spend in a day (UTC)")
        parser.add_argument("--cap-month", help="credits it may spend in a month (UTC)")
        parser.add_argument("--manage-keys", action="store_true", help="let it issue, change and revoke keys")

    def perform(self, options: dict[str, Any]) -> Answer:
        account = find_account(options["account"])
        endpoints, models, networks = _read_scopes(options["scope"])
        with transaction.atomic():
            api_key, key_text = lifecycle.issue_key(
                account,
                options["name"],
                endpoints=endpoints or None,
                models=models or None,
                networks=networks or None,
                expires_at=_read_timestamp(options["expires"]),
                cap_day_microcredits=_read_credits(options["cap_day"], "--cap-day"),
                cap_month_microcredits=_read_credits(options["cap_month"], "--cap-month"),
                may_manage_keys=options["manage_keys"],
            )
            audit.record(audit.OPERATOR, "key.issue", audit.key_target(api_key), account=account)
        return Answer(
            text=f"{key_text}\nKeep it now: it is not shown again. Its id is {api_key.public_id}.",
            data={"id": api_key.public_id, "key": key_text, "prefix": api_key.prefix},
        )


def _read_scopes(scopes: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Endpoints, models and networks out of `--scope` values; their form is for `keys.rules` to judge."""
    endpoints, models, networks = [], [], []
    for scope in scopes:
        kind, colon, value = scope.partition(":")
        if not colon:
            endpoints.append(scope)
        elif kind == "model":
            models.append(value)
        elif kind == "network":
            networks.append(value)
        else:
            raise InvalidRequest(
                english_only("--scope is an endpoint, model:SLUG or network:CIDR, not %(scope)s."),
                scope=repr(scope),
            )
    return endpoints, models, networks


def _read_timestamp(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            english_only("--expires is a moment as in 2030-01-31T12:00:00Z, not %(text)s."), text=repr(text)
        ) from None


def _read_credits(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_credits(text)
    except ValueError as error:
        raise InvalidRequest(english_only("%(option)s: %(error)s"), option=option, error=str(error)) from None

"""What the query strings of usage's addresses ask for. Mistakes are InvalidRequest, 400, naming the parameter."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from aio_platform.errors import InvalidRequest
from aio_platform.http.query_parameters import QueryParameters
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.timestamps import parse_zone
from usage.ledger.outcomes import Outcome
from usage.queries.aggregates.summaries import INTERVALS, Grouping
from usage.queries.cursors import PARAM as AFTER
from usage.queries.filters import CallFilter
from usage.queries.keys import find_key_id
from usage.queries.members import find_member_id

CALL_FILTERS = ("key", "member", "endpoint", "model", "outcome", "since", "until")
PAGE = ("limit", AFTER)
GROUPING = ("group_by", "interval", "timezone")


def read_call_filter(parameters: QueryParameters, account_id: int, zone: tzinfo = UTC) -> CallFilter:
    """The account's calls that the parameters of CALL_FILTERS ask for."""
    key, member = parameters.text("key"), parameters.text("member")
    since, until = parameters.timestamp("since", zone), parameters.timestamp("until", zone)
    if since is not None and until is not None and since >= until:
        raise InvalidRequest(_("since is before until."), param="since")
    return CallFilter(
        account_id,
        key_id=None if key is None else find_key_id(account_id, key, "key"),
        endpoint=parameters.text("endpoint"),
        model=parameters.text("model"),
        outcome=parameters.choice("outcome", [outcome.value for outcome in Outcome]),
        since=since,
        until=until,
        member_id=None if member is None else find_member_id(account_id, member, "member"),
    )


def read_grouping(
    parameters: QueryParameters, dimensions: Sequence[str], default: tuple[str, ...]
) -> Grouping:
    """What the parameters of GROUPING ask for."""
    zone_name = parameters.text("timezone") or "UTC"
    return Grouping(
        by=parameters.choices("group_by", dimensions, default),
        interval=parameters.choice("interval", tuple(INTERVALS), "none") or "none",
        zone=parse_zone(zone_name, "timezone"),
        zone_name=zone_name,
    )

"""What calls look like on the wire to the books: arrays in PostgreSQL's text form, and rows read back."""

from collections.abc import Sequence
from functools import lru_cache

import orjson

from aio_platform.db.pipelined_connection import Row
from aio_platform.http.request_ids import milliseconds_of
from usage.ledger.calls import CallEnd, CallToAuthorize, Settlement, Verdict
from usage.ledger.outcomes import TRIAL_GIVEN_BACK


def authorize_parameters(calls: list[CallToAuthorize]) -> tuple[str, ...]:
    credentials = [call.caller for call in calls]
    return (
        array_literal([call.request_uuid for call in calls]),
        _digests(calls),
        array_literal([c.account_id for c in credentials]),
        array_literal([c.member_id for c in credentials]),
        text_array_literal([c.address or None for c in credentials]),
        text_array_literal([call.endpoint for call in calls]),
        text_array_literal([call.model for call in calls]),
        text_array_literal([call.route for call in calls]),
        array_literal([call.rate_id for call in calls]),
        array_literal([call.ceiling_microcredits for call in calls]),
        array_literal([milliseconds_of(call.request_uuid) for call in calls]),
        array_literal([call.hold_ttl_s for call in calls]),
    )


def settle_parameters(ends: list[CallEnd]) -> tuple[str, ...]:
    units = [end.units for end in ends]
    return (
        array_literal([end.account_id for end in ends]),
        array_literal([end.request_uuid for end in ends]),
        array_literal([end.outcome.value for end in ends]),
        array_literal([end.charge_microcredits for end in ends]),
        array_literal([end.outcome in TRIAL_GIVEN_BACK for end in ends]),
        text_array_literal([end.upstream for end in ends]),
        array_literal([end.status for end in ends]),
        array_literal([end.streamed for end in ends]),
        array_literal([end.estimated for end in ends]),
        array_literal([u.tokens_in for u in units]),
        array_literal([u.tokens_out for u in units]),
        array_literal([u.images for u in units]),
        array_literal([u.audio_ms for u in units]),
        array_literal([u.characters for u in units]),
        array_literal([u.pixel_steps for u in units]),
        array_literal([u.video_ms for u in units]),
        array_literal([end.latency_ms for end in ends]),
        array_literal([end.upstream_latency_ms for end in ends]),
        array_literal([end.first_byte_ms for end in ends]),
        text_array_literal([end.attempts and orjson.dumps(end.attempts).decode() for end in ends]),  # type: ignore[misc]
    )


def read_verdict(row: Row) -> Verdict:
    """One row of usage_authorize_v2."""
    name = row[0]
    assert name is not None
    return Verdict(name.decode(), *[None if value is None else int(value) for value in row[1:]])


def read_settlement(row: Row) -> Settlement:
    """One row of usage_settle_v2."""
    settled, charged, available, repeated = row
    return Settlement(
        settled == b"t",
        None if charged is None else int(charged),
        None if available is None else int(available),
        repeated == b"t",
    )


def array_literal(values: Sequence[object]) -> str:
    """PostgreSQL's text form of an array of numbers, booleans, hex digits and nulls.

    Not for free text: nothing is quoted. psycopg's own lists cost a microsecond an element, this a tenth.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def text_array_literal(values: Sequence[str | None]) -> str:
    """PostgreSQL's text form of an array of any strings."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


@lru_cache(maxsize=4096)
def _quoted(value: str | None) -> str:
    """Names of models, routes and addresses come again and again."""
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _digests(calls: list[CallToAuthorize]) -> str:
    """Not through the cache of quoted names: digests are not kept."""
    digests = [call.caller.key_digest for call in calls]
    return array_literal([None if digest is None else '"\\\\x' + digest.hex() + '"' for digest in digests])

"""Calls as parameters of the ledger's statements, an array a column, and the rows that come back. Pure."""

from aio_platform.db.arrays import array_literal, bytes_array_literal, json_array_literal, name_array_literal
from aio_platform.db.pipelined_connection import Row
from aio_platform.http.request_ids import milliseconds_of
from usage.ledger.calls import CallEnd, CallToAuthorize, Settlement, Verdict
from usage.ledger.outcomes import TRIAL_GIVEN_BACK

# An array that is shorter than the others is filled up with nulls.
NO_PARTS = "{}"


def authorize_parameters(calls: list[CallToAuthorize]) -> tuple[str, ...]:
    """The arguments of usage_authorize_v2."""
    credentials = [call.caller for call in calls]
    return (
        array_literal([call.request_uuid for call in calls]),
        bytes_array_literal([c.key_digest for c in credentials]),
        array_literal([c.account_id for c in credentials]),
        array_literal([c.member_id for c in credentials]),
        name_array_literal([c.address or None for c in credentials]),
        name_array_literal([call.endpoint for call in calls]),
        name_array_literal([call.model for call in calls]),
        name_array_literal([call.route for call in calls]),
        array_literal([call.rate_id for call in calls]),
        array_literal([call.ceiling_microcredits for call in calls]),
        array_literal([milliseconds_of(call.request_uuid) for call in calls]),
        array_literal([call.hold_ttl_s for call in calls]),
    )


def settle_parameters(ends: list[CallEnd]) -> tuple[str, ...]:
    """The arguments of usage_settle_v3."""
    units = [end.units for end in ends]
    parts = [u.parts() for u in units]
    return (
        array_literal([end.account_id for end in ends]),
        array_literal([end.request_uuid for end in ends]),
        array_literal([end.outcome.value for end in ends]),
        array_literal([end.charge_microcredits for end in ends]),
        array_literal([end.outcome in TRIAL_GIVEN_BACK for end in ends]),
        name_array_literal([end.upstream for end in ends]),
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
        json_array_literal([end.attempts or None for end in ends]),
        json_array_literal(parts) if any(parts) else NO_PARTS,
    )


def read_verdict(row: Row) -> Verdict:
    """One row of usage_authorize_v2."""
    name = row[0]
    assert name is not None
    return Verdict(name.decode(), *[None if value is None else int(value) for value in row[1:]])


def read_settlement(row: Row) -> Settlement:
    """One row of usage_settle_v3."""
    settled, charged, available, repeated = row
    return Settlement(
        settled == b"t",
        None if charged is None else int(charged),
        None if available is None else int(available),
        repeated == b"t",
    )

"""What the books count, for /metrics."""

from aio_platform.observability.metrics import ITEMS, Counts, Distributions

CALLS_ENDED = Counts(
    "aio_calls_ended_total", "Calls that were authorised and have ended, by outcome", "endpoint", "outcome"
)
BATCH_ITEMS = Distributions(
    "aio_ledger_batch_items", "Authorisations and settlements that shared a commit", bounds=ITEMS
)
BATCH_S = Distributions("aio_ledger_batch_seconds", "How long one round trip to the books took")
SETTLEMENT_RETRIES = Counts(
    "aio_settlement_retries_total", "Settlements sent again because the database was out of reach"
)
SETTLEMENTS_GIVEN_UP = Counts(
    "aio_settlements_given_up_total", "Settlements that could not be recorded; their holds expire"
)
CHORES = Counts("aio_chore_rows_total", "Rows that chores dealt with, as in holds expired", "chore")

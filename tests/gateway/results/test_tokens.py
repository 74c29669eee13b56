"""The token in a kept result's address: ours, unchanged, and good until the moment inside it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from gateway.results.tokens import result_of, token_for

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_token_names_its_result_until_it_expires() -> None:
    result_id = str(uuid4())
    token = token_for(result_id, NOW + HOUR)
    assert result_of(token, NOW) == result_id
    assert result_of(token, NOW + HOUR) is None


def test_a_changed_token_names_nothing() -> None:
    signed, _, signature = token_for(str(uuid4()), NOW + HOUR).rpartition(".")
    result_hex, _, _ = signed.partition(".")
    later = int((NOW + 2 * HOUR).timestamp())
    for changed in (f"{result_hex}.{later}", f"{uuid4().hex}.{signed.partition('.')[2]}"):
        assert result_of(f"{changed}.{signature}", NOW) is None
        assert result_of(f"{changed}.x", NOW) is None
    assert result_of(signed, NOW) is None

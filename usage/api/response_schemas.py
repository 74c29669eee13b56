"""The JSON of the usage API, for the OpenAPI schema. The queries make the answers; tests hold them to this.

Amounts come twice: a decimal string in credits, and the exact integer in micro-credits.
"""

from typing import Any

from rest_framework import serializers

from aio_platform.http.serializers import ErrorBody
from usage.ledger.outcomes import Outcome
from usage.queries.events import UNIT_COLUMNS
from usage.queries.receipts import IN_FLIGHT

REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 429), ErrorBody)
_OUTCOMES = [outcome.value for outcome in Outcome]


class _Body(serializers.Serializer[Any]):
    """Describes an answer; reads nothing."""


class _Credits(serializers.CharField):
    """Credits as a decimal string."""


class KeyName(_Body):
    id = serializers.CharField()
    name = serializers.CharField()
    prefix = serializers.CharField()


class MemberName(_Body):
    email = serializers.CharField(allow_null=True)


class UnitCounts(_Body):
    """Whole numbers, one for each unit that a rate can price. Each token is once in tokens_in or in tokens_out.

    Those from a cache, written to one, of reasoning and of audio are counted in a unit of their own besides.
    """

    def get_fields(self) -> dict[str, Any]:
        return {unit: serializers.IntegerField() for unit in UNIT_COLUMNS}

    pixel_steps = serializers.IntegerField()
    video_ms = serializers.IntegerField()


class Timings(_Body):
    latency_ms = serializers.IntegerField()
    platform_ms = serializers.IntegerField(allow_null=True)
    upstream_ms = serializers.IntegerField(allow_null=True)
    first_byte_ms = serializers.IntegerField(allow_null=True)


class UsageEventBody(_Body):
    request_id = serializers.CharField()
    started_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField()
    key = KeyName(allow_null=True, help_text="null: a signed-in member called")
    endpoint = serializers.CharField()
    model = serializers.CharField()
    route = serializers.CharField()
    upstream = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(choices=_OUTCOMES)
    status = serializers.IntegerField(allow_null=True)
    streamed = serializers.BooleanField()
    estimated = serializers.BooleanField()
    trial = serializers.BooleanField()
    units = UnitCounts()
    cost = _Credits(help_text="capture less refunds")
    cost_microcredits = serializers.IntegerField()
    capture = _Credits()
    capture_microcredits = serializers.IntegerField()
    refunded = _Credits()
    refunded_microcredits = serializers.IntegerField()
    hold = _Credits(help_text="the ceiling price that was held")
    hold_microcredits = serializers.IntegerField()
    timings = Timings()


class UsagePage(_Body):
    object = serializers.CharField()
    as_of = serializers.DateTimeField()
    data = UsageEventBody(many=True)  # type: ignore[assignment] # a serializer's own `data` is not asked for
    has_more = serializers.BooleanField()
    next = serializers.CharField(allow_null=True, help_text="give it as `after` for the next page")
    kept_from = serializers.DateTimeField(
        allow_null=True, help_text="calls that started before are archived; null: none are"
    )


class RateLine(_Body):
    unit = serializers.CharField()
    quantity = serializers.IntegerField(help_text="without what has a line of its own, as cached tokens may")
    price_microcredits = serializers.IntegerField()
    per = serializers.IntegerField()
    above_tokens_in = serializers.IntegerField(
        required=False, help_text="the price is that of calls with more input tokens than these"
    )
    microcredits = serializers.CharField()


class AppliedRate(_Body):
    name = serializers.CharField()
    version = serializers.IntegerField()
    lines = RateLine(many=True)


class Attempt(_Body):
    upstream = serializers.CharField(allow_null=True)
    status = serializers.IntegerField(
        allow_null=True, help_text="the upstream's own; null where it gave none"
    )
    latency_ms = serializers.IntegerField(allow_null=True)


class ReceiptBody(UsageEventBody):
    """A call's receipt. While it is in flight, what is not known yet is null."""

    as_of = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(  # type: ignore[assignment] # a text: one more choice needs another enum's name
        help_text="one of " + ", ".join([*_OUTCOMES, IN_FLIGHT])
    )
    streamed = serializers.BooleanField(allow_null=True)
    estimated = serializers.BooleanField(allow_null=True)
    units = UnitCounts(allow_null=True)
    cost = _Credits(allow_null=True)
    cost_microcredits = serializers.IntegerField(allow_null=True)
    capture = _Credits(allow_null=True)
    capture_microcredits = serializers.IntegerField(allow_null=True)
    refunded = _Credits(allow_null=True)
    refunded_microcredits = serializers.IntegerField(allow_null=True)
    timings = Timings(allow_null=True)
    rate = AppliedRate(allow_null=True)
    balance_after = _Credits(allow_null=True, help_text="available plus held, after the capture")
    balance_after_microcredits = serializers.IntegerField(allow_null=True)
    attempts = Attempt(many=True, help_text="upstream attempts that failed before this one")


class Percentiles(_Body):
    p50 = serializers.IntegerField(allow_null=True)
    p95 = serializers.IntegerField(allow_null=True)
    p99 = serializers.IntegerField(allow_null=True)


class FirstBytePercentiles(_Body):
    p50 = serializers.IntegerField(allow_null=True)
    p95 = serializers.IntegerField(allow_null=True)


class Sums(_Body):
    calls = serializers.IntegerField()
    errors = serializers.IntegerField(  # type: ignore[assignment] # nor its own `errors`
        help_text="rejected, failed, timed out or expired"
    )
    cost = _Credits(help_text="gross less refunded")
    cost_microcredits = serializers.IntegerField()
    gross = _Credits()
    gross_microcredits = serializers.IntegerField()
    refunded = _Credits()
    refunded_microcredits = serializers.IntegerField()
    tokens_in = serializers.IntegerField(help_text="whole prompts, cached tokens in them once")
    tokens_out = serializers.IntegerField(help_text="all that was generated, reasoning in it")
    cache_read_tokens = serializers.IntegerField(help_text="part of tokens_in: read from a cache")
    cache_write_tokens = serializers.IntegerField(
        help_text="part of tokens_in: written to a cache of minutes"
    )
    cache_write_1h_tokens = serializers.IntegerField(
        help_text="part of tokens_in: written to a cache of an hour"
    )
    reasoning_tokens = serializers.IntegerField(help_text="part of tokens_out")
    audio_tokens_in = serializers.IntegerField(help_text="part of tokens_in")
    audio_tokens_out = serializers.IntegerField(help_text="part of tokens_out")
    latency_ms = Percentiles(help_text="of all calls but expired ones")
    first_byte_ms = FirstBytePercentiles(help_text="until the first byte or token, of calls that had one")


class SummaryRow(Sums):
    bucket = serializers.DateTimeField(required=False)
    key = KeyName(required=False, allow_null=True)
    member = MemberName(required=False, allow_null=True, help_text="null: a key called")
    model = serializers.CharField(required=False)
    endpoint = serializers.CharField(required=False)
    outcome = serializers.ChoiceField(choices=_OUTCOMES, required=False)


class _PeriodBody(_Body):
    as_of = serializers.DateTimeField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: until as_of")
    interval = serializers.CharField()
    timezone = serializers.CharField()
    group_by = serializers.ListField(child=serializers.CharField())


class SummaryBody(_PeriodBody):
    data = SummaryRow(many=True)  # type: ignore[assignment]
    total = Sums()


class RefusalRow(_Body):
    bucket = serializers.DateTimeField(required=False)
    code = serializers.CharField(required=False)
    endpoint = serializers.CharField(required=False)
    key = KeyName(required=False, allow_null=True)
    calls = serializers.IntegerField()


class RefusalsBody(_PeriodBody):
    data = RefusalRow(many=True)  # type: ignore[assignment]


class GrantBody(_Body):
    entry = serializers.IntegerField()
    reason = serializers.CharField()
    amount = _Credits()
    amount_microcredits = serializers.IntegerField()
    remaining = _Credits(help_text="not spent yet, what is held included")
    remaining_microcredits = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class Lifetime(_Body):
    granted = _Credits()
    granted_microcredits = serializers.IntegerField()
    captured = _Credits()
    captured_microcredits = serializers.IntegerField()
    refunded = _Credits()
    refunded_microcredits = serializers.IntegerField()
    expired = _Credits()
    expired_microcredits = serializers.IntegerField()


class NextExpiry(_Body):
    expires_at = serializers.DateTimeField()
    amount = _Credits()
    amount_microcredits = serializers.IntegerField()


class Trial(_Body):
    calls_per_day = serializers.IntegerField()
    used_today = serializers.IntegerField()
    left_today = serializers.IntegerField()
    resets_at = serializers.DateTimeField()


class CreditBody(_Body):
    as_of = serializers.DateTimeField()
    available = _Credits()
    available_microcredits = serializers.IntegerField()
    held = _Credits(help_text="kept by calls under way")
    held_microcredits = serializers.IntegerField()
    plan = serializers.CharField()
    calls_per_minute = serializers.IntegerField(allow_null=True)
    lifetime = Lifetime()
    grants = GrantBody(many=True, help_text="those with credits left, the first to expire first; at most 100")
    next_expiry = NextExpiry(allow_null=True)
    trial = Trial(allow_null=True)


class LedgerEntryBody(_Body):
    entry = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["grant", "capture", "expiry", "refund"])
    amount = _Credits(help_text="negative where credits went")
    amount_microcredits = serializers.IntegerField()
    balance = _Credits(help_text="available plus held, after the entry")
    balance_microcredits = serializers.IntegerField()
    request_id = serializers.CharField(allow_null=True)
    cause_entry = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class LedgerPageBody(_Body):
    object = serializers.CharField()
    as_of = serializers.DateTimeField()
    data = LedgerEntryBody(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next = serializers.CharField(allow_null=True)

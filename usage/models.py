"""The books as Django sees them: to read. They are written by the functions in `usage/sql` alone.

Every table keys its rows by account first, so the models have composite keys. What the columns mean is said
where the tables are made, in `usage/sql/tables/ledger.sql`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Balance(models.Model):
    """What an account can spend, and what its calls under way keep."""

    account_id = models.BigIntegerField(primary_key=True)
    available_microcredits = models.BigIntegerField(default=0)
    held_microcredits = models.BigIntegerField(default=0)
    last_entry = models.BigIntegerField(default=0)
    captured_microcredits = models.BigIntegerField(default=0)
    lots_settled_at_microcredits = models.BigIntegerField(default=0)
    next_grant_expiry_at = models.DateTimeField(null=True)
    holds_opened = models.BigIntegerField(default=0)
    holds_ended = models.BigIntegerField(default=0)

    class Meta:
        managed = False
        db_table = "usage_balance"

    def __str__(self) -> str:
        return f"balance of account {self.account_id}"


class Hold(models.Model):
    """The ceiling price of a call under way."""

    pk = models.CompositePrimaryKey("account_id", "request_id")
    account_id = models.BigIntegerField()
    request_id = models.UUIDField()
    key_id = models.BigIntegerField()
    member_id = models.BigIntegerField(null=True)
    endpoint = models.TextField()
    model = models.TextField()
    route = models.TextField()
    rate_id = models.BigIntegerField()
    amount_microcredits = models.BigIntegerField()
    trial_day = models.DateField(null=True)
    started_at = models.DateTimeField()
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    meters = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        managed = False
        db_table = "usage_hold"

    def __str__(self) -> str:
        return f"hold of {self.request_id}"


class LedgerEntry(models.Model):
    """A change of what an account owns: available plus held."""

    class Kind(models.TextChoices):
        GRANT = "grant"
        CAPTURE = "capture"
        EXPIRY = "expiry"
        REFUND = "refund"

    pk = models.CompositePrimaryKey("account_id", "entry")
    account_id = models.BigIntegerField()
    entry = models.BigIntegerField()
    kind = models.TextField(choices=Kind)
    amount_microcredits = models.BigIntegerField()
    previous_balance_microcredits = models.BigIntegerField()
    balance_microcredits = models.BigIntegerField()
    request_id = models.UUIDField(null=True)
    cause_entry = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "usage_ledger_entry"

    def __str__(self) -> str:
        return f"entry {self.entry} of account {self.account_id}"


class Grant(models.Model):
    """Credits given, by the number of their ledger entry."""

    pk = models.CompositePrimaryKey("account_id", "entry")
    account_id = models.BigIntegerField()
    entry = models.BigIntegerField()
    amount_microcredits = models.BigIntegerField()
    remaining_microcredits = models.BigIntegerField()
    reason = models.TextField()
    actor = models.TextField()
    idempotency_key = models.TextField(null=True)  # noqa: DJ001 - null: none was given
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "usage_grant"

    def __str__(self) -> str:
        return f"grant {self.entry} of account {self.account_id}"


class Refund(models.Model):
    """Credits given back of a capture, by the number of their ledger entry."""

    pk = models.CompositePrimaryKey("account_id", "entry")
    account_id = models.BigIntegerField()
    entry = models.BigIntegerField()
    capture_entry = models.BigIntegerField()
    amount_microcredits = models.BigIntegerField()
    reason = models.TextField()
    actor = models.TextField()
    idempotency_key = models.TextField()

    class Meta:
        managed = False
        db_table = "usage_refund"

    def __str__(self) -> str:
        return f"refund {self.entry} of account {self.account_id}"


class PublishedRate(models.Model):
    """A version of a price list; `usage.ledger.rates.Rate` is what computes with it."""

    id = models.BigIntegerField(primary_key=True)
    name = models.TextField()
    version = models.IntegerField()
    prices = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "usage_rate"

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


class UsageEvent(models.Model):
    """One ended call."""

    pk = models.CompositePrimaryKey("account_id", "started_at", "request_id")
    account_id = models.BigIntegerField()
    started_at = models.DateTimeField()
    request_id = models.UUIDField()
    settled_at = models.DateTimeField()
    key_id = models.BigIntegerField()
    member_id = models.BigIntegerField(null=True)
    endpoint = models.TextField()
    model = models.TextField()
    route = models.TextField()
    upstream = models.TextField(null=True)  # noqa: DJ001 - null: none was asked
    rate_id = models.BigIntegerField()
    outcome = models.TextField()
    status = models.SmallIntegerField(null=True)
    streamed = models.BooleanField()
    estimated = models.BooleanField()
    trial = models.BooleanField()
    tokens_in = models.BigIntegerField()
    tokens_out = models.BigIntegerField()
    images = models.BigIntegerField()
    audio_ms = models.BigIntegerField()
    characters = models.BigIntegerField()
    pixel_steps = models.BigIntegerField()
    video_ms = models.BigIntegerField()
    hold_microcredits = models.BigIntegerField()
    cost_microcredits = models.BigIntegerField()
    refunded_microcredits = models.BigIntegerField()
    ledger_entry = models.BigIntegerField(null=True)
    latency_ms = models.IntegerField()
    upstream_latency_ms = models.IntegerField(null=True)
    first_byte_ms = models.IntegerField(null=True)
    attempts = models.JSONField(null=True)
    cache_read_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    cache_write_1h_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    audio_tokens_in = models.BigIntegerField(null=True)
    audio_tokens_out = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "usage_event"

    def __str__(self) -> str:
        return f"usage event of {self.request_id}"


class KeyMeter(models.Model):
    """What a key used of its limits; key 0 stands for the account's signed-in members."""

    pk = models.CompositePrimaryKey("account_id", "key_id")
    account_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    window_started_at = models.DateTimeField()
    window_calls = models.IntegerField()
    day = models.DateField()
    day_microcredits = models.BigIntegerField()
    month = models.DateField()
    month_microcredits = models.BigIntegerField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "usage_key_meter"

    def __str__(self) -> str:
        return f"meter of key {self.key_id}"


class Refusal(models.Model):
    """Refused calls of a key, counted by minute, endpoint and code."""

    pk = models.CompositePrimaryKey("account_id", "minute", "key_id", "endpoint", "code")
    account_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    minute = models.DateTimeField()
    endpoint = models.TextField()
    code = models.TextField()
    calls = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "usage_refusal"

    def __str__(self) -> str:
        return f"{self.code} at {self.minute}"

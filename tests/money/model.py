"""The books once more, small and in plain Python, written from what they promise rather than from the SQL.

Time is a number of minutes that only `pass_time` moves. Two things are done the simple way where the SQL is
cleverer: a capture is taken off the expiring grants at once, and one call is decided after the other.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Lot:
    """A grant that expires: at the middle of minute `expires`, with what is left of it."""

    entry: int
    expires: int
    remaining: int


@dataclass
class Hold:
    digest: bytes
    amount: int
    held: int
    expires: int
    on_trial: bool
    held_at: datetime  # by the wall clock, moved back as time passes


@dataclass
class AccountBooks:
    trial_calls_per_day: int | None = None
    available: int = 0
    held: int = 0
    captured: int = 0
    entries: int = 0
    trial_calls: int = 0
    lots: list[Lot] = field(default_factory=list)
    holds: dict[str, Hold] = field(default_factory=dict)
    refundable: dict[str, int] = field(default_factory=dict)
    ended: dict[str, tuple[str, int]] = field(default_factory=dict)  # outcome and charge


@dataclass
class KeyBooks:
    id: int
    account_id: int
    calls_per_minute: int | None = None
    cap_day: int | None = None
    window_minute: int = -1
    window_calls: int = 0
    spent_today: int = 0


@dataclass(frozen=True)
class Asked:
    """A call that asks for a hold."""

    request_uuid: str
    digest: bytes
    ceiling: int
    ttl: int


@dataclass
class ModelBooks:
    accounts: dict[int, AccountBooks]
    keys: dict[bytes, KeyBooks]
    minute: int = 0
    grants_expired: int = 0

    def pass_time(self, minutes: int) -> None:
        self.minute += minutes
        for account in self.accounts.values():
            for hold in account.holds.values():
                hold.held_at -= timedelta(minutes=minutes)

    def grant(self, account_id: int, amount: int, expires: int | None) -> tuple[int, int]:
        """Returns entry and available."""
        account = self.accounts[account_id]
        account.entries += 1
        account.available += amount
        if expires is not None:
            account.lots.append(Lot(account.entries, expires, amount))
        return account.entries, account.available

    def authorize(self, batch: list[Asked]) -> list[str]:
        """The verdicts by position. In a batch calls are decided by account, key, and order of arrival."""
        for account_id in {self.keys[asked.digest].account_id for asked in batch}:
            self.expire_grants(account_id)
        verdicts = [""] * len(batch)
        keys = [self.keys[asked.digest] for asked in batch]
        for position in sorted(range(len(batch)), key=lambda p: (keys[p].account_id, keys[p].id, p)):
            verdicts[position] = self._decide(keys[position], batch[position])
        return verdicts

    def settle(self, account_id: int, request_uuid: str, outcome: str, charge: int | None) -> int | None:
        """What is charged now, or None where there is no such hold any more."""
        account = self.accounts[account_id]
        hold = account.holds.pop(request_uuid, None)
        if hold is None:
            return None
        charged = cost = min(charge or 0, hold.amount)
        account.ended[request_uuid] = (outcome, charged)
        account.held -= hold.amount
        account.available += hold.amount - cost
        account.captured += cost
        if cost:
            account.entries += 1
            account.refundable[request_uuid] = cost
        for lot in sorted(account.lots, key=lambda lot: (lot.expires, lot.entry)):
            taken = min(lot.remaining, cost)
            lot.remaining -= taken
            cost -= taken
        if hold.held_at.date() == datetime.now(UTC).date():
            self.keys[hold.digest].spent_today -= hold.amount - charged
        if hold.on_trial and outcome in ("failed", "expired"):
            account.trial_calls -= 1
        return charged

    def refund(self, account_id: int, request_uuid: str, amount: int) -> int | None:
        """What is available then, or None where the capture has not that much left."""
        account = self.accounts[account_id]
        if amount > account.refundable[request_uuid]:
            return None
        account.refundable[request_uuid] -= amount
        account.available += amount
        account.entries += 1
        return account.available

    def expire_holds(self) -> int:
        due = [
            (account_id, request_uuid)
            for account_id, account in self.accounts.items()
            for request_uuid, hold in account.holds.items()
            if hold.expires < self.minute
        ]
        for account_id, request_uuid in due:
            self.settle(account_id, request_uuid, "expired", None)
        return len(due)

    def expire_grants(self, account_id: int) -> int:
        """Take back what is left of expired grants, but for what holds older than their expiry may spend."""
        account = self.accounts[account_id]
        made = spoken_for = 0
        for lot in sorted(account.lots, key=lambda lot: (lot.expires, lot.entry)):
            if lot.expires >= self.minute or lot.remaining == 0:
                continue
            older = sum(hold.amount for hold in account.holds.values() if hold.held <= lot.expires)
            kept = min(lot.remaining, max(older - spoken_for, 0))
            spoken_for += kept
            taken = min(lot.remaining - kept, account.available)
            if taken:
                lot.remaining -= taken
                account.available -= taken
                account.entries += 1
                made += 1
        self.grants_expired += made
        return made

    def _decide(self, key: KeyBooks, asked: Asked) -> str:
        account = self.accounts[key.account_id]
        calls = key.window_calls if key.window_minute == self.minute else 0
        trial = account.trial_calls_per_day
        if key.calls_per_minute is not None and calls >= key.calls_per_minute:
            return "minute_rate"
        if trial is not None and account.trial_calls >= trial:
            return "trial_exhausted"
        if key.cap_day is not None and key.cap_day - key.spent_today < asked.ceiling:
            return "key_day_cap"
        if account.available < asked.ceiling:
            return "insufficient_credits"
        account.available -= asked.ceiling
        account.held += asked.ceiling
        account.trial_calls += trial is not None
        # A minute counts from its first call; every step of time here is a whole one.
        key.window_minute, key.window_calls = self.minute, calls + 1
        key.spent_today += asked.ceiling
        account.holds[asked.request_uuid] = Hold(
            asked.digest,
            asked.ceiling,
            self.minute,
            self.minute + asked.ttl,
            trial is not None,
            datetime.now(UTC),
        )
        return "admitted"

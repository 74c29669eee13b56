"""Where a zone's minutes, hours, days and months begin. A midnight that its clocks show twice counts the first time."""

from datetime import UTC, datetime, tzinfo


def start_of_interval(moment: datetime, interval: str, zone: tzinfo) -> datetime:
    """Where the interval that contains the moment begins, in UTC."""
    local = moment.astimezone(zone).replace(second=0, microsecond=0)
    if interval != "minute":
        local = local.replace(minute=0)
    if interval in ("day", "month"):
        local = local.replace(hour=0, fold=0)
    if interval == "month":
        local = local.replace(day=1)
    return local.astimezone(UTC)


def start_of_bucket(truncated: datetime, interval: str, zone: tzinfo) -> datetime:
    """Where the interval begins that the database's `date_trunc` says starts at that moment.

    It takes the second of two midnights. Its minutes and hours are right.
    """
    return start_of_interval(truncated, interval, zone) if interval in ("day", "month") else truncated

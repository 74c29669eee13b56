"""Credits are integers of micro-credits inside and plain decimals outside: 1 credit = 1,000,000."""

from decimal import Context, Decimal, InvalidOperation

MICROCREDITS_PER_CREDIT = 1_000_000
# A ninth of what a bigint holds: sums of a few balances can never overflow.
MAX_MICROCREDITS = 10**18


def parse_credits(text: str) -> int:
    """Read a decimal number of credits, as in "2.5", into micro-credits.

    Raises ValueError for what is not a finite decimal, has more than six decimals, or is out of range.
    """
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"expected a decimal number of credits, got {text!r}") from None
    if not value.is_finite():
        raise ValueError(f"expected a finite number of credits, got {text!r}")
    if value.adjusted() > 13:
        raise ValueError("credits must be below 1,000,000,000,000")
    if value and value.adjusted() < -6:
        raise ValueError("credits have at most six decimals")
    exponent = value.normalize(Context(prec=200)).as_tuple().exponent if len(text) < 200 else -7
    if isinstance(exponent, int) and exponent < -6:
        raise ValueError("credits have at most six decimals")
    microcredits = int(value.scaleb(6))
    if abs(microcredits) > MAX_MICROCREDITS:
        raise ValueError("credits must be below 1,000,000,000,000")
    return microcredits


def format_credits(microcredits: int) -> str:
    """Write micro-credits as a plain decimal without trailing zeros: 2500000 → "2.5"."""
    sign = "-" if microcredits < 0 else ""
    whole, fraction = divmod(abs(microcredits), MICROCREDITS_PER_CREDIT)
    if fraction == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:06d}".rstrip("0")


def json_credits(microcredits: int) -> int | float:
    """The number a JSON answer shows: an int where it is whole, else the nearest float (15 digits)."""
    if microcredits % MICROCREDITS_PER_CREDIT == 0:
        return microcredits // MICROCREDITS_PER_CREDIT
    return microcredits / MICROCREDITS_PER_CREDIT

"""Amounts in answers: a decimal string in credits for people, and the exact integer beside it. Pure."""

from aio_platform.credits import format_credits


def money(name: str, microcredits: int | None) -> dict[str, str | int | None]:
    """`{"cost": "0.0105", "cost_microcredits": 10500}`; both null for None."""
    return {
        name: None if microcredits is None else format_credits(microcredits),
        f"{name}_microcredits": microcredits,
    }

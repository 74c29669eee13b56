"""What must hold after any call whatever, by what the caller received and what the books say; no code of the product.

Received in full: charged once, within the units' price. Failed: free. Left or broken off: charged if anything was
delivered. No hold outlives its call, and the answer names its price.
"""

import json
from collections import Counter
from typing import Any

from money.delivered.catalog import price_of
from money.delivered.gateway_in_process import Books, Event
from money.delivered.raw_client import Received
from money.delivered.world import Call

CREDIT = 1_000_000
MOST_BYTES_OF_A_TOKEN = 64
CHARGED = frozenset({"succeeded", "partial"})
FREE = frozenset({"rejected", "failed", "timed_out", "cancelled", "expired"})
# Said to the caller for what is the caller's or an upstream's fault; 500 is a fault of ours.
EXPECTED_STATUSES = frozenset({200, 400, 402, 404, 408, 409, 413, 415, 422, 429, 431, 502, 503, 504})


def check(call: Call, answers: list[Received], books: Books) -> Counter[str]:
    """Raise AssertionError for a broken rule; returns what was seen, for counting."""
    seen = Counter[str]()
    first, *repeated = answers
    _check_books(books)
    event = _event_of(first, books)
    seen[_name(first, event)] += 1
    _check_charge(call, first, event)
    for again in repeated:
        _check_repeated(first, again, books, event)
        seen["sent twice under one key"] += 1
    if event is not None and event.outcome in CHARGED:
        _check_least_price(first, event)
        seen["estimated"] += event.estimated
    if call.true_price is not None and event is not None and event.outcome == "succeeded":
        _check_true_price(call, event)
        seen["exactly the upstream's price"] += 1
    return seen


def _check_books(books: Books) -> None:
    """The books agree with themselves, and nothing is under way in them."""
    assert books.open_holds == 0, "a hold outlived its call"
    assert books.held == 0, "credits stay held"
    assert books.opened == books.ended == len(books.events), (
        "a hold without its usage event, or the other way round"
    )
    cost = sum(event.cost for event in books.events)
    assert books.captured == books.ledger_captured == cost == -books.available, (
        "the books differ about what was charged"
    )
    for event in books.events:
        assert 0 <= event.cost <= event.hold, "charged more than was held"
        assert (event.cost > 0) == (event.ledger_entry is not None)
        assert event.outcome in CHARGED | FREE, event.outcome
        if event.outcome in FREE:
            assert event.cost == 0, f"{event.outcome}, and charged"
        elif not event.estimated:
            assert event.cost == min(_price(event), event.hold), "not the price of its units"


def _event_of(answer: Received, books: Books) -> Event | None:
    """The usage event of the first call; it is the only one unless a repeated call failed."""
    if answer.headers.get("x-request-id") is None:
        assert len(books.events) <= 2
        return books.events[0] if books.events else None
    wanted = answer.headers["x-request-id"].removeprefix("req_")
    found = [event for event in books.events if event.request_id.hex == wanted]
    assert len(found) <= 1, "one call, two usage events"
    return found[0] if found else None


def _check_charge(call: Call, answer: Received, event: Event | None) -> None:
    cost = 0 if event is None else event.cost
    if not call.can_deliver:
        assert cost == 0, "the upstream failed, and the call was charged"
    if answer.status is None:
        assert answer.left, "no answer to a caller who waited for it"
        return
    assert answer.status in EXPECTED_STATUSES, f"status {answer.status}: {answer.body[:300]!r}"
    if answer.status != 200:
        assert cost == 0, f"status {answer.status}, and charged {cost}"
        assert answer.left or answer.is_whole
        if answer.is_whole:
            assert "error" in answer.json()
        return
    assert event is not None, "an answer that is not in the books"
    if answer.is_stream:
        _check_stream(answer, event)
    elif answer.is_json:
        _check_whole_answer(answer, event)
    else:
        _check_bytes(answer, event)


def _check_whole_answer(answer: Received, event: Event) -> None:
    """It goes out only once it is paid for: whoever has its head has caused its charge."""
    assert event.outcome == "succeeded"
    assert event.cost > 0, "delivered and not charged"
    assert _microcredits(answer.headers["x-credits-consumed"]) == event.cost, "another price than the books'"
    assert answer.left or answer.is_whole, "half an answer to a caller who waited"
    if answer.is_whole:
        values = answer.json()
        assert isinstance(values, dict | list)
        assert "error" not in values
        if isinstance(values, dict) and "credits_consumed" in values and event.request_id:
            assert _microcredits(values["credits_consumed"]) == event.cost


def _check_stream(answer: Received, event: Event) -> None:
    events = answer.events()
    if answer.has_done:
        assert event.outcome == "succeeded", f"[DONE] was sent, the books say {event.outcome}"
        assert event.cost > 0, "delivered and not charged"
        assert _microcredits(events[-1]["credits_consumed"]) == event.cost, "another price than the books'"
    elif _says_something(events):
        assert event.outcome in CHARGED, f"text was delivered, the books say {event.outcome}"
        assert event.cost > 0, "text was delivered and not charged"
    if not answer.left:
        assert answer.has_done or "error" in events[-1], "a stream that ends without a word"
        assert answer.is_whole


def _check_bytes(answer: Received, event: Event) -> None:
    """Sound is sent as it comes, its last bytes after its capture; a broken stream breaks the connection."""
    if answer.is_whole:
        assert event.outcome == "succeeded"
        assert event.cost > 0, "delivered and not charged"
        assert _microcredits(answer.headers["x-credits-consumed"]) == event.cost, (
            "another price than the books'"
        )
    elif answer.body:
        assert event.outcome in CHARGED
        assert event.cost > 0, "sound was delivered and not charged"


def _check_repeated(first: Received, again: Received, books: Books, event: Event | None) -> None:
    """The second call under one Idempotency-Key: the first one's answer, or a call of its own if that failed."""
    if event is not None and event.outcome == "succeeded":
        assert len(books.events) == 1, "one key, charged twice"
    if not first.left and first.status == 200 and first.is_json and again.is_whole and not again.left:
        assert again.status == 200
        assert again.body == first.body
        assert again.headers.get("idempotent-replayed") == "true"


def _check_true_price(call: Call, event: Event) -> None:
    assert call.true_price is not None
    expected = min(call.true_price, event.hold)
    assert event.cost == expected, (
        f"the upstream's own count costs {expected}, the books charged {event.cost}"
    )


def _check_least_price(answer: Received, event: Event) -> None:
    """Whatever the upstream says it counted: no text on average reaches so many bytes a token."""
    size = len("".join(_texts(answer)).encode("utf-8", "surrogatepass"))
    least = price_of(tokens_out=-(-size // MOST_BYTES_OF_A_TOKEN))
    assert event.cost >= min(least, event.hold), f"{size} bytes of text for {event.cost} micro-credits"


def _says_something(events: list[Any]) -> bool:
    """Whether any delta has a text."""
    return any(_texts_of(event, "delta") for event in events)


def _texts(answer: Received) -> list[str]:
    """What a chat answer says, as far as it was received."""
    if answer.is_stream:
        return [text for event in answer.events() for text in _texts_of(event, "delta")]
    values = answer.json() if answer.is_whole and answer.is_json else None
    if isinstance(values, dict) and isinstance(values.get("text"), str):
        return [values["text"]]
    return _texts_of(values, "message")


def _texts_of(values: Any, part: str) -> list[str]:
    choices = values.get("choices") if isinstance(values, dict) else None
    parts = (
        [choice.get(part) for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else []
    )
    texts = [said.get("content") for said in parts if isinstance(said, dict)]
    return [text for text in texts if isinstance(text, str) and text]


def _price(event: Event) -> int:
    return price_of(
        tokens_in=event.tokens_in,
        tokens_out=event.tokens_out,
        characters=event.characters,
        images=event.images,
        audio_ms=event.audio_ms,
    )


def _microcredits(shown: str | float) -> int:
    return round(float(shown) * CREDIT)


def _name(answer: Received, event: Event | None) -> str:
    """For counting: how the caller saw it and how the books did."""
    how = "left before the head" if answer.status is None else str(answer.status)
    if answer.status == 200:
        how = "stream" if answer.is_stream else "answer"
        how += " in part" if answer.left and not (answer.is_whole or answer.has_done) else ""
    return f"{how}, {event.outcome if event else 'not admitted'}"


def shown(call: Call, answers: list[Received], books: Books) -> str:
    """All there is to know of a call that broke a rule."""
    lines = [
        f"POST {call.path} {json.dumps(call.headers)} {call.leaving}",
        f"body      {call.body!r}",
        f"upstream  {call.script.raw!r}",
        f"          cut at {call.script.cuts}, stops at {call.script.stop}, then: {call.script.ending}",
        f"          true price: {call.true_price}",
        *(f"received  {answer.raw!r} (left: {answer.left}, ended: {answer.ended})" for answer in answers),
        *(f"booked    {event}" for event in books.events),
    ]
    return "\n".join(lines)

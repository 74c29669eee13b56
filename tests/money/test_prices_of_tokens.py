"""Every token is charged once and at its own price: cached, written to a cache, heard, thought, spoken or plain.

A corpus of counts, through each dialect that callers speak and each protocol of an upstream, whole and streamed, from a
real socket to a real socket and into PostgreSQL. What each call costs is worked out beside it in rational numbers, by
code that shares nothing with the product's (`priced/truths.py`); counts are put on the wire as each provider does.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from money.delivered.gateway_in_process import GatewayInProcess
from money.delivered.scripted_upstream import Script
from money.delivered.world import Call
from money.priced.truths import MOST_TOKENS, PROMPT, RATES, SAID_BY, TIERS, Truth, price, truths
from money.priced.upstream_answers import streamed, whole

from usage.ledger import grants
from usage.ledger.units import Units
from usage.reports import REPORTS
from usage.reports.report_query import ReportQuery

TRUTHS_EACH = 4
UPSTREAM = """
[upstreams.lane-0]
base_url = "{url}/lane-0"
"""
ROUTE = """
[[models]]
slug = "{slug}"
owned_by = "test"
created = 2026-01-01

[[routes]]
endpoint = "chat"
model = "{slug}"
upstream = "lane-0"
adapter = "{adapter}"
upstream_model = "up"
rate = "{rate}"
max_output_tokens = {most}
{more}
"""
USER = [{"role": "user", "content": PROMPT}]
# Each dialect's address, headers and body.
ASKED: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {}, {"messages": USER, "max_tokens": MOST_TOKENS}),
    "responses": ("/v1/responses", {}, {"input": PROMPT, "max_output_tokens": MOST_TOKENS}),
    "messages": (
        "/v1/messages",
        {"anthropic-version": "2023-06-01"},
        {"messages": USER, "max_tokens": MOST_TOKENS},
    ),
    "gemini": (
        "/v1beta/models/{model}:{method}",
        {},
        {
            "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
            "generationConfig": {"maxOutputTokens": MOST_TOKENS},
        },
    ),
}


def catalog(url: str) -> str:
    """A model for each protocol and rate."""
    parts = [UPSTREAM.format(url=url)]
    for name, prices in RATES.items():
        lines = [
            f'{unit} = {{ credits = "{credits}", per = {per}, above = [{tiers_of(name, unit)}] }}'
            for unit, (credits, per) in prices.items()
        ]
        parts.append("\n".join([f"[rates.{name}]", *lines, ""]))
    more = "default = true"
    for adapter in SAID_BY:
        for rate in RATES:
            slug = f"{adapter}-{rate}"
            parts.append(ROUTE.format(slug=slug, adapter=adapter, rate=rate, most=MOST_TOKENS, more=more))
            more = ""
    return "\n".join(parts)


def tiers_of(rate: str, unit: str) -> str:
    tiers = TIERS.get(rate, {}).get(unit, [])
    return ", ".join(f'{{ tokens_in = {above}, credits = "{credits}" }}' for above, credits in tiers)


@pytest.fixture
def gateway(transactional_db: None) -> Iterator[GatewayInProcess]:
    running = GatewayInProcess(catalog, lanes=1)
    yield running
    running.close()
    assert grants.reconcile() == []


def call_of(dialect: str, adapter: str, rate: str, script: Script, *, streams: bool) -> Call:
    path, headers, body = ASKED[dialect]
    model = f"{adapter}-{rate}"
    if dialect == "gemini":
        method = "streamGenerateContent?alt=sse" if streams else "generateContent"
        return Call(path.format(model=model, method=method), json.dumps(body).encode(), script, headers)
    asked = {"model": model, "stream": streams, **body}
    return Call(path, json.dumps(asked).encode(), script, headers)


@pytest.mark.parametrize("dialect", ASKED)
def test_the_price_of_every_call_is_that_of_its_tokens(gateway: GatewayInProcess, dialect: str) -> None:
    played = 0
    for adapter in SAID_BY:
        for rate in RATES:
            for streams in (False, True):
                for truth in truths(adapter, TRUTHS_EACH, f"{dialect} {adapter} {rate} {streams}"):
                    raw = (streamed if streams else whole)(adapter, truth)
                    call = call_of(dialect, adapter, rate, Script(raw), streams=streams)
                    [received], books = gateway.play(call)
                    what = f"{dialect} to {adapter} at {rate}, streams {streams}: {truth}"
                    assert received.status == 200, (what, received.body)
                    [event] = books.events
                    expected = price(truth, rate)
                    assert (event.outcome, event.estimated) == ("succeeded", False), what
                    assert event.cost == books.captured == expected <= event.hold, what
                    assert told_price(received.body, received.headers, streams) == expected, what
                    assert units_of(event.request_id) == expected_units(truth), what
                    played += 1
    assert played == len(SAID_BY) * len(RATES) * 2 * TRUTHS_EACH
    assert REPORTS["overruns"].make(ReportQuery()).rows == []


def test_the_hold_covers_a_prompt_that_is_all_written_to_the_dearest_cache(gateway: GatewayInProcess) -> None:
    truth = Truth(text=1, written_for_an_hour=len(PROMPT), said=MOST_TOKENS)
    for dialect in ASKED:
        script = Script(whole("anthropic_messages", truth))
        _, books = gateway.play(call_of(dialect, "anthropic_messages", "cached", script, streams=False))
        [event] = books.events
        assert event.cost == price(truth, "cached") <= event.hold, dialect


@pytest.mark.parametrize("dialect", ASKED)
def test_a_stream_that_breaks_off_keeps_what_was_counted_of_its_prompt(
    gateway: GatewayInProcess, dialect: str
) -> None:
    """Anthropic's and Google's first events have the prompt's counts, so what was cached is charged as that."""
    truth = Truth(text=1, read=1500, written_for_an_hour=0, said=40)
    for adapter in ("anthropic_messages", "gemini"):
        raw = streamed(adapter, truth)
        end = raw.index(b"event: content_block_stop" if adapter == "anthropic_messages" else b'" there"')
        script = Script(raw, stop=end, ending="close")
        _, books = gateway.play(call_of(dialect, adapter, "cached", script, streams=True))
        [event] = books.events
        units = units_of(event.request_id)
        assert (event.outcome, event.estimated, units["cache_read_tokens"]) == ("partial", True, 1500)
        rest = Truth(text=units["tokens_in"] - 1500, read=1500, said=units["tokens_out"])
        assert event.cost == price(rest, "cached")


def told_price(body: bytes, headers: dict[str, str], streams: bool) -> int:
    """The price that the caller was told, in micro-credits."""
    if not streams:
        return round(float(headers["x-credits-consumed"]) * 1_000_000)
    [told] = body.split(b'"credits_consumed":')[1:]
    return round(float(told.partition(b"}")[0].partition(b",")[0]) * 1_000_000)


def expected_units(truth: Truth) -> dict[str, int]:
    return Units(
        tokens_in=truth.prompt,
        tokens_out=truth.answer,
        cache_read_tokens=truth.read,
        cache_write_tokens=truth.written,
        cache_write_1h_tokens=truth.written_for_an_hour,
        reasoning_tokens=truth.thought,
        audio_tokens_in=truth.heard,
        audio_tokens_out=truth.spoken,
    )._asdict()


def units_of(request_id: Any) -> dict[str, int]:
    """What the books have of a call's units."""
    names = [name for name in Units._fields if name != "calls"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(f'coalesce({name}, 0)' for name in names)} FROM usage_event WHERE request_id = %s",
            [request_id],
        )
        return dict(zip(names, cursor.fetchone(), strict=True)) | {"calls": 1}

"""What is counted for /metrics, how processes' figures become one, and who may see them."""

import ipaddress
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from aio_platform.errors import NotFound
from aio_platform.http import metrics_page
from aio_platform.observability import metrics
from aio_platform.observability.metrics import (
    CHUNK_BYTES,
    DOUBLE_BYTES,
    Counts,
    Distributions,
    Families,
    Shelf,
)
from aio_platform.problems import render
from aio_platform.settings import _networks
from gateway.calls.metrics import FIRST_BYTE_S, PLATFORM_S, UPSTREAM_S, call_ended
from usage.ledger.outcomes import Outcome
from usage.metrics import CALLS_ENDED


@pytest.fixture
def families(monkeypatch: pytest.MonkeyPatch) -> Families:
    """Families of this test alone."""
    own: Families = {}
    monkeypatch.setattr(metrics, "FAMILIES", own)
    return own


def process(monkeypatch: pytest.MonkeyPatch, directory: Path | None) -> Shelf:
    """From here on, count as another process of the node would."""
    shelf = Shelf(directory)
    monkeypatch.setattr(metrics, "SHELF", shelf)
    return shelf


def samples(shelf: Shelf, families: Families) -> dict[tuple[str, ...], float]:
    """What a scrape shows: name and label values, to values."""
    registry = CollectorRegistry()
    registry.register(metrics_page.NodeMetrics(shelf, families))
    parsed = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, *sample.labels.values()): sample.value for family in parsed for sample in family.samples
    }


def value_of(count: metrics.Count) -> float:
    return count._slot[0]


def test_processes_of_a_node_are_added_up(
    tmp_path: Path, families: Families, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in (3, 4):
        shelf = process(monkeypatch, tmp_path)
        families.clear()
        Counts("aio_things_total", "Things", "kind")["good",].add(amount)
        durations = Distributions("aio_thing_seconds", "How long", bounds=(0.1, 1))
        for value in (0.1, 0.5, amount):
            durations[()].observe(value)

    shown = samples(shelf, families)

    assert shown["aio_things_total", "good"] == 7
    assert shown["aio_thing_seconds_bucket", "0.1"] == 2
    assert shown["aio_thing_seconds_bucket", "1.0"] == 4
    assert shown["aio_thing_seconds_bucket", "+Inf"] == shown["aio_thing_seconds_count",] == 6
    assert shown["aio_thing_seconds_sum",] == pytest.approx(8.2)


def test_a_process_by_itself_counts_in_memory(families: Families, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = process(monkeypatch, None)
    Counts("aio_things_total", "Things", "kind")["good",].add()

    assert samples(shelf, families) == {("aio_things_total", "good"): 1}


def test_more_figures_than_one_chunk_holds(
    tmp_path: Path, families: Families, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = process(monkeypatch, tmp_path)
    counts = Counts("aio_things_total", "Things", "kind")
    number = CHUNK_BYTES // DOUBLE_BYTES + 10
    for kind in range(number):
        counts[str(kind),].add(kind)

    assert samples(shelf, families) == {("aio_things_total", str(kind)): kind for kind in range(number)}


def test_a_directory_that_is_gone_costs_no_call(
    tmp_path: Path, families: Families, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = process(monkeypatch, tmp_path / "gone")
    Counts("aio_things_total", "Things", "kind")["good",].add()

    assert samples(shelf, families) == {("aio_things_total", "good"): 1}


def test_a_line_that_is_being_written_is_left_for_the_next_scrape(
    tmp_path: Path, families: Families, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = process(monkeypatch, tmp_path)
    Counts("aio_things_total", "Things", "kind")["good",].add()
    (names,) = tmp_path.glob("*.names")
    with names.open("ab") as file:
        file.write(b'{"name":"aio_thi')

    assert samples(shelf, families) == {("aio_things_total", "good"): 1}


def test_threads_may_count_the_same_thing(families: Families, monkeypatch: pytest.MonkeyPatch) -> None:
    process(monkeypatch, None)
    counts = Counts("aio_things_total", "Things", "kind")

    def count() -> None:
        for _ in range(2000):
            counts.add_from_any_thread("good")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value_of(counts["good",]) == 8000


def ended_call(**fields: Any) -> Any:
    """A call that arrived at 0 s, as far as its figures are concerned."""
    return SimpleNamespace(
        **{
            "endpoint": "measured",
            "arrived": 0.0,
            "upstream_started": None,
            "upstream_ended": None,
            "first_byte": None,
            "attempts": [],
        }
        | fields
    )


def sums() -> tuple[float, float, float]:
    return tuple(family["measured",]._slots[-1] for family in (PLATFORM_S, UPSTREAM_S, FIRST_BYTE_S))  # type: ignore[return-value]


FAILED_FIRST = [{"upstream": "ailing", "status": 502, "latency_ms": 2000}]


@pytest.mark.parametrize(
    ("call", "outcome", "expected"),
    [
        (ended_call(), Outcome.CANCELLED, (10, 0, 0)),
        (ended_call(upstream_started=1, upstream_ended=5, first_byte=3), Outcome.SUCCEEDED, (6, 4, 3)),
        (ended_call(upstream_started=1), Outcome.TIMED_OUT, (1, 9, 0)),
        (
            ended_call(upstream_started=3, upstream_ended=5, attempts=FAILED_FIRST),
            Outcome.SUCCEEDED,
            (6, 4, 0),
        ),
        (ended_call(upstream_started=1, upstream_ended=3, attempts=FAILED_FIRST), Outcome.FAILED, (8, 2, 0)),
    ],
)
def test_a_calls_time_is_split_between_platform_and_upstreams(
    call: Any, outcome: Outcome, expected: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.calls.metrics.time", SimpleNamespace(perf_counter=lambda: 10.0))
    counted, before = value_of(CALLS_ENDED["measured", outcome.value]), sums()

    call_ended(call, outcome)

    assert value_of(CALLS_ENDED["measured", outcome.value]) == counted + 1
    assert tuple(after - earlier for after, earlier in zip(sums(), before, strict=True)) == expected


def test_errors_are_counted_by_code_and_status() -> None:
    count = metrics.ERRORS_ANSWERED["not_found", "404"]
    before = value_of(count)

    render(NotFound("Nothing here."), "/v1/chat/completions", "req_1")

    assert value_of(count) == before + 1


@pytest.mark.parametrize(
    ("headers", "trusted", "seen"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, False, True),
        ({"REMOTE_ADDR": "127.8.9.1"}, False, True),
        ({"REMOTE_ADDR": "::1"}, False, True),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, False, True),
        ({"REMOTE_ADDR": "10.1.2.3"}, False, True),
        ({"REMOTE_ADDR": "192.0.2.1"}, False, False),
        ({"REMOTE_ADDR": "::ffff:192.0.2.1"}, False, False),
        ({"REMOTE_ADDR": "2001:db8::1"}, False, False),
        ({"REMOTE_ADDR": ""}, False, False),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False, False),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.1"}, False, False),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1, 192.0.2.1"}, True, False),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1, 10.1.2.3"}, True, True),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "nonsense"}, True, False),
    ],
)
def test_only_addresses_of_the_named_networks_see_the_figures(
    headers: dict[str, str], trusted: bool, seen: bool, settings: Any
) -> None:
    settings.METRICS_NETWORKS = _networks("AIO_NO_SUCH_VARIABLE", "127.0.0.0/8, ::1,10.0.0.0/8")
    settings.TRUST_FORWARDED_FOR = trusted
    request = RequestFactory().get("/metrics", **headers)  # type: ignore[arg-type]

    if seen:
        answer = metrics_page.metrics(request)
        assert answer.status_code == 200
        assert list(text_string_to_metric_families(answer.content.decode()))
    else:
        with pytest.raises(Http404):
            metrics_page.metrics(request)


def test_the_default_is_loopback_and_a_typing_error_stops_the_start(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1")] == settings.METRICS_NETWORKS
    monkeypatch.setenv("AIO_METRICS_NETWORKS", "10.0.0.0/8,everybody")
    with pytest.raises(SystemExit, match="AIO_METRICS_NETWORKS"):
        _networks("AIO_METRICS_NETWORKS", "")

"""/metrics of a platform with two workers: exact over both, whichever answers, and through the death of one."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from running_platform import RunningPlatform, Tenant
from scenarios.asking import OPENAI, saying

Shown = dict[str, float]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform that nobody else calls."""
    running = RunningPlatform(tmp_path_factory.mktemp("counted"), workers=2).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def tenant(counted: RunningPlatform) -> Tenant:
    return counted.new_tenant()


def scrape(running: RunningPlatform) -> Shown:
    """Every sample, named as Prometheus writes it, over a connection of its own."""
    with running.client() as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in families
        for sample in family.samples
    }


def call(running: RunningPlatform, tenant: Tenant, text: str, **more: object) -> httpx.Response:
    """A call over a connection of its own, so that any worker may get it."""
    with running.client(tenant) as client:
        return client.post(OPENAI, json=saying(text) | more)


def workers_that_counted_calls(running: RunningPlatform) -> set[Path]:
    directory = running.data_dir / "metrics" / str(running.port)
    return {names for names in directory.glob("*.names") if "aio_calls_ended_total" in names.read_text()}


def test_calls_on_both_workers_add_up_exactly(counted: RunningPlatform, tenant: Tenant) -> None:
    before = scrape(counted)
    made = 0
    # Many at once: one by one, the quicker worker may take every connection.
    with ThreadPoolExecutor(8) as pool:
        while len(workers_that_counted_calls(counted)) < 2 or made < 12:
            assert made < 400, "one worker takes every connection"
            answers = list(pool.map(lambda _: call(counted, tenant, "hello"), range(8)))
            assert {answer.status_code for answer in answers} == {200}
            made += len(answers)
    for _ in range(3):
        assert call(counted, tenant, "hello", stream=True).status_code == 200
        assert call(counted, tenant, "[[sbx:status=400]]").status_code == 400
    with counted.client() as client:
        for _ in range(4):
            assert client.post(OPENAI, json=saying("hello")).status_code == 401
    for _ in range(2):
        assert call(counted, tenant, "hello", model="no-such-model").status_code == 404

    for _ in range(8):  # either worker may answer: all answers are the same
        shown = scrape(counted)
        grown = {name: value - before.get(name, 0) for name, value in shown.items()}
        assert grown["aio_calls_ended_total['chat', 'succeeded']"] == made + 3
        assert grown["aio_calls_ended_total['chat', 'rejected']"] == 3
        assert grown["aio_call_platform_seconds_count['chat']"] == made + 6
        assert grown["aio_call_upstream_seconds_count['chat']"] == made + 6
        assert grown["aio_upstream_attempts_total['answered', 'sandbox']"] == made + 3
        assert grown["aio_upstream_attempts_total['rejected', 'sandbox']"] == 3
        assert grown["aio_errors_answered_total['400', 'upstream_rejected']"] == 3
        assert grown["aio_errors_answered_total['401', 'missing_key']"] == 4
        assert grown["aio_errors_answered_total['404', 'unknown_model']"] == 2
        # Each call was authorised and settled, alone or together with others.
        assert grown["aio_ledger_batch_items_sum[]"] == 2 * (made + 6)


def test_a_worker_that_dies_keeps_its_counts(counted: RunningPlatform, tenant: Tenant) -> None:
    assert call(counted, tenant, "hello").status_code == 200
    before = scrape(counted)
    old = counted.process_ids("gateway_worker")

    os.kill(old[0], signal.SIGKILL)
    give_up_at = time.monotonic() + 180
    while len(set(counted.process_ids("gateway_worker")) - {old[0]}) < 2:
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
    assert call(counted, tenant, "hello").status_code == 200

    shown = scrape(counted)
    name = "aio_calls_ended_total['chat', 'succeeded']"
    assert shown[name] == before[name] + 1


def test_what_a_proxy_passes_on_is_refused(counted: RunningPlatform) -> None:
    with counted.client() as client:
        answer = client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 404
    assert "aio_" not in answer.text


def test_a_start_begins_at_zero(counted: RunningPlatform, tenant: Tenant) -> None:
    assert call(counted, tenant, "hello").status_code == 200
    assert counted.stop() == 0
    counted.start()

    assert not [name for name in scrape(counted) if name.startswith("aio_calls_ended_total")]

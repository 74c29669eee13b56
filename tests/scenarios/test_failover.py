"""Several routes to one model: the next is tried before the first byte, and an ailing upstream is left to rest."""

from collections.abc import Iterator

import httpx
import pytest
from running_platform import RunningPlatform, Tenant, free_port
from scenarios.asking import OPENAI, Books, Stream, TenantPool, marked, saying, tokens, told

# On a busy machine, too, a call must reach its upstream within it.
SLOW_LIMIT_S = 5
# `first` is dear and `second` cheap: the bill shows that the rate is the one pinned on the hold.
CATALOG = """
[upstreams.ailing]
base_url = "env:AIO_SANDBOX_URL"
[upstreams.ailing-alone]
base_url = "env:AIO_SANDBOX_URL"
[upstreams.closed]
base_url = "http://127.0.0.1:{closed}"
[upstreams.picky]
base_url = "env:AIO_SANDBOX_URL"
[upstreams.slow]
base_url = "env:AIO_SANDBOX_URL"
[upstreams.sound]
base_url = "env:AIO_SANDBOX_URL"

[rates.first]
tokens_in = {{ credits = "0.5", per = 1_000 }}
tokens_out = {{ credits = "1.5", per = 1_000 }}
[rates.second]
tokens_in = {{ credits = "0.005", per = 1_000 }}
tokens_out = {{ credits = "0.015", per = 1_000 }}
"""
MODEL = """
[[models]]
slug = "{slug}"
name = "{slug}"
owned_by = "tests"
created = 2026-01-01
"""
ROUTE = """
[[routes]]
endpoint = "chat"
model = "{model}"
upstream = "{upstream}"
upstream_model = "{upstream_model}"
adapter = "openai_chat"
rate = "{rate}"
priority = {priority}
max_output_tokens = 500
time_limit_s = {time_limit_s}
default = {default}
"""
ROUTES = {
    "fails-over": [("ailing", "sbx-fail"), ("sound", "sbx-chat")],
    "refused-over": [("closed", "sbx-chat"), ("sound", "sbx-chat")],
    "alone": [("ailing-alone", "sbx-fail")],
    "beside": [("ailing-alone", "sbx-chat")],
    "picky": [("picky", "sbx-chat"), ("sound", "sbx-chat")],
    "slow": [("slow", "sbx-timeout"), ("sound", "sbx-chat")],
}


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform with one worker, so that there is one breaker an upstream, and routes of its own."""
    directory = tmp_path_factory.mktemp("routed")
    sandbox_port = free_port()
    parts = [CATALOG.format(closed=free_port())]
    for slug, routes in ROUTES.items():
        parts.append(MODEL.format(slug=slug))
        for priority, (upstream, upstream_model) in enumerate(routes):
            parts.append(
                ROUTE.format(
                    model=slug,
                    upstream=upstream,
                    upstream_model=upstream_model,
                    rate="second" if priority else "first",
                    time_limit_s=SLOW_LIMIT_S if slug == "slow" else 60,
                    priority=priority,
                    default="true" if slug == "fails-over" and priority == 0 else "false",
                )
            )
    catalog = directory / "catalog.toml"
    catalog.write_text("".join(parts))
    running = RunningPlatform(
        directory,
        workers=1,
        environment={
            "AIO_CATALOG": str(catalog),
            "AIO_SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}",
            "AIO_SANDBOX_PORT": str(sandbox_port),
        },
    )
    running.start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def routed_tenants(routed: RunningPlatform) -> TenantPool:
    return TenantPool(routed, batch=10)


@pytest.fixture
def tenant(routed_tenants: TenantPool) -> Tenant:
    return routed_tenants.take()


@pytest.fixture
def client(routed: RunningPlatform, tenant: Tenant) -> Iterator[httpx.Client]:
    with routed.client(tenant) as opened:
        yield opened


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["fails-over", "refused-over"])
def test_the_next_route_answers_when_the_first_gives_no_byte(
    model: str, stream: bool, client: httpx.Client, books: Books
) -> None:
    answer = client.post(OPENAI, json=saying("hello", stream=stream) | {"model": model})

    assert answer.status_code == 200
    if stream:
        said = Stream.of(answer.text)
        assert said.done
        content = said.joined()
    else:
        content = answer.json()["choices"][0]["message"]["content"]
    receipt = books.receipt(answer)
    assert receipt["outcome"] == "succeeded"
    assert receipt["upstream"] == "sound"
    # The upstream's own status; where nobody was there, none.
    assert [attempt["status"] for attempt in receipt["attempts"]] == [500 if model == "fails-over" else None]
    assert books.spent() == tokens("hello") * 500 + tokens(content) * 1500


def test_a_request_that_an_upstream_calls_bad_is_not_tried_elsewhere(
    routed: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked("[[sbx:status=400]]")

    answer = client.post(OPENAI, json=saying(text) | {"model": "picky"})

    assert answer.status_code == 400
    assert len(routed.journal(mark)) == 1
    assert books.receipt(answer)["upstream"] == "picky"


def test_a_stream_that_broke_after_its_first_byte_is_not_tried_elsewhere(
    routed: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked("[[sbx:stream_error=4;gap_ms=10]]")

    answer = client.post(OPENAI, json=saying(text, stream=True) | {"model": "picky"})

    assert not Stream.of(answer.text).done
    assert len(routed.journal(mark)) == 1
    assert books.receipt(answer)["outcome"] == "partial"


def test_the_time_limit_is_one_for_all_routes(
    routed: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked()

    answer = client.post(OPENAI, json=saying(text) | {"model": "slow"})

    assert answer.status_code == 504
    assert len(routed.journal(mark)) == 1
    # Less what uvloop's clock, which counts whole milliseconds, may be early.
    assert books.receipt(answer)["timings"]["latency_ms"] >= SLOW_LIMIT_S * 1000 - 2


def test_a_route_that_failed_five_times_in_a_row_is_left_to_rest(
    routed: RunningPlatform, client: httpx.Client, books: Books
) -> None:
    text, mark = marked()

    answers = [client.post(OPENAI, json=saying(text) | {"model": "alone"}) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [502] * 5 + [503] * 2
    assert len(routed.journal(mark)) == 5
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert told(answers[-1])["type"] == "server_error"
    assert "resting after failures" in told(answers[-1])["message"]
    assert books.receipt(answers[-1])["outcome"] == "failed"
    books.assert_nothing_held_or_spent()


def test_calls_that_are_refused_or_called_bad_do_not_tire_an_upstream(
    routed: RunningPlatform, client: httpx.Client
) -> None:
    for _ in range(6):
        bad = client.post(OPENAI, json=saying("[[sbx:status=400]]") | {"model": "picky"})
        assert bad.status_code == 400
    text, mark = marked()

    answer = client.post(OPENAI, json=saying(text) | {"model": "picky"})

    assert answer.status_code == 200
    (entry,) = routed.journal(mark)
    assert entry["completed"]


def test_one_tenants_failures_stop_neither_other_models_nor_other_tenants(
    routed: RunningPlatform, client: httpx.Client, routed_tenants: TenantPool
) -> None:
    for _ in range(10):
        assert client.post(OPENAI, json=saying("hello") | {"model": "alone"}).status_code in (502, 503)
        empty = client.post(OPENAI, json=saying("[[sbx:empty_choices]]") | {"model": "picky"})
        assert empty.status_code == 502
        moderated = client.post(OPENAI, json=saying("[[sbx:status=403]]") | {"model": "beside"})
        assert moderated.status_code == 502

    assert client.post(OPENAI, json=saying("hello") | {"model": "beside"}).status_code == 200
    text, mark = marked()
    with routed.client(routed_tenants.take()) as neighbour:
        assert neighbour.post(OPENAI, json=saying(text) | {"model": "picky"}).status_code == 200
        assert neighbour.post(OPENAI, json=saying(text) | {"model": "beside"}).status_code == 200
        assert neighbour.post(OPENAI, json=saying(text) | {"model": "alone"}).status_code == 502
    assert len(routed.journal(mark)) == 3


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstreams_429_reaches_the_caller_as_one_with_its_pause_and_is_no_limit_of_the_callers(
    stream: bool, client: httpx.Client, books: Books
) -> None:
    text, _ = marked("[[sbx:status=429;retry_after=7]]")

    answer = client.post(OPENAI, json=saying(text, stream=stream) | {"model": "beside"})

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert (told(answer)["type"], "at its own limit" in told(answer)["message"]) == ("rate_limit", True)
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]
    assert books.receipt(answer)["outcome"] == "failed"
    books.assert_nothing_held_or_spent()

"""An upstream that hangs: every endpoint gives it up at its time limit, with a 504, and what was held is given back.

All addresses are asked at the same moment, once: waiting for each in turn would take the limit times their number.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios import test_gemini as gemini
from scenarios.asking import OPENAI, Books, TenantPool, eventually, marked, saying, told
from scenarios.test_omakase_faults import EVERY_ADDRESS, ask

# All begin at once: on a busy machine the last of them must still reach its upstream within it.
LIMIT_S = 20
# uvloop's clock counts whole milliseconds, so what it times may end one early.
CLOCK_TICK_S = 0.002
ENDPOINTS = (
    "CHAT",
    "EMBEDDING",
    "RERANK",
    "TTS",
    "VOICE_CLONE",
    "STT",
    "IMAGE2TEXT",
    "T2M",
    "T2I",
    "MODERATION",
    "IMAGE_EDIT",
)
STREAMED = f"{OPENAI}, streamed"
GEMINI = tuple(gemini.address("gemini-pro", form) for form in gemini.FORMS)
# OpenAI's other addresses, and how each is asked a text; the server of the second model has completions itself.
OF_OPENAI: dict[str, Callable[[str], dict[str, Any]]] = {
    "/v1/moderations": lambda text: {"json": {"input": text}},
    "/v1/images/edits": lambda text: {
        "data": {"prompt": text},
        "files": {"image": ("a.png", made.png(8, 8))},
    },
    **{
        f"/v1/completions?{model}": lambda text, model=model: {"json": {"model": model, "prompt": text}}
        for model in ("gemini", "sbx-chat")
    },
}
HANGING = (*EVERY_ADDRESS, OPENAI, STREAMED, *GEMINI, *OF_OPENAI)
# ACE-Step makes music by tasks of its own, and has no way to cancel one.
MUSIC = "/api/t2m"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(
        tmp_path_factory.mktemp("hasty"),
        environment={f"AIO_{endpoint}_TIME_LIMIT_S": str(LIMIT_S) for endpoint in ENDPOINTS},
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@dataclass(frozen=True)
class GivenUp:
    """The answer of a call whose upstream never answered, and the account that made it."""

    answer: httpx.Response
    took_s: float
    mark: str
    tenant: Tenant


@pytest.fixture(scope="module")
def given_up(hasty: RunningPlatform) -> dict[str, GivenUp]:
    """What came of each address."""
    tenants = TenantPool(hasty, batch=len(HANGING))
    asked = [(path, tenants.take()) for path in HANGING]
    with ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(HANGING, pool.map(lambda each: _hang(hasty, *each), asked), strict=True))


def _hang(hasty: RunningPlatform, path: str, tenant: Tenant) -> GivenUp:
    text, mark = marked("[[sbx:task=stuck]]" if path == MUSIC else "[[sbx:hang]]")
    with hasty.client(tenant) as client:
        started = time.monotonic()
        if path in (OPENAI, STREAMED):
            answer = client.post(OPENAI, json=saying(text, stream=path == STREAMED))
        elif path in GEMINI:
            answer = client.post(path, json=gemini.content(text))
        elif path in OF_OPENAI:
            answer = client.post(path, **OF_OPENAI[path](text))
        else:
            answer = ask(client, path, text)
        return GivenUp(answer, time.monotonic() - started, mark, tenant)


@pytest.mark.parametrize("path", HANGING)
def test_an_upstream_that_hangs_is_given_up_at_the_time_limit(
    path: str, hasty: RunningPlatform, given_up: dict[str, GivenUp]
) -> None:
    call = given_up[path]

    assert call.answer.status_code == 504, call.answer.text
    assert call.took_s >= LIMIT_S - CLOCK_TICK_S
    assert call.answer.headers["x-should-retry"] == "false"
    if path in GEMINI:
        assert gemini.error_of(call.answer)["status"] == "DEADLINE_EXCEEDED"
    else:
        assert told(call.answer)["type"] == "server_error"
    with hasty.client(call.tenant) as client:
        books = Books(client)
        receipt = books.receipt(call.answer)
        books.assert_nothing_held_or_spent()
    assert receipt["outcome"] == "timed_out"
    assert receipt["hold_microcredits"] > 0
    assert receipt["timings"]["latency_ms"] >= (LIMIT_S - CLOCK_TICK_S) * 1000


@pytest.mark.parametrize("path", [path for path in HANGING if path != MUSIC])
def test_the_upstream_that_hung_is_told_to_stop_and_was_asked_once(
    path: str, hasty: RunningPlatform, given_up: dict[str, GivenUp]
) -> None:
    call = given_up[path]

    entry = eventually(lambda: next((e for e in hasty.journal(call.mark) if e["aborted_by"]), None))

    assert entry["aborted_by"] == "client"
    assert call.tenant.key not in json.dumps(entry)
    assert len(hasty.journal(call.mark)) == 1

"""SIGKILL of any process under load loses no money and no record.

Lanes of callers never pause: ordinary and streamed calls, quick and slow, on several accounts and mounts. Beside
them a plan of kills, shuffled by the seed, is carried out; after each the load must come back before the next.
Then the holds left by the dead expire (their moment is moved up), and every answer received in full is looked up
in the books.

The seed is printed; PROVE_SEED=N repeats its plan and its calls (not the kernel's scheduling).
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from money import books, load
from running_platform import RunningPlatform, Tenant

LANES = 24
ANSWERS_BETWEEN_KILLS = 60
RECOVERY_S = 240.0
MOUNTS = ("/v1/chat/completions", "/api/v1/chat/completions", "/llm/v1/chat/completions")


@pytest.fixture
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(
        tmp_path_factory.mktemp("kills"),
        workers=3,
        environment={
            "AIO_CHAT_TIME_LIMIT_S": "3",
            "AIO_STREAM_TIME_LIMIT_S": "3",
            "AIO_STREAM_IDLE_LIMIT_S": "4",
        },
    ).start()
    yield running
    assert running.stop() == 0


@pytest.mark.slow
async def test_a_few_kills_lose_nothing(platform: RunningPlatform) -> None:
    await survive(platform, {"gateway": 4, "worker": 1, "postmaster": 1})


@pytest.mark.prove
async def test_twenty_kills_and_five_of_postgresql_lose_nothing(platform: RunningPlatform) -> None:
    await survive(platform, {"gateway": 16, "worker": 4, "postmaster": 5})


@pytest.mark.prove
async def test_kills_of_single_postgresql_backends_lose_nothing(platform: RunningPlatform) -> None:
    """PostgreSQL then ends all its backends at once, some between a commit and its acknowledgement."""
    await survive(platform, {"backend": 10, "gateway": 3})


@dataclass
class Load:
    """The callers: start them, watch what comes back, stop them."""

    platform: RunningPlatform
    tenants: list[Tenant]
    seed: int
    answers: list[load.Answer] = field(default_factory=list)
    in_full: int = 0
    stopping: bool = False

    async def run(self) -> None:
        async with load.session(self.platform) as client:
            await asyncio.gather(*[self._lane(client, number) for number in range(LANES)])

    async def _lane(self, client: load.Client, number: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")
        while not self.stopping:
            stream = chance.random() < 0.5
            magic = chance.choice(["delay_ms=5", "delay_ms=150", "tokens=12"])
            if stream:
                magic = chance.choice(["chunks=4", "chunks=6;gap_ms=40", "chunks=3;first_token_ms=80"])
            body = load.chat_body("x" * chance.randrange(1, 400), magic=magic, stream=stream)
            answer = await load.ask(client, chance.choice(self.tenants), body, chance.choice(MOUNTS))
            self.answers.append(answer)
            self.in_full += answer.accepted and answer.complete
            if not answer.accepted:
                await asyncio.sleep(0.05)  # nobody hammers a server that is down

    async def flows(self, more: int) -> None:
        """Wait until so many more answers came in full; fails when they do not come in RECOVERY_S."""
        wanted, give_up_at = self.in_full + more, time.monotonic() + RECOVERY_S
        while self.in_full < wanted:
            assert time.monotonic() < give_up_at, f"no recovery: {load.by_status(self.answers[-200:])}"
            await asyncio.sleep(0.02)


async def survive(platform: RunningPlatform, kills: dict[str, int]) -> None:
    seed = int(os.environ.get("PROVE_SEED") or random.SystemRandom().randrange(10**9))
    print(f"PROVE_SEED={seed} repeats this plan of kills: {kills}")
    chance = random.Random(seed)
    plan = [victim for victim, count in kills.items() for _ in range(count)]
    chance.shuffle(plan)
    tenants = [await asyncio.to_thread(platform.new_tenant, credits="100000") for _ in range(3)]
    callers = Load(platform, tenants, seed)
    running = asyncio.create_task(callers.run())
    for victim in plan:
        await callers.flows(ANSWERS_BETWEEN_KILLS)
        await asyncio.sleep(chance.random() * 0.4)
        await kill(platform, victim, chance)
    await callers.flows(ANSWERS_BETWEEN_KILLS)
    callers.stopping = True
    await running
    await assert_nothing_is_lost(platform, callers.answers, sum(kills.values()))


async def kill(platform: RunningPlatform, victim: str, chance: random.Random) -> None:
    """SIGKILL one process of that kind; waits for one while none runs."""
    give_up_at = time.monotonic() + RECOVERY_S
    while True:
        found = candidates(platform, victim)
        if found:
            os.kill(chance.choice(found), signal.SIGKILL)
            return
        assert time.monotonic() < give_up_at, f"no {victim} is running"
        await asyncio.sleep(0.1)


def candidates(platform: RunningPlatform, victim: str) -> list[int]:
    if victim == "postmaster":
        return [platform.postmaster_pid()]
    if victim == "backend":
        return [
            pid
            for (pid,) in books.rows(
                platform,
                "SELECT pid FROM pg_stat_activity WHERE application_name IN ('aio authorize', 'aio settle')",
            )
        ]
    return platform.process_ids({"gateway": "gateway_worker", "worker": "manage.py work"}[victim])


async def assert_nothing_is_lost(platform: RunningPlatform, answers: list[load.Answer], kills: int) -> None:
    await until_nothing_is_held(platform)
    platform.assert_books_agree()
    assert books.lowest_balance(platform) >= 0
    in_full = {answer.request_id: answer for answer in answers if answer.accepted and answer.complete}
    assert len(in_full) == sum(answer.accepted and answer.complete for answer in answers), "an id came twice"
    # Fewer would prove nothing about what is lost.
    assert len(in_full) > kills, load.by_status(answers)
    charges = books.charges(platform, in_full)
    wrong = [
        (request_id, answer.microcredits(), charges.get(request_id))
        for request_id, answer in in_full.items()
        if charges.get(request_id) != [("succeeded", answer.microcredits())]
    ]
    assert wrong == [], f"{len(wrong)} answers received in full are not in the books as they said"
    endless = [answer for answer in answers if answer.trouble == "TimeoutError"]
    assert endless == [], f"{len(endless)} calls had no end; see {platform.log}"
    # A complete answer that is no success cost nothing, whatever was killed meanwhile.
    refused = [answer.request_id for answer in answers if answer.complete and answer.status >= 400]
    charged = {
        request_id: ends for request_id, ends in books.charges(platform, refused).items() if ends[0][1]
    }
    print(
        f"{kills} kills, {len(answers)} calls: {len(in_full)} answers in full,"
        f" {sum(a.streamed for a in in_full.values())} of them streamed; statuses {load.by_status(answers)};"
        f" broken off {dict(Counter(a.trouble for a in answers if a.trouble))};"
        f" told to be refused but charged {len(charged)}"
    )
    assert charged == {}, "a call was charged, and its caller told that it failed"


async def until_nothing_is_held(platform: RunningPlatform) -> None:
    """Time passes for the holds of killed processes, and the worker, which runs again, releases them."""
    books.rows(platform, "UPDATE usage_hold SET expires_at = expires_at - interval '1 hour'")
    give_up_at = time.monotonic() + RECOVERY_S
    while books.held_by_anyone(platform):
        assert time.monotonic() < give_up_at, "holds did not expire"
        await asyncio.sleep(0.5)

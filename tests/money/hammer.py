"""One process that hammers the books: `python -m money.hammer`, its task on standard input, what it did on output.

It connects as a gateway does: through usage.ledger.client, as the application's role.
"""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from typing import Any

import django
from django.conf import settings

MOST_IN_FLIGHT = 24


async def hammer(task: dict[str, Any]) -> dict[str, Any]:
    """Calls at random on the accounts: held, then settled, settled twice at once, released, or left open."""
    from aio_platform.http.request_ids import new_request_uuid
    from usage.ledger.calls import ADMITTED, CallEnd, CallToAuthorize, Credentials
    from usage.ledger.client import Ledger
    from usage.ledger.outcomes import Outcome

    chance = random.Random(task["seed"])
    ledger = Ledger()
    await ledger.open()
    done: dict[str, Any] = {"captured": Counter(), "left_open": Counter(), "holds": []}
    verdicts: Counter[str] = Counter()
    ends = 0

    async def call() -> None:
        nonlocal ends
        account_id, digest = chance.choice(task["accounts"])
        ceiling = chance.choice([0, 1, chance.randrange(1, task["largest"])])
        request_uuid = new_request_uuid()
        verdict = await ledger.authorize(
            CallToAuthorize(
                request_uuid,
                Credentials(bytes.fromhex(digest)),
                "chat",
                "gemini",
                "chat/gemini",
                task["rate"],
                ceiling,
                600,
            )
        )
        verdicts[verdict.name] += 1
        assert verdict.available is not None
        assert verdict.available >= 0
        if verdict.name != ADMITTED:
            return
        kind = chance.choice(["capture", "capture", "capture too much", "release", "twice", "leave"])
        if kind == "leave":
            done["left_open"][account_id] += ceiling
            done["holds"].append([account_id, request_uuid])
            return
        charge = None if kind == "release" else chance.randrange(2 * ceiling + 1)
        outcome = Outcome.FAILED if charge is None else Outcome.SUCCEEDED
        ends_of_it = [
            CallEnd(account_id, request_uuid, outcome, charge) for _ in range(1 + (kind == "twice"))
        ]
        settlements = await asyncio.gather(*[ledger.settle(end) for end in ends_of_it])
        [settlement] = [answer for answer in settlements if answer.settled and not answer.repeated]
        assert settlement.charged == min(charge or 0, ceiling)
        done["captured"][account_id] += settlement.charged
        ends += 1

    async def lane() -> None:
        for _ in range(task["calls"] // MOST_IN_FLIGHT):
            await call()

    await asyncio.gather(*[lane() for _ in range(MOST_IN_FLIGHT)])
    # Holds that every process was given: one of all wins each.
    won = 0
    shared = [CallEnd(account, uuid, Outcome.SUCCEEDED, 10**9) for account, uuid in task["shared"]]
    for end, settlement in zip(shared, await asyncio.gather(*map(ledger.settle, shared)), strict=True):
        if settlement.settled and not settlement.repeated:
            won += 1
            done["captured"][end.account_id] += settlement.charged
    await ledger.close()
    return {**done, "verdicts": verdicts, "ends": ends, "won": won}


def main() -> None:
    task = json.load(sys.stdin)
    os.environ["DJANGO_SETTINGS_MODULE"] = "aio_platform.settings"
    django.setup()
    settings.DATABASES["default"]["NAME"] = task["database"]
    print(json.dumps(asyncio.run(hammer(task))))


if __name__ == "__main__":
    main()

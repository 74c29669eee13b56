"""A chat call that is answered in one piece."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.openai_chat import ChatAnswer, MalformedAnswer
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.shared.upstream_json import UnwritableJson, write_json
from gateway.calls.relay import Call, Relay, charge_of, metered
from gateway.catalog.routes import Route
from gateway.errors import UpstreamFailed
from gateway.upstreams.responses import read_answer_body
from usage.ledger.calls import Settlement
from usage.ledger.units import Units

# Images inside an answer take several megabytes each.
MAX_CHAT_ANSWER_BYTES = 64_000_000
# Makes the mount's body of the OpenAI object and the call's price in micro-credits.
ToBody = Callable[[dict[str, Any], int], Any]


@dataclass(frozen=True, slots=True)
class _Written:
    """An answer as it will go out, and what it used."""

    body: bytes
    units: Units
    estimated: bool


async def complete_chat(
    relay: Relay, call: Call, request: ChatRequest, to_body: ToBody
) -> tuple[bytes, Settlement]:
    """Carry the call, write its answer, and only then capture; returns the answer's JSON and what it cost.

    Whatever fails before the capture releases the hold. The object is named after our model.
    """

    async def attempt(route: Route) -> ChatAnswer:
        response = await relay.upstreams.post(route, openai_chat.PATH, openai_chat.build(request, route))
        call.first_byte = time.perf_counter()
        body = await read_answer_body(response, MAX_CHAT_ANSWER_BYTES)
        try:
            return openai_chat.read_answer(body)
        except MalformedAnswer as error:
            raise UpstreamFailed("The model's server gave an empty or malformed answer.") from error

    async def work() -> _Written:
        answer = await relay.first_answer(call, attempt)
        units, estimated = metered(call, lambda: answer.metered(request))
        answer.values["model"] = call.routes[0].model
        try:
            body = write_json(to_body(answer.values, charge_of(call, units)))
        except UnwritableJson as error:
            raise UpstreamFailed("The model's server gave an empty or malformed answer.") from error
        return _Written(body, units, estimated)

    written = await relay.while_held(call, work)
    settlement = await relay.capture(call, written.units, estimated=written.estimated)
    return written.body, settlement

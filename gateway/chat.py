"""A chat call that is answered in one piece."""

import time
from typing import Any

from gateway.adapters import openai_chat
from gateway.adapters.chat_request import ChatRequest
from gateway.adapters.openai_chat import ChatAnswer, MalformedAnswer
from gateway.catalog import Route
from gateway.errors import UpstreamFailed
from gateway.relay import Call, Relay
from gateway.upstream_answers import read_answer_body
from usage.calls import Settlement


async def complete_chat(relay: Relay, call: Call, request: ChatRequest) -> tuple[dict[str, Any], Settlement]:
    """Carry the call and capture it; returns the OpenAI object, named after our model, and what it cost."""

    async def attempt(route: Route) -> ChatAnswer:
        response = await relay.upstreams.post(route, openai_chat.PATH, openai_chat.build(request, route))
        call.first_byte = time.perf_counter()
        body = await read_answer_body(response)
        try:
            return openai_chat.read_answer(body, request)
        except MalformedAnswer as error:
            raise UpstreamFailed("The model's server gave an empty or malformed answer.") from error

    answer = await relay.while_held(call, lambda: relay.first_answer(call, attempt))
    settlement = await relay.capture(call, answer.units, estimated=answer.estimated)
    answer.values["model"] = call.routes[0].model
    return answer.values, settlement

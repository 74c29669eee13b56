"""The smallest request of each endpoint whose calls cost next to nothing, the cheapest first."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import AdapterRoute
from gateway.adapters.shared.requests import (
    EmbeddingRequest,
    ModerationRequest,
    RerankRequest,
    SpeechRequest,
    VoicesRequest,
)

SMALL_OUTPUT_TOKENS = 64
HELLO = "Hi"


def _chat(route: AdapterRoute) -> ChatRequest:
    values = {
        "model": route.model,
        "messages": [{"role": "user", "content": HELLO}],
        "max_tokens": min(SMALL_OUTPUT_TOKENS, route.max_output_tokens or SMALL_OUTPUT_TOKENS),
    }
    return ChatRequest(values, len(str(values)), stream=False, include_usage=False)


SMALL_REQUESTS: Mapping[str, Callable[[AdapterRoute], Any]] = {
    "voices": lambda route: VoicesRequest(),
    "moderations": lambda route: ModerationRequest([HELLO]),
    "embeddings": lambda route: EmbeddingRequest([HELLO]),
    "rerank": lambda route: RerankRequest(HELLO, [HELLO]),
    "chat": _chat,
    "speech": lambda route: SpeechRequest(HELLO, response_format=route.options.get("formats", ["wav"])[0]),
}

"""Examples of answers: what a running platform answered to the document's own examples, as `make docs-answers` kept it.

Only what is nobody else's business, or too long to read, is written differently: a key's text, hosts, long arrays.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

RECORDED_ANSWERS = Path(__file__).with_name("recorded_answers.json")
STREAM_ADDRESS = "/v1/chat/completions"


@lru_cache(maxsize=1)
def recorded() -> Mapping[str, Any]:
    """By method and address, as in "post /api/chat"; the events of a stream by "stream" and its address."""
    found: Mapping[str, Any] = json.loads(RECORDED_ANSWERS.read_text())
    return found


def example_answer(method: str, address: str) -> str:
    """The JSON answer, indented; empty for an operator's own endpoint, of which none is kept."""
    answer = recorded().get(f"{method} {address}")
    return "" if answer is None else json.dumps(answer, indent=2, ensure_ascii=False)


def stream_example(address: str = STREAM_ADDRESS) -> str:
    """The events of one streamed answer; those of a chat completion for an address of which none are kept."""
    events: str = recorded().get(f"stream {address}") or recorded()[f"stream {STREAM_ADDRESS}"]
    return events

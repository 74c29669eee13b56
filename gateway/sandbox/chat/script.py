"""What an agent is told to do, step by step: `[[sbx:script=[…] ]]` in its prompt.

A step is `{"tool": NAME, "arguments": {…}}`, or `{"text": …}` to end with. How far the script has come is read from the
conversation: each tool's result that follows the prompt is a step done. So the same body still gets the same answer.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from gateway.sandbox.magic import MARK, Magic, parse_text
from gateway.sandbox.wire import Json, Refusal

KEY = "script"


class Step(NamedTuple):
    """A tool to call with these arguments, or a text to say where `tool` is empty."""

    tool: str
    arguments: Json
    text: str


def begins_in(text: str) -> bool:
    """Whether a script is written into this text."""
    return MARK.decode() in text and KEY in parse_text(text)


def step_at(magic: Magic, steps_done: int) -> Step | None:
    """The step that is due; None where there is no script, or it has ended. Raises Refusal for one that is none."""
    if KEY not in magic:
        return None
    try:
        steps = orjson.loads(magic[KEY])
    except orjson.JSONDecodeError:
        raise Refusal(
            400, "sbx: script takes a list of steps as JSON, without two brackets in a row"
        ) from None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise Refusal(400, "sbx: script takes a list of objects")
    if steps_done >= len(steps):
        return None
    step = steps[steps_done]
    if ("tool" in step) == ("text" in step):
        raise Refusal(400, "sbx: a step of a script has either a tool or a text")
    return Step(str(step.get("tool", "")), step.get("arguments") or {}, str(step.get("text", "")))

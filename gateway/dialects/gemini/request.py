"""What Gemini's generateContent and streamGenerateContent are asked, read and written.

The model and whether the answer is streamed stand in Gemini's path. Whoever knows the path adds them to the body that
is read, as `model` and `stream`; what is written has neither.
"""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.conversation import Conversation, OtherField
from gateway.dialects.dialect import Loss, Written, losses_of
from gateway.dialects.gemini.contents import Talk
from gateway.dialects.gemini.fields import Fields
from gateway.dialects.gemini.generation import abilities_of, read_generation, write_generation
from gateway.dialects.gemini.tool_definitions import read_tool_choice, read_tools, write_tools
from gateway.dialects.gemini.written_contents import ContentWriter

# OpenAI's words, and Google's.
_TIERS = {"default": "standard", "flex": "flex", "priority": "priority"}
_TIERS_READ = {theirs: ours for ours, theirs in _TIERS.items()}
# Filters that let everything pass ask for nothing that another provider would have to do.
_OPEN_FILTERS = ("BLOCK_NONE", "OFF", "HARM_BLOCK_THRESHOLD_UNSPECIFIED")


def read_request(values: Mapping[str, Any]) -> Conversation:
    """What a caller asks; `values` holds our own `model` and `stream` beside the body. Raises InvalidRequest."""
    body = Fields(values, "")
    model, stream = body.required_string("model"), body.boolean("stream") or False
    talk = Talk()
    asked = Conversation(model=model, messages=talk.messages(body), stream=stream, other=talk.other)
    asked.tools = read_tools(body, asked.other)
    asked.tool_choice = read_tool_choice(body, asked.other)
    read_generation(body, asked)
    _read_tier(body, asked)
    _read_filters(body, asked.other)
    # By its labels a caller sorts bills.
    asked.other += body.left_over(frozenset({"labels"}))
    return asked


def _read_tier(body: Fields, asked: Conversation) -> None:
    path, tier = body.path_of("serviceTier"), body.string("serviceTier")
    if tier is None or tier.lower().endswith("unspecified"):
        return
    asked.service_tier = _TIERS_READ.get(tier.lower().removeprefix("service_tier_"))
    if asked.service_tier is None:
        asked.other.append(OtherField(path, tier))


def _read_filters(body: Fields, other: list[OtherField]) -> None:
    path = body.path_of("safetySettings")
    for index, values in enumerate(body.items("safetySettings")):
        setting = Fields(values, f"{path}.{index}")
        setting.string("category")
        threshold = (setting.string("threshold") or _OPEN_FILTERS[-1]).upper()
        other.append(OtherField(setting.path, values, is_harmless=threshold in _OPEN_FILTERS))


def write_request(asked: Conversation) -> Written:
    """The body, without the model and without whether it is streamed, which are in Gemini's path."""
    abilities = abilities_of(asked.model)
    writer = ContentWriter(abilities)
    values = writer.write(asked.messages)
    losses = writer.losses
    values |= write_tools(asked, abilities, losses)
    generation = write_generation(asked, abilities, losses)
    if generation:
        values["generationConfig"] = generation
    if asked.service_tier in _TIERS:
        values["serviceTier"] = _TIERS[asked.service_tier]
    elif asked.service_tier not in (None, "auto"):
        losses.append(Loss("service_tier", False))
    # How long an answer is to be is advice; who asks and what for is for the caller's own records.
    if asked.verbosity not in (None, "medium"):
        losses.append(Loss("verbosity", False))
    if asked.user is not None:
        losses.append(Loss("user", False))
    if asked.metadata:
        losses.append(Loss("metadata", False))
    losses += losses_of(asked.other)
    return Written(values, list(dict.fromkeys(losses)))

"""Gemini's `generationConfig`: how an answer is drawn, how long it is, what form it has and how much is thought."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import Conversation, OtherField, OutputFormat, ReasoningAsked, Sampling
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.gemini.fields import MOST_INT32, Fields
from gateway.dialects.gemini.schemas import json_schema_of, openapi_of

# How finely pictures are looked at.
_HARMLESS = frozenset({"mediaResolution"})
# False is what they are without being given.
_OFF_UNLESS_ASKED = ("audioTimestamp", "enableAffectiveDialog", "enableEnhancedCivicAnswers")
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
# Google's own table, for its layer that speaks OpenAI's chat.
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
# The least that a Pro model thinks.
_LEAST_PRO_BUDGET = 128
_MOST_STOPS = 5
_GENERATION = re.compile(r"gemini-(?:[a-z]+-)?(\d+)(?:\.(\d+))?(?![\dk])")


class Abilities(NamedTuple):
    """`thinks_by_level`: thinking is asked for by `thinkingLevel`, and a call in the talk needs a signature.

    `takes_json_schema`: `parametersJsonSchema` and `responseJsonSchema` are read. `nests_files`: a tool's result may
    hold files. `is_pro`: thinking cannot be turned off.
    """

    thinks_by_level: bool
    takes_json_schema: bool
    nests_files: bool
    is_pro: bool


def abilities_of(model: str) -> Abilities:
    """What a model takes, as far as its name tells. A name that says nothing is taken for a current one."""
    name = model.lower()
    found = _GENERATION.search(name)
    generation = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if "gemma" in name:
        generation = (2, 5)
    is_current = generation >= (3, 0)
    return Abilities(is_current, generation >= (2, 5), is_current, "pro" in name)


def read_generation(body: Fields, asked: Conversation) -> None:
    """Put what `generationConfig` says into the conversation. Raises InvalidRequest."""
    config = body.inner("generationConfig")
    if config is None:
        return
    asked.max_output_tokens = config.integer("maxOutputTokens", 1, MOST_INT32)
    asked.choices = config.integer("candidateCount", 1, 8) or 1
    asked.stop = config.strings("stopSequences")
    asked.sampling = Sampling(
        temperature=config.number("temperature", 0, 2),
        top_p=config.number("topP", 0, 1),
        top_k=config.integer("topK", 0, MOST_INT32) or None,
        seed=config.integer("seed", -MOST_INT32 - 1, MOST_INT32),
        presence_penalty=config.number("presencePenalty", -2, 2),
        frequency_penalty=config.number("frequencyPenalty", -2, 2),
    )
    logprobs = config.integer("logprobs", 0, 20)
    if config.boolean("responseLogprobs"):
        asked.top_logprobs = logprobs or 0
    asked.output_format = _read_format(config, asked.other)
    asked.reasoning = _read_thinking(config)
    modalities = config.strings("responseModalities")
    if not {name.upper() for name in modalities} <= {"TEXT"}:
        asked.other.append(OtherField(config.path_of("responseModalities"), list(modalities)))
    for name in _OFF_UNLESS_ASKED:
        if config.peek(name) is False:
            config.take(name)
    asked.other += config.left_over(_HARMLESS)


def _read_format(config: Fields, other: list[OtherField]) -> OutputFormat | None:
    type_path = config.path_of("responseMimeType")
    media_type = (config.string("responseMimeType") or "").lower()
    path, schema = config.path_of("responseSchema"), json_schema_of(config.take("responseSchema"))
    json_path, json_schema = config.path_of("responseJsonSchema"), config.take("responseJsonSchema")
    if schema is not None and json_schema is not None:
        raise bad_field(
            json_path, _("give either %(one)s or %(other)s"), one="responseSchema", other="responseJsonSchema"
        )
    if json_schema is not None:
        path, schema = json_path, json_schema
    if schema is not None and not isinstance(schema, Mapping):
        raise bad_field(path, _("expected an object"))
    if media_type not in ("", "text/plain", "application/json"):
        # `text/x.enum` answers with one bare word of an enumeration.
        other.append(OtherField(type_path, media_type))
    if media_type == "application/json" or schema is not None:
        return OutputFormat(schema=schema, path=path if schema is not None else type_path)
    return None


def _read_thinking(config: Fields) -> ReasoningAsked | None:
    thinking = config.inner("thinkingConfig")
    if thinking is None:
        return None
    budget_path = thinking.path_of("thinkingBudget")
    budget = thinking.integer("thinkingBudget", -1, MOST_INT32)
    level = thinking.word("thinkingLevel", _LEVELS)
    if budget is not None and level is not None:
        raise bad_field(
            budget_path, _("give either %(one)s or %(other)s"), one="thinkingBudget", other="thinkingLevel"
        )
    asked = ReasoningAsked(shown=thinking.boolean("includeThoughts"), path=thinking.path)
    if level is not None:
        asked.enabled, asked.effort = True, level.lower()
    elif budget is not None:
        asked.enabled = budget != 0
        asked.budget_tokens = budget if budget > 0 else None
    return asked


def write_generation(asked: Conversation, abilities: Abilities, losses: list[Loss]) -> dict[str, Any]:
    """The `generationConfig`; `losses` gets what Gemini cannot be told."""
    sampling = asked.sampling
    if sampling.logit_bias:
        losses.append(Loss("logit_bias", True))
    if len(asked.stop) > _MOST_STOPS:
        losses.append(Loss("stop", True))
    written = {
        "maxOutputTokens": asked.max_output_tokens and min(asked.max_output_tokens, MOST_INT32),
        "candidateCount": asked.choices if asked.choices > 1 else None,
        "stopSequences": list(asked.stop) or None,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        # A seed is a name for a draw: cut to what Gemini takes, the same one still stands for the same.
        "seed": _seed(sampling.seed),
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "responseLogprobs": True if asked.top_logprobs is not None else None,
        "logprobs": asked.top_logprobs or None,
        **_write_format(asked.output_format, abilities),
        "thinkingConfig": _write_thinking(asked.reasoning, abilities, losses) or None,
    }
    return {name: value for name, value in written.items() if value is not None}


def _seed(seed: int | None) -> int | None:
    return seed if seed is None or -MOST_INT32 - 1 <= seed <= MOST_INT32 else seed & MOST_INT32


def _write_format(output: OutputFormat | None, abilities: Abilities) -> dict[str, Any]:
    """What the answer is to be. Its name and description stand in the schema, where the model reads them."""
    if output is None:
        return {}
    if output.schema is None:
        return {"responseMimeType": "application/json"}
    schema = dict(output.schema)
    if output.name is not None:
        schema.setdefault("title", output.name)
    if output.description is not None:
        schema.setdefault("description", output.description)
    openapi = None if abilities.takes_json_schema else openapi_of(schema)
    if openapi is None:
        return {"responseMimeType": "application/json", "responseJsonSchema": schema}
    return {"responseMimeType": "application/json", "responseSchema": openapi}


def _write_thinking(asked: ReasoningAsked | None, abilities: Abilities, losses: list[Loss]) -> dict[str, Any]:
    if asked is None:
        return {}
    written: dict[str, Any] = {}
    if asked.enabled is False or asked.effort == "none":
        written = _least_thinking(asked, abilities, losses)
    elif asked.budget_tokens is not None:
        written["thinkingBudget"] = asked.budget_tokens
        if asked.effort is not None:
            losses.append(Loss(asked.path, False))
    elif asked.effort is not None:
        written = _thinking_of(asked.effort, asked.path, abilities, losses)
    elif asked.enabled and not abilities.thinks_by_level:
        written["thinkingBudget"] = -1
    if asked.shown is not None:
        written["includeThoughts"] = asked.shown
    elif asked.summary is not None:
        written["includeThoughts"] = True
    if asked.summary not in (None, "auto"):
        losses.append(Loss(asked.path, False))
    return written


def _thinking_of(effort: str, path: str, abilities: Abilities, losses: list[Loss]) -> dict[str, Any]:
    """Thinking of about this effort, where Gemini has no such word."""
    level = {"xhigh": "HIGH", "max": "HIGH"}.get(effort, effort.upper())
    if level == "MINIMAL" and abilities.is_pro:
        level = "LOW"
    if level.lower() != effort:
        losses.append(Loss(path, False))
    if not abilities.thinks_by_level:
        return {"thinkingBudget": _BUDGETS.get(effort, -1)}
    return {"thinkingLevel": level} if level in _LEVELS else {}


def _least_thinking(asked: ReasoningAsked, abilities: Abilities, losses: list[Loss]) -> dict[str, Any]:
    """As little thinking as the model can be told: current models, and Pro before them, cannot do without."""
    if abilities.thinks_by_level or abilities.is_pro:
        losses.append(Loss(asked.path, False))
    if abilities.thinks_by_level:
        return {"thinkingLevel": "LOW" if abilities.is_pro else "MINIMAL"}
    return {"thinkingBudget": _LEAST_PRO_BUDGET if abilities.is_pro else 0}

"""A request to the Responses API, both ways. Nothing is stored here: what would need that is refused by its name."""

from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    Conversation,
    Message,
    OutputFormat,
    ReasoningAsked,
    Role,
    Sampling,
    Text,
)
from gateway.dialects.dialect import Loss, Written, bad_field, losses_of
from gateway.dialects.openai_responses.fields import Fields, is_empty
from gateway.dialects.openai_responses.input_items import read_input
from gateway.dialects.openai_responses.tool_definitions import (
    read_tool_choice,
    read_tools,
    write_tool_choice,
    write_tools,
)
from gateway.dialects.openai_responses.written_items import write_messages

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SUMMARIES = ("auto", "concise", "detailed")
_VERBOSITIES = ("low", "medium", "high")
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
_NEED_STATE = ("previous_response_id", "conversation", "prompt")
# They say where an answer is kept, how it is found in a cache, or what else is shown of hosted tools' work.
_HARMLESS: Mapping[str, tuple[Any, ...]] = {
    "client_metadata": (),
    "max_tool_calls": (),
    "prompt_cache_key": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "store": (False,),
    # Whether a request that is too long is cut or refused; nothing else cuts it.
    "truncation": ("disabled",),
}
_READ = (
    *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"),
    *("include", "max_output_tokens", "temperature", "top_p", "top_logprobs", "metadata", "service_tier"),
    *("user", "safety_identifier", "stream", "stream_options", "background"),
    *_NEED_STATE,
    *_HARMLESS,
)
_HARMLESS_INCLUDES = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "web_search_call.action.sources",
    "web_search_call.results",
)
_MOST_METADATA = 16
# What a budget of tokens is in OpenAI's words: up to how many, and the effort.
_EFFORT_OF_BUDGET = ((2048, "low"), (8192, "medium"))


def read_request(values: Mapping[str, Any]) -> Conversation:
    """What a caller asks. Raises InvalidRequest that names the field and what was expected."""
    body = Fields(values, [])
    _refuse_state(body)
    model = body.name("model")
    messages, later_tools = read_input(body)
    instructions = body.text("instructions")
    if instructions:
        said = [Text(instructions, path="instructions")]
        messages.insert(0, Message(Role.SYSTEM, list(said), path="instructions"))
    tools = read_tools(body) + later_tools
    includes = _read_includes(body)
    asked = Conversation(
        model=model,
        messages=messages,
        tools=tools,
        tool_choice=read_tool_choice(body, tools),
        # Several at once is what every provider does where nobody forbids it.
        parallel_tool_calls=False if body.flag("parallel_tool_calls") is False else None,
        reasoning=_read_reasoning(body, encrypted=ENCRYPTED in includes),
        max_output_tokens=body.whole("max_output_tokens", 1),
        sampling=Sampling(temperature=body.number("temperature", 0, 2), top_p=body.number("top_p", 0, 1)),
        top_logprobs=_read_top_logprobs(body, is_included=LOGPROBS in includes),
        stream=body.flag("stream") or False,
        user=_read_user(body),
        service_tier=_unless(body.choice("service_tier", _TIERS), "auto"),
        metadata=_read_metadata(body),
        other=body.other,
    )
    asked.output_format, asked.verbosity = _read_text(body)
    if (options := body.object("stream_options")) is not None:
        options.set_aside_unknown(("include_obfuscation",))
        # Bytes that say nothing.
        options.set_aside("include_obfuscation", harmless=True, nothing=(False,))
    for name, nothing in _HARMLESS.items():
        body.set_aside(name, harmless=True, nothing=nothing)
    body.set_aside_unknown(_READ)
    return asked


def _refuse_state(body: Fields) -> None:
    for name in _NEED_STATE:
        if not is_empty(body.values.get(name)):
            raise bad_field(name, _("is not supported: nothing is stored here; send all of it in 'input'"))
    if body.flag("background"):
        raise bad_field("background", _("is not supported: nothing is stored here; wait for the answer"))


def _unless(value: str | None, default: str) -> str | None:
    return None if value == default else value


def _read_includes(body: Fields) -> list[str]:
    includes = body.items("include", 100) or []
    for index, name in enumerate(includes):
        if not isinstance(name, str):
            raise bad_field(f"include.{index}", _("expected a string"))
        if name not in (ENCRYPTED, LOGPROBS):
            # More of what hosted tools did; anything else may be anything.
            body.inner({str(index): name}, "include").set_aside(
                str(index), harmless=name in _HARMLESS_INCLUDES
            )
    return includes


def _read_reasoning(body: Fields, *, encrypted: bool) -> ReasoningAsked | None:
    asked = body.object("reasoning")
    if asked is None:
        return ReasoningAsked(encrypted=True, path="include") if encrypted else None
    effort = asked.choice("effort", _EFFORTS)
    summary = asked.choice("summary", _SUMMARIES) or asked.choice("generate_summary", _SUMMARIES)
    asked.set_aside_unknown(("effort", "summary", "generate_summary", "mode", "context"))
    asked.set_aside("mode", harmless=False, nothing=("standard",))
    # Which earlier thoughts a model sees; another provider's sees none of them.
    asked.set_aside("context", harmless=True, nothing=("auto",))
    if effort is None and summary is None and not encrypted:
        return None
    return ReasoningAsked(
        enabled=False if effort == "none" else None,
        effort=effort,
        summary=summary,
        shown=True if summary is not None else None,
        encrypted=encrypted,
        path=asked.path,
    )


def _read_text(body: Fields) -> tuple[OutputFormat | None, str | None]:
    text = body.object("text")
    if text is None:
        return None, None
    text.set_aside_unknown(("format", "verbosity"))
    verbosity = _unless(text.choice("verbosity", _VERBOSITIES), "medium")
    wanted = text.object("format")
    if wanted is None:
        return None, verbosity
    kind = wanted.choice("type", ("text", "json_object", "json_schema"))
    if kind is None:
        raise bad_field(wanted.at("type"), _("this field is required"))
    if kind == "text":
        wanted.set_aside_unknown(("type",))
        return None, verbosity
    if kind == "json_object":
        wanted.set_aside_unknown(("type",))
        return OutputFormat(path=wanted.path), verbosity
    wanted.set_aside_unknown(("type", "name", "schema", "strict", "description"))
    schema = wanted.required_object("schema").values
    told = OutputFormat(schema, wanted.name("name"), wanted.text("description"), wanted.flag("strict"))
    told.path = wanted.path
    return told, verbosity


def _read_top_logprobs(body: Fields, *, is_included: bool) -> int | None:
    most_likely = body.whole("top_logprobs", 0, 20)
    return most_likely or 0 if is_included else most_likely or None


def _read_user(body: Fields) -> str | None:
    """Who asks. OpenAI has two names for it, an old and a new one."""
    user, safety_identifier = body.text("user"), body.text("safety_identifier")
    if user:
        body.set_aside("safety_identifier", harmless=True, nothing=(user,))
    return user or safety_identifier or None


def _read_metadata(body: Fields) -> dict[str, str]:
    metadata = body.object("metadata")
    if metadata is None:
        return {}
    if len(metadata.values) > _MOST_METADATA:
        raise bad_field("metadata", _("expected at most %(most)s items"), most=_MOST_METADATA)
    return {name: metadata.text(name) or "" for name in metadata.values}


def write_request(asked: Conversation) -> Written:
    """The body to send to an upstream."""
    losses = losses_of(asked.other)
    instructions, items = write_messages(asked.messages, losses)
    values: dict[str, Any] = {"model": asked.model, "input": items, "stream": asked.stream, "store": False}
    if instructions is not None:
        values["instructions"] = instructions
    if asked.tools:
        tools = write_tools(asked.tools, losses)
        values["tools"] = tools
    if asked.tool_choice is not None:
        values["tool_choice"] = write_tool_choice(asked.tool_choice, asked.tools)
    if asked.parallel_tool_calls is not None:
        values["parallel_tool_calls"] = asked.parallel_tool_calls
    if (text := write_text(asked)) is not None:
        values["text"] = text
    _write_reasoning(asked, values, losses)
    _write_sampling(asked, values, losses)
    if asked.max_output_tokens is not None:
        values["max_output_tokens"] = asked.max_output_tokens
    if asked.user is not None:
        values["user"] = asked.user
    if asked.metadata:
        values["metadata"] = dict(asked.metadata)
    if asked.service_tier in _TIERS:
        values["service_tier"] = asked.service_tier
    elif asked.service_tier is not None:
        losses.append(Loss("service_tier", changes_meaning=False))
    return Written(values, losses)


def write_text(asked: Conversation) -> dict[str, Any] | None:
    """The field `text`; None where there is nothing to say."""
    written: dict[str, Any] = {}
    wanted = asked.output_format
    if wanted is not None and wanted.schema is None:
        written["format"] = {"type": "json_object"}
    elif wanted is not None:
        told = {"type": "json_schema", "name": wanted.name or "answer", "schema": wanted.schema}
        more = {"description": wanted.description, "strict": wanted.strict}
        written["format"] = told | {name: value for name, value in more.items() if value is not None}
    if asked.verbosity is not None:
        written["verbosity"] = asked.verbosity
    return written or None


def _write_reasoning(asked: Conversation, values: dict[str, Any], losses: list[Loss]) -> None:
    """The fields `reasoning` and `include`."""
    includes = [] if asked.top_logprobs is None else [LOGPROBS]
    wanted = asked.reasoning
    if wanted is not None:
        told = {"effort": effort_of(wanted, losses), "summary": wanted.summary}
        if wanted.summary is None and wanted.shown:
            told["summary"] = "auto"
        told = {name: value for name, value in told.items() if value is not None}
        if told:
            values["reasoning"] = told
        if wanted.encrypted:
            includes.append(ENCRYPTED)
    if includes:
        values["include"] = includes


def effort_of(wanted: ReasoningAsked, losses: list[Loss]) -> str | None:
    """How much to think, in OpenAI's words. A budget becomes the nearest of them."""
    if wanted.effort in _EFFORTS:
        return wanted.effort
    if wanted.effort is not None or wanted.budget_tokens is not None or wanted.enabled is False:
        # A model that cannot do without thinking refuses to be told so; the nearest words are no exact ones.
        losses.append(Loss(wanted.path, changes_meaning=False))
    if wanted.budget_tokens is None or wanted.enabled is False:
        return None
    return next((effort for most, effort in _EFFORT_OF_BUDGET if wanted.budget_tokens <= most), "high")


def _write_sampling(asked: Conversation, values: dict[str, Any], losses: list[Loss]) -> None:
    sampling = asked.sampling
    if sampling.temperature is not None:
        values["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        values["top_p"] = sampling.top_p
    if asked.top_logprobs:
        values["top_logprobs"] = asked.top_logprobs
    # Neither is more than a wish where it is known: clients send both of their own accord.
    losses += [
        Loss(name, changes_meaning=False) for name in ("top_k", "seed") if getattr(sampling, name) is not None
    ]
    # What steers words, or ends or repeats an answer, is not to be had.
    refused = {
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": sampling.logit_bias,
        "stop": asked.stop,
        "n": asked.choices > 1,
    }
    losses += [Loss(name, changes_meaning=True) for name, value in refused.items() if value]

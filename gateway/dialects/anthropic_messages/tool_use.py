"""Tools and the choice among them, both ways."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.anthropic_messages.blocks import BlockReader
from gateway.dialects.anthropic_messages.fields import Fields
from gateway.dialects.conversation import (
    Conversation,
    DialectName,
    NativeTool,
    Tool,
    ToolChoice,
    ToolUse,
)
from gateway.dialects.dialect import Loss, bad_field

# The day from which a tool of Anthropic's behaves so, at the end of its type: `web_search_20250305`.
_VERSION = re.compile(r"_\d{8}\Z")
MOST_OF_NAME = 128
_NAME = re.compile(rf"[a-zA-Z0-9_-]{{1,{MOST_OF_NAME}}}")
# A freeform tool is told as a function of this one text.
_FREEFORM_FIELD = "input"
_USES = {"auto": ToolUse.AUTO, "any": ToolUse.REQUIRED, "tool": ToolUse.REQUIRED, "none": ToolUse.NONE}


def read_tools(body: Fields, blocks: BlockReader) -> list[Tool | NativeTool]:
    """The tools that may be called. Raises InvalidRequest."""
    items = body.items("tools") or []
    return [_read_tool(Fields.of(each, f"tools.{index}"), blocks) for index, each in enumerate(items)]


def _read_tool(tool: Fields, blocks: BlockReader) -> Tool | NativeTool:
    kind = tool.text("type")
    if kind is not None and kind != "custom":
        blocks.cache_ttl(tool)
        return NativeTool(DialectName.ANTHROPIC_MESSAGES, _VERSION.sub("", kind), tool.values, path=tool.path)
    known = ("type", "name", "description", "input_schema", "strict", "cache_control")
    # When definitions are loaded and how arguments are cut into events changes no answer.
    harmless = ("defer_loading", "eager_input_streaming")
    others = tool.others(known)
    for other in others:
        other.is_harmless = other.path.rpartition(".")[2] in harmless
        if other.path != tool.at("allowed_callers") or other.value != ["direct"]:
            blocks.other.append(other)
    return Tool(
        tool.name("name"),
        tool.text("description"),
        tool.required_object("input_schema").values,
        tool.flag("strict"),
        cache_ttl=blocks.cache_ttl(tool),
        path=tool.path,
    )


def read_tool_choice(body: Fields) -> tuple[ToolChoice | None, bool | None]:
    """The choice of a tool, and whether several may be called at once. Raises InvalidRequest."""
    choice = body.object("tool_choice")
    if choice is None:
        return None, None
    kind = choice.required_choice("type", _USES)
    names = (choice.name("name"),) if kind == "tool" else ()
    disabled = choice.flag("disable_parallel_tool_use")
    unknown = next(choice.others(("type", "name", "disable_parallel_tool_use")), None)
    if unknown is not None:
        raise bad_field(unknown.path, _("is not a field of tool_choice"))
    return ToolChoice(_USES[kind], names, path=choice.path), None if disabled is None else not disabled


def write_tools(asked: Conversation, losses: list[Loss]) -> list[dict[str, Any]]:
    """The tools that are offered: only those that the choice allows, where it forces no single one."""
    choice = asked.tool_choice
    offered = frozenset(choice.names if choice is not None and _forced_tool(choice) is None else ())
    tools = [tool for tool in asked.tools if not offered or _name_of(tool) in offered]
    written = [_write_tool(tool, losses) for tool in tools]
    return [tool for tool in written if tool is not None]


def _forced_tool(choice: ToolChoice) -> str | None:
    """The one tool that must be called; None where there is a choice."""
    return choice.names[0] if choice.use is ToolUse.REQUIRED and len(choice.names) == 1 else None


def _offered_name(name: str, tools: Iterable[Tool | NativeTool]) -> str:
    named = (tool for tool in tools if isinstance(tool, Tool) and tool.name == name)
    return next((flat_name(tool.name, tool.namespace) for tool in named), name)


def _name_of(tool: Tool | NativeTool) -> object:
    return tool.name if isinstance(tool, Tool) else tool.values.get("name")


def _write_tool(tool: Tool | NativeTool, losses: list[Loss]) -> dict[str, Any] | None:
    if isinstance(tool, NativeTool):
        if tool.dialect is DialectName.ANTHROPIC_MESSAGES:
            return dict(tool.values)
        losses.append(Loss(tool.path, changes_meaning=True))
        return None
    name = flat_name(tool.name, tool.namespace)
    if not _NAME.fullmatch(name):
        # The model would call it by another name than the caller knows.
        losses.append(Loss(f"{tool.path}.name", changes_meaning=True))
        return None
    written: dict[str, Any] = {"name": name}
    if tool.description is not None:
        written["description"] = tool.description
    written["input_schema"] = _one_text(tool.format) if tool.freeform else _input_schema(tool.parameters)
    if tool.freeform and tool.format is not None and tool.format.get("type") != "text":
        # The model is told of the grammar, but not held to it.
        losses.append(Loss(f"{tool.path}.format", changes_meaning=False))
    if tool.strict is not None and not tool.freeform:
        written["strict"] = tool.strict
    if tool.cache_ttl is not None:
        written["cache_control"] = cache_control(tool.cache_ttl)
    return written


def flat_name(name: str, namespace: str | None) -> str:
    """The one name of a tool where there are no namespaces; the caller's dialect finds the tool again by it."""
    return name if namespace is None else f"{namespace}__{name}"


def freeform_input(text: str) -> dict[str, str]:
    """The arguments of a function that stands for a freeform tool, whose caller takes the text out again."""
    return {_FREEFORM_FIELD: text}


def _one_text(grammar: Mapping[str, Any] | None) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    if grammar is not None and isinstance(grammar.get("definition"), str):
        text["description"] = f"Follows this {grammar.get('syntax', '')} grammar:\n{grammar['definition']}"
    return {"type": "object", "properties": {_FREEFORM_FIELD: text}, "required": [_FREEFORM_FIELD]}


def _input_schema(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """A schema as Anthropic wants it: it must say that it is one of an object."""
    if not parameters:
        return {"type": "object", "properties": {}}
    return dict(parameters) if parameters.get("type") is not None else {"type": "object", **parameters}


def write_tool_choice(
    asked: Conversation, tools: Sequence[Mapping[str, Any]], losses: list[Loss]
) -> dict[str, Any]:
    """The body's `tool_choice`, or no field at all where there is nothing to choose."""
    choice = asked.tool_choice
    one_at_a_time = asked.parallel_tool_calls is False
    if not tools:
        if choice is not None and choice.use is ToolUse.REQUIRED:
            losses.append(Loss(choice.path, changes_meaning=True))
        return {}
    if choice is None and not one_at_a_time:
        return {}
    use = ToolUse.AUTO if choice is None else choice.use
    if use is ToolUse.NONE:
        return {"tool_choice": {"type": "none"}}
    written: dict[str, Any] = {"type": "auto" if use is ToolUse.AUTO else "any"}
    if choice is not None and (name := _forced_tool(choice)) is not None:
        written = {"type": "tool", "name": _offered_name(name, asked.tools)}
    if asked.parallel_tool_calls is not None:
        written["disable_parallel_tool_use"] = one_at_a_time
    return {"tool_choice": written}


def called_tools(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tools that were called in these messages, with any arguments.

    Anthropic takes no such messages without definitions, while others do where nothing is to be called any more.
    """
    blocks = [block for message in messages for block in message["content"]]
    if not any(block.get("type") in ("tool_use", "tool_result") for block in blocks):
        return []
    names = [block["name"] for block in blocks if block.get("type") == "tool_use"] or ["tool"]
    return [{"name": name, "input_schema": _input_schema(None)} for name in dict.fromkeys(names)]


def cache_control(ttl: str) -> dict[str, str]:
    """A cache mark. Five minutes are what it means where it says nothing."""
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}

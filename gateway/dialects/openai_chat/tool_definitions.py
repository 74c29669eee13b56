"""Tools and which of them may be called, read from a request and written into one."""

from collections.abc import Iterable, Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import DialectName, NativeTool, OtherField, Tool, ToolChoice, ToolUse
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.openai_chat.fields import (
    Json,
    as_object,
    flag_at,
    leftovers,
    missing,
    object_at,
    objects_at,
    one_of_at,
    required_object_at,
    required_text_at,
    text_at,
    within,
)
from gateway.dialects.openai_chat.parts import CACHE_MARKS, cache_ttl_of
from gateway.dialects.openai_chat.spelling import Spelling, name_in_namespace, one_text

MOST_TOOLS = 1000
USES = tuple(use.value for use in ToolUse)


def read_tools(values: Json, other: list[OtherField]) -> list[Tool | NativeTool]:
    """The tools, and the functions of the older field; what has no place in them is added to `other`."""
    tools: list[Tool | NativeTool] = []
    for path, tool in objects_at(values, "tools", most=MOST_TOOLS):
        kind = required_text_at(tool, "type", path)
        if kind == "function":
            function = required_object_at(tool, "function", path)
            tools.append(_read_function(function, path, within(path, "function"), other))
        elif kind == "custom":
            tools.append(_read_custom(required_object_at(tool, "custom", path), path, other))
        else:
            tools.append(NativeTool(DialectName.OPENAI_CHAT, kind, dict(tool), path=path))
            continue
        read = tools[-1]
        assert isinstance(read, Tool)
        read.cache_ttl = cache_ttl_of(tool, path) or cache_ttl_of(
            as_object(tool[kind], path), within(path, kind)
        )
        other += leftovers(tool, ("type", kind, *CACHE_MARKS), path)
    for path, function in objects_at(values, "functions", most=MOST_TOOLS):
        tools.append(_read_function(function, path, path, other))
    return tools


def _read_function(function: Json, path: str, inner: str, other: list[OtherField]) -> Tool:
    other += leftovers(function, ("name", "description", "parameters", "strict", *CACHE_MARKS), inner)
    return Tool(
        name=required_text_at(function, "name", inner),
        description=text_at(function, "description", inner),
        parameters=object_at(function, "parameters", inner),
        strict=flag_at(function, "strict", inner),
        path=path,
    )


def _read_custom(custom: Json, path: str, other: list[OtherField]) -> Tool:
    inner = within(path, "custom")
    other += leftovers(custom, ("name", "description", "format", *CACHE_MARKS), inner)
    return Tool(
        name=required_text_at(custom, "name", inner),
        description=text_at(custom, "description", inner),
        freeform=True,
        format=_read_format(object_at(custom, "format", inner), within(inner, "format")),
        path=path,
    )


def _read_format(values: Json | None, path: str) -> dict[str, Any] | None:
    """The grammar of a text, without the level that only chat puts around it; None where any text will do."""
    if values is None or one_of_at(values, "type", path, ("text", "grammar")) in (None, "text"):
        return None
    grammar, inner = required_object_at(values, "grammar", path), within(path, "grammar")
    syntax = one_of_at(grammar, "syntax", inner, ("lark", "regex"))
    if syntax is None:
        raise missing(within(inner, "syntax"))
    return {"type": "grammar", "syntax": syntax, "definition": required_text_at(grammar, "definition", inner)}


def read_tool_choice(values: Json) -> ToolChoice | None:
    """`tool_choice`, or the older `function_call`."""
    name = "function_call" if values.get("tool_choice") is None else "tool_choice"
    asked = values.get(name)
    if asked is None:
        return None
    if isinstance(asked, str):
        one_of_at(values, name, "", USES)
        return ToolChoice(ToolUse(asked), path=name)
    choice = as_object(asked, name)
    if name == "function_call":
        return ToolChoice(ToolUse.REQUIRED, (required_text_at(choice, "name", name),), path=name)
    kind = required_text_at(choice, "type", name)
    if kind == "allowed_tools":
        return _read_allowed(required_object_at(choice, kind, name), within(name, kind))
    return ToolChoice(ToolUse.REQUIRED, (_named(choice, name),), path=name)


def _read_allowed(allowed: Json, path: str) -> ToolChoice:
    mode = one_of_at(allowed, "mode", path, ("auto", "required"))
    if mode is None:
        raise missing(within(path, "mode"))
    names = tuple(_named(tool, place) for place, tool in objects_at(allowed, "tools", path, MOST_TOOLS))
    if not names:
        raise bad_field(within(path, "tools"), _("must not be empty"))
    return ToolChoice(ToolUse(mode), names, path="tool_choice")


def _named(choice: Json, path: str) -> str:
    """The name in a reference to a tool."""
    kind = one_of_at(choice, "type", path, ("function", "custom"))
    if kind is None:
        raise missing(within(path, "type"))
    return required_text_at(required_object_at(choice, kind, path), "name", within(path, kind))


def write_tools(
    tools: Iterable[Tool | NativeTool], choice: ToolChoice | None, losses: list[Loss], spelling: Spelling
) -> dict[str, Any]:
    """The fields that tell of tools.

    Where only some may be called, only those are offered: few servers know `allowed_tools`.
    """
    names = frozenset(() if choice is None else choice.names)
    is_one = choice is not None and choice.use is ToolUse.REQUIRED and len(choice.names) == 1
    offered = [
        tool for tool in tools if not names or is_one or (isinstance(tool, Tool) and tool.name in names)
    ]
    written = [each for tool in offered if (each := _write_tool(tool, losses, spelling)) is not None]
    values: dict[str, Any] = {"tools": written} if written else {}
    if choice is None:
        return values
    if is_one:
        values["tool_choice"] = _write_named(choice.names[0], offered, spelling)
    elif written or choice.use is not ToolUse.NONE:
        values["tool_choice"] = choice.use.value
    return values


def _write_named(name: str, offered: Iterable[Tool | NativeTool], spelling: Spelling) -> dict[str, Any]:
    tool = next((tool for tool in offered if isinstance(tool, Tool) and tool.name == name), Tool(name))
    kind = "custom" if tool.freeform and spelling.custom_tools else "function"
    return {"type": kind, kind: {"name": name_in_namespace(name, tool.namespace)}}


def _write_tool(tool: Tool | NativeTool, losses: list[Loss], spelling: Spelling) -> dict[str, Any] | None:
    """A freeform tool is a function of one text where the upstream knows none but functions."""
    if isinstance(tool, NativeTool):
        if tool.dialect is DialectName.OPENAI_CHAT:
            return dict(tool.values)
        losses.append(Loss(tool.path, changes_meaning=True))
        return None
    is_custom = tool.freeform and spelling.custom_tools
    if tool.cache_ttl is not None or (tool.format is not None and not is_custom):
        # A grammar is told in words, and not enforced.
        losses.append(Loss(tool.path, changes_meaning=False))
    said: dict[str, Any] = {"name": name_in_namespace(tool.name, tool.namespace)}
    if tool.description is not None:
        said["description"] = tool.description
    if is_custom:
        if tool.format is not None:
            said["format"] = _write_format(tool.format)
        return {"type": "custom", "custom": said}
    parameters = one_text(tool.format) if tool.freeform else tool.parameters
    if parameters is not None:
        said["parameters"] = parameters
    if tool.strict is not None:
        said["strict"] = tool.strict
    return {"type": "function", "function": said}


def _write_format(values: Mapping[str, Any]) -> dict[str, Any]:
    if values.get("type") != "grammar":
        return dict(values)
    return {"type": "grammar", "grammar": {name: value for name, value in values.items() if name != "type"}}

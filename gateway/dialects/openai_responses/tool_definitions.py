"""Tools and the choice among them, both ways."""

from collections.abc import Iterable, Sequence
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    DialectName,
    NativeTool,
    Tool,
    ToolChoice,
    ToolUse,
)
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.openai_responses.fields import Fields

MOST_TOOLS = 1000
_HERE = DialectName.OPENAI_RESPONSES
_FUNCTION_FIELDS = ("type", "name", "description", "parameters", "strict")
_CUSTOM_FIELDS = ("type", "name", "description", "format")
# Fields of either kind that do not change what a model is told of a tool.
_SET_ASIDE = ("defer_loading", "allowed_callers", "output_schema")
_NAMED = ("function", "custom")


def read_tools(owner: Fields) -> list[Tool | NativeTool]:
    """The tools of a request or of an item; those of a namespace each by itself. Raises InvalidRequest."""
    tools: list[Tool | NativeTool] = []
    for tool in owner.objects("tools", MOST_TOOLS):
        kind = tool.name("type")
        if kind == "namespace":
            tools += _read_namespace(tool)
        elif kind in _NAMED:
            tools.append(_read_tool(tool))
        else:
            tools.append(NativeTool(_HERE, kind, tool.values, path=tool.path))
    return tools


def _read_namespace(space: Fields) -> list[Tool | NativeTool]:
    name = space.name("name")
    space.set_aside_unknown(("type", "name", "description", "tools"))
    # Each tool says what it does by itself.
    space.set_aside("description", harmless=True)
    tools = []
    for tool in space.objects("tools", MOST_TOOLS):
        if tool.choice("type", _NAMED) is None:
            raise bad_field(tool.at("type"), _("this field is required"))
        tools.append(_read_tool(tool, name))
    return list(tools)


def _read_tool(tool: Fields, namespace: str | None = None) -> Tool:
    freeform = tool.values.get("type") == "custom"
    tool.set_aside_unknown((*(_CUSTOM_FIELDS if freeform else _FUNCTION_FIELDS), *_SET_ASIDE))
    tool.set_aside("defer_loading", harmless=True, nothing=(False,))
    tool.set_aside("output_schema", harmless=True)
    callers = tool.values.get("allowed_callers")
    # One that models may not call themselves would be called by them elsewhere.
    may_be_called = isinstance(callers, list) and "direct" in callers
    tool.set_aside("allowed_callers", harmless=may_be_called, nothing=(["direct"],))
    parameters = None if freeform else tool.object("parameters")
    text_format = tool.object("format") if freeform else None
    if text_format is not None and text_format.choice("type", ("text", "grammar")) != "grammar":
        text_format = None
    return Tool(
        name=tool.name("name"),
        description=tool.text("description"),
        parameters=None if parameters is None else parameters.values,
        strict=None if freeform else tool.flag("strict"),
        freeform=freeform,
        format=None if text_format is None else text_format.values,
        namespace=namespace,
        path=tool.path,
    )


def read_tool_choice(body: Fields, tools: Sequence[Tool | NativeTool]) -> ToolChoice | None:
    """Which tools may or must be called; None where nothing was chosen, or what no other dialect can be told."""
    given, path = body.values.get("tool_choice"), "tool_choice"
    if given is None:
        return None
    if isinstance(given, str):
        use = body.choice(path, [use.value for use in ToolUse])
        return None if use == ToolUse.AUTO else ToolChoice(ToolUse(given), path=path)
    choice = body.inner(given, path)
    kind = choice.name("type")
    if kind == "allowed_tools":
        return _read_allowed(choice, tools)
    if kind not in _NAMED:
        body.set_aside(path, harmless=False)
        return None
    return ToolChoice(ToolUse.REQUIRED, (_known_name(choice, _names_of(tools)),), path=path)


def _read_allowed(choice: Fields, tools: Sequence[Tool | NativeTool]) -> ToolChoice | None:
    use = ToolUse.REQUIRED if choice.choice("mode", ("auto", "required")) == "required" else ToolUse.AUTO
    allowed = choice.objects("tools", MOST_TOOLS)
    if not allowed:
        raise bad_field(choice.at("tools"), _("must not be empty"))
    if any(each.name("type") not in _NAMED for each in allowed):
        # Hosted tools have no names to allow them by.
        choice.set_aside("tools", harmless=False)
        return None
    names = _names_of(tools)
    return ToolChoice(use, tuple(_known_name(each, names) for each in allowed), path=choice.path)


def _names_of(tools: Iterable[Tool | NativeTool]) -> frozenset[str]:
    return frozenset(tool.name for tool in tools if isinstance(tool, Tool))


def _known_name(choice: Fields, names: frozenset[str]) -> str:
    name = choice.name("name")
    if name not in names:
        raise bad_field(choice.at("name"), _("is none of 'tools'"))
    return name


def write_tools(tools: Iterable[Tool | NativeTool], losses: list[Loss]) -> list[dict[str, Any]]:
    """The tools that are offered, those of a namespace together."""
    written: list[dict[str, Any]] = []
    spaces: dict[str, list[dict[str, Any]]] = {}
    for tool in tools:
        if isinstance(tool, NativeTool):
            if tool.dialect is _HERE:
                written.append(dict(tool.values))
            else:
                losses.append(Loss(tool.path, changes_meaning=True))
            continue
        if tool.cache_ttl is not None:
            losses.append(Loss(tool.path, changes_meaning=False))
        if tool.namespace is None:
            written.append(_write_tool(tool))
            continue
        if tool.namespace not in spaces:
            spaces[tool.namespace] = []
            # It must be described; what it was called is all that is known.
            space = {"type": "namespace", "name": tool.namespace, "description": tool.namespace}
            written.append(space | {"tools": spaces[tool.namespace]})
        spaces[tool.namespace].append(_write_tool(tool))
    return written


def _write_tool(tool: Tool) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "custom" if tool.freeform else "function", "name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.freeform:
        return written if tool.format is None else written | {"format": dict(tool.format)}
    parameters = {"type": "object", "properties": {}} if tool.parameters is None else dict(tool.parameters)
    # Where nothing is said, this API makes every parameter a required one; no other does.
    return written | {"parameters": parameters, "strict": bool(tool.strict)}


def write_tool_choice(choice: ToolChoice | None, tools: Iterable[Tool | NativeTool]) -> str | dict[str, Any]:
    """The field `tool_choice`."""
    if choice is None:
        return ToolUse.AUTO.value
    if not choice.names or choice.use is ToolUse.NONE:
        return choice.use.value
    freeform = {tool.name for tool in tools if isinstance(tool, Tool) and tool.freeform}
    named = [{"type": "custom" if name in freeform else "function", "name": name} for name in choice.names]
    if choice.use is ToolUse.REQUIRED and len(named) == 1:
        return dict(named[0])
    return {"type": "allowed_tools", "mode": choice.use.value, "tools": named}

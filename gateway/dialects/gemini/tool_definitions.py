"""Gemini's tools and how they are to be used, read and written."""

from collections.abc import Mapping, Sequence
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    Conversation,
    DialectName,
    NativeTool,
    OtherField,
    Tool,
    ToolChoice,
    ToolUse,
)
from gateway.dialects.dialect import Loss, bad_field
from gateway.dialects.gemini.fields import Fields
from gateway.dialects.gemini.generation import Abilities
from gateway.dialects.gemini.schemas import json_schema_of, openapi_of

# What a function gives back is told to the model as help; other dialects have descriptions for that.
_HARMLESS = frozenset({"response", "responseJsonSchema"})
_MODES = ("AUTO", "ANY", "NONE", "VALIDATED")


def read_tools(body: Fields, other: list[OtherField]) -> list[Tool | NativeTool]:
    """The tools of a request; `other` gets what no other dialect could be told of them. Raises InvalidRequest."""
    tools: list[Tool | NativeTool] = []
    path = body.path_of("tools")
    for index, values in enumerate(body.items("tools")):
        tool = Fields(values, f"{path}.{index}")
        functions_path = tool.path_of("functionDeclarations")
        for position, declared in enumerate(tool.items("functionDeclarations")):
            function = Fields(declared, f"{functions_path}.{position}")
            tools.append(_function(function))
            other += function.left_over(_HARMLESS)
        for kind in tool.names():
            where = tool.path_of(kind)
            tools.append(NativeTool(DialectName.GEMINI, kind, {kind: tool.take(kind)}, path=where))
    return tools


def _function(function: Fields) -> Tool:
    name, description = function.required_string("name"), function.string("description")
    schema_path, schema = function.path_of("parameters"), function.take("parameters")
    json_path, json_schema = function.path_of("parametersJsonSchema"), function.take("parametersJsonSchema")
    if schema is not None and json_schema is not None:
        raise bad_field(
            json_path, _("give either %(one)s or %(other)s"), one="parameters", other="parametersJsonSchema"
        )
    if json_schema is None:
        json_path, json_schema = schema_path, json_schema_of(schema)
    if json_schema is not None and not isinstance(json_schema, Mapping):
        raise bad_field(json_path, _("expected an object"))
    return Tool(name=name, description=description, parameters=json_schema, path=function.path)


def read_tool_choice(body: Fields, other: list[OtherField]) -> ToolChoice | None:
    """Whether tools are to be called. Raises InvalidRequest."""
    config = body.inner("toolConfig")
    if config is None:
        return None
    calling = config.inner("functionCallingConfig")
    if config.has("includeServerSideToolInvocations"):
        config.boolean(
            "includeServerSideToolInvocations"
        )  # only says what the answer shows of Google's tools
    other += config.left_over()
    if calling is None:
        return None
    mode = calling.word("mode", _MODES)
    names = calling.strings("allowedFunctionNames")
    other += calling.left_over(frozenset({"streamFunctionCallArguments"}))
    if mode == "NONE":
        return ToolChoice(ToolUse.NONE, path=calling.path)
    if mode == "VALIDATED" and not names:
        other.append(OtherField(calling.path_of("mode"), mode, is_harmless=True))
    if mode is None and not names:
        return None
    return ToolChoice(ToolUse.REQUIRED if mode == "ANY" else ToolUse.AUTO, names, path=calling.path)


def write_tools(asked: Conversation, abilities: Abilities, losses: list[Loss]) -> dict[str, Any]:
    """`tools` and `toolConfig`, as far as there are any; `losses` gets what Gemini cannot be told."""
    functions: list[dict[str, Any]] = []
    native: list[dict[str, Any]] = []
    for tool in asked.tools:
        if isinstance(tool, NativeTool):
            if tool.dialect is DialectName.GEMINI:
                native.append(dict(tool.values))
            else:
                losses.append(Loss(tool.path, True))
        else:
            functions.append(_declaration(tool, abilities))
            # Google keeps a prompt by itself; its models follow a schema without being told to, but no grammar.
            if tool.cache_ttl is not None or tool.strict or tool.format:
                losses.append(Loss(tool.path, False))
    written: dict[str, Any] = {}
    if functions or native:
        written["tools"] = [*([{"functionDeclarations": functions}] if functions else []), *native]
    if functions and asked.parallel_tool_calls is False:
        losses.append(Loss("parallel_tool_calls", True))
    choice = asked.tool_choice
    if functions and choice is not None:
        written["toolConfig"] = {"functionCallingConfig": _calling(choice, asked.tools)}
    elif native and choice is not None and choice.use is not ToolUse.AUTO:
        losses.append(Loss(choice.path, True))  # only functions can be asked for or ruled out
    return written


def name_in_namespace(name: str, namespace: str | None) -> str:
    """The one name that a tool has where there are no namespaces; whoever has them finds it again by this."""
    return name if namespace is None else f"{namespace}__{name}"


def _declaration(tool: Tool, abilities: Abilities) -> dict[str, Any]:
    """A function; a freeform tool is one of a single text, `input`."""
    written: dict[str, Any] = {"name": name_in_namespace(tool.name, tool.namespace)}
    if tool.description is not None:
        written["description"] = tool.description
    parameters = _one_text(tool.format) if tool.freeform else tool.parameters
    if parameters:
        schema = None if abilities.takes_json_schema else openapi_of(parameters)
        if schema is None:
            written["parametersJsonSchema"] = parameters
        else:
            written["parameters"] = schema
    return written


def _one_text(grammar: Mapping[str, Any] | None) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    if grammar is not None and isinstance(grammar.get("definition"), str):
        text["description"] = f"Follows this {grammar.get('syntax', '')} grammar:\n{grammar['definition']}"
    return {"type": "object", "properties": {"input": text}, "required": ["input"]}


def _calling(choice: ToolChoice, tools: Sequence[Tool | NativeTool]) -> dict[str, Any]:
    mode = {ToolUse.AUTO: "AUTO", ToolUse.NONE: "NONE", ToolUse.REQUIRED: "ANY"}[choice.use]
    if choice.use is ToolUse.NONE or not choice.names:
        return {"mode": mode}
    # Names go with these two modes alone.
    mode = "VALIDATED" if choice.use is ToolUse.AUTO else mode
    written = {
        tool.name: name_in_namespace(tool.name, tool.namespace) for tool in tools if isinstance(tool, Tool)
    }
    return {"mode": mode, "allowedFunctionNames": [written.get(name, name) for name in choice.names]}

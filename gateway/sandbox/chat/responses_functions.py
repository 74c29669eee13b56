"""The tools of a Responses request: functions and freeform ones, in namespaces or without, and the choice among them.

Tools of other kinds are not offered to the model: nothing here runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from gateway.sandbox.chat import stream
from gateway.sandbox.chat.answer import ToolCall
from gateway.sandbox.wire import Json, Refusal, Text

# What a freeform tool's text is called where the chat has but functions.
_FREEFORM = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


def offered(body: dict[str, Json]) -> list[dict[str, Json]]:
    """The tools that may be called, each with the `namespace` that it stands in."""
    tools = list(_flat(body.get("tools") or []))
    given = body.get("input")
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and item.get("type") == "additional_tools":
            tools += _flat(item.get("tools") or [])
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = [tool.get("name") for tool in choice.get("tools") or () if isinstance(tool, dict)]
        return [tool for tool in tools if tool.get("name") in allowed]
    return tools


def _flat(tools: Json, namespace: Json = None) -> Iterator[dict[str, Json]]:
    if not isinstance(tools, list):
        raise Refusal(400, "Invalid 'tools': expected an array.")
    for tool in tools:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "namespace":
            yield from _flat(tool.get("tools") or [], tool.get("name"))
        elif kind in ("function", "custom"):
            yield {**tool, "namespace": namespace}


def as_functions(body: dict[str, Json]) -> list[Json]:
    """The tools as the chat's."""
    return [
        {"type": "function", "function": {**tool, "parameters": _FREEFORM} if _is_freeform(tool) else tool}
        for tool in offered(body)
    ]


def chosen(body: dict[str, Json]) -> Json:
    """The choice among them as the chat's."""
    choice: Json = body.get("tool_choice") or "auto"
    if choice in ("none", "auto", "required"):
        return choice
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        return choice.get("mode")
    is_named = isinstance(choice, dict) and choice.get("type") in ("function", "custom")
    name = choice.get("name") if is_named else None
    if name not in [tool.get("name") for tool in offered(body)]:
        raise Refusal(400, f"Tool choice '{name}' not found in 'tools' parameter.")
    return {"type": "function", "function": {"name": name}}


def repeated(body: dict[str, Json]) -> list[Json]:
    """The functions of the request's own list, as an answer shows them."""
    return [
        {"type": "function", "name": tool.get("name"), "description": tool.get("description"),
         "parameters": tool.get("parameters"), "strict": tool.get("strict", True)}
        for tool in offered({"tools": body.get("tools"), "tool_choice": body.get("tool_choice")})
        if not _is_freeform(tool)
    ]  # fmt: skip


def call_item(
    call: ToolCall, tools: list[dict[str, Json]]
) -> tuple[dict[str, Json], dict[str, Json], list[tuple[dict[str, Json], Text | None]]]:
    """A call as an output item: how it begins, what it is whole, and the events in between."""
    tool: dict[str, Json] = next((tool for tool in tools if tool.get("name") == call.name), {})
    if _is_freeform(tool):
        kind, field, prefix, name = "custom_tool_call", "input", "ctc_", "response.custom_tool_call_input"
        said = str(orjson.loads(call.arguments).get("input", ""))
    else:
        kind, field, prefix = "function_call", "arguments", "fc_"
        name, said = "response.function_call_arguments", call.arguments
    item_id = call.id.replace("call_", prefix)
    start: dict[str, Json] = {"id": item_id, "type": kind, "status": "in_progress", "call_id": call.id,
                              "name": call.name, field: ""}  # fmt: skip
    if tool.get("namespace"):
        start["namespace"] = tool["namespace"]
    events: list[tuple[dict[str, Json], Text | None]] = [
        ({"type": f"{name}.delta", "item_id": item_id, "delta": piece}, Text(tool=piece))
        for piece in stream.fragments(said)
    ]
    events.append(({"type": f"{name}.done", "item_id": item_id, field: said}, None))
    return start, start | {"status": "completed", field: said}, events


def _is_freeform(tool: dict[str, Json]) -> bool:
    return tool.get("type") == "custom"

"""What only some servers of this dialect take, and how tools that most do not know are told to them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from gateway.dialects.conversation import NativeTool, Tool, ToolCall


class Spelling(NamedTuple):
    """How a request is written; as it stands, most servers take it.

    `cache_marks`: Anthropic's marks on parts (OpenRouter, LiteLLM; OpenAI refuses them). `thoughts`: earlier thoughts
    in `reasoning_content` and `reasoning_details` (DeepSeek wants the first, OpenRouter the second; Groq and Mistral
    refuse both). `custom_tools`: tools that take any text (OpenAI alone).
    """

    cache_marks: bool = False
    thoughts: bool = True
    custom_tools: bool = False


def name_in_namespace(name: str, namespace: str | None) -> str:
    """The one name that a tool has where there are no namespaces; whoever has them finds it again by this."""
    return name if namespace is None else f"{namespace}__{name}"


def one_text(grammar: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters of a function that stands for a freeform tool: one text, `input`."""
    text: dict[str, Any] = {"type": "string"}
    if grammar is not None and isinstance(grammar.get("definition"), str):
        text["description"] = f"Follows this {grammar.get('syntax', '')} grammar:\n{grammar['definition']}"
    return {"type": "object", "properties": {"input": text}, "required": ["input"]}


def spelled_call(call: ToolCall, spelling: Spelling) -> ToolCall:
    """An earlier call as the upstream knows its tool."""
    call = replace(call, name=name_in_namespace(call.name, call.namespace), namespace=None)
    if call.freeform and not spelling.custom_tools:
        arguments = json.dumps({"input": call.arguments}, ensure_ascii=False)
        call = replace(call, arguments=arguments, freeform=False)
    return call


def freeform_names(tools: Iterable[Tool | NativeTool]) -> frozenset[str]:
    """The names of the caller's tools that take any text."""
    return frozenset(tool.name for tool in tools if isinstance(tool, Tool) and tool.freeform)


def unwrapped_text(arguments: str) -> str:
    """The text of a freeform tool's call that came as a function's, of one text; any other as it came."""
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    texts = list(values.values()) if isinstance(values, dict) else []
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else arguments

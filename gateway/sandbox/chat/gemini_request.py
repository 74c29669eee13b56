"""A request of Google's as the chat's own body; what Google would refuse is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from gateway.sandbox.wire import Json, Refusal

MAX_CANDIDATES = 8
_ROLES = {"user": "user", "model": "assistant", "function": "user"}
_CHOICES = {"MODE_UNSPECIFIED": None, "AUTO": None, "VALIDATED": None, "ANY": "required", "NONE": "none"}
# Values and not schemas, whatever their keys look like.
_SCHEMA_VALUES = frozenset({"enum", "default", "example"})
_USUAL_BASE64 = str.maketrans("-_", "+/")
_AFTER_UNDERSCORE = re.compile(r"_([a-z])")
# Objects whose names are the caller's.
_CALLERS_OWN = frozenset(
    {
        "args",
        "labels",
        "parameters",
        "parametersJsonSchema",
        "response",
        "responseJsonSchema",
        "responseSchema",
    }
)
_UNSEEN_PARTS = ("functionCall", "executableCode", "codeExecutionResult")


def as_chat(body: dict[str, Json], model: str) -> dict[str, Json]:
    """The body as the chat's: texts and images of every turn, functions and the choice among them."""
    body = in_camel_case(body)
    asked: dict[str, Json] = {"model": model, "messages": prompt_messages(body)}
    _add_tools(asked, body)
    config = inner(body, "generationConfig")
    asked["max_tokens"] = _whole(config, "maxOutputTokens")
    asked["n"] = _whole(config, "candidateCount", MAX_CANDIDATES)
    thinking = inner(config, "thinkingConfig")
    if thinking.get("includeThoughts") is True:
        asked["include_thoughts"] = True
    if thinking.get("thinkingBudget") == 0:
        asked["reasoning_effort"] = "none"
    schema = config.get("responseJsonSchema") or _lower_types(config.get("responseSchema"))
    if schema:
        asked["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    elif config.get("responseMimeType") == "application/json":
        asked["response_format"] = {"type": "json_object"}
    return asked


def in_camel_case(values: dict[str, Json]) -> dict[str, Json]:
    """The same with names in camel case: Google takes `mime_type` too, and its own client sends it."""
    cased: dict[str, Json] = {}
    for name, value in values.items():
        name = _AFTER_UNDERSCORE.sub(lambda found: found[1].upper(), name)
        cased[name] = value if name in _CALLERS_OWN else _cased(value)
    return cased


def _cased(value: Json) -> Json:
    if isinstance(value, list):
        return [_cased(item) for item in value]
    return in_camel_case(value) if isinstance(value, dict) else value


def prompt_messages(body: dict[str, Json]) -> list[Json]:
    """The system instruction and the turns as the chat's messages."""
    messages: list[Json] = []
    instruction = inner(body, "systemInstruction")
    if instruction:
        parts = _objects(instruction, "parts")
        messages.append({"role": "system", "content": "\n".join(str(part.get("text", "")) for part in parts)})
    contents = _objects(body, "contents")
    if not contents:
        raise Refusal(400, "* GenerateContentRequest.contents: contents is not specified")
    for index, content in enumerate(contents):
        role = _ROLES.get(str(content.get("role") or "user"))
        if role is None:
            raise Refusal(400, "Please use a valid role: user, model.")
        parts = _objects(content, "parts")
        if not parts:
            raise Refusal(
                400, f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty."
            )
        messages += _turn(role, parts)
    return messages


def inner(values: dict[str, Json], name: str) -> dict[str, Json]:
    """The object in `values[name]`, empty where absent; refused where it is anything else."""
    value = values.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"Invalid value at '{name}': expected an object")
    return value


def _objects(values: dict[str, Json], name: str) -> list[dict[str, Json]]:
    value = values.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refusal(400, f"Invalid value at '{name}': expected a list of objects")
    return value


def _whole(config: dict[str, Json], name: str, highest: int | None = None) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refusal(400, f"Invalid value at 'generationConfig.{name}': expected a positive whole number")
    if highest is not None and value > highest:
        raise Refusal(400, f"Invalid value at 'generationConfig.{name}': at most {highest}")
    return value


def _turn(role: str, parts: list[dict[str, Json]]) -> Iterator[Json]:
    """The messages of one turn: each function's response by itself, then what is said and shown."""
    shown: list[Json] = []
    is_response = False
    for part in parts:
        if part.get("thought") is True or any(kind in part for kind in _UNSEEN_PARTS):
            continue
        if "text" in part:
            shown.append({"type": "text", "text": part["text"]})
        elif "inlineData" in part or "fileData" in part:
            shown += _images(part)
        elif "functionResponse" in part:
            is_response = True
            response = inner(part, "functionResponse").get("response")
            yield {"role": "tool", "content": orjson.dumps(response or {}).decode("utf-8")}
        else:
            raise Refusal(400, f"Unknown part: {', '.join(part) or 'no field is set'}")
    if shown or not is_response:
        yield {"role": role, "content": shown}


def _images(part: dict[str, Json]) -> Iterator[Json]:
    """The part's image; any other file counts for nothing, as documents do in the other dialects."""
    data, file = inner(part, "inlineData"), inner(part, "fileData")
    media_type = str(data.get("mimeType") or file.get("mimeType") or "")
    if data and not media_type:
        raise Refusal(400, "Invalid value at 'inlineData': mimeType is required")
    if media_type and not media_type.startswith("image/"):
        return
    url = file.get("fileUri")
    if data:
        # Google's own clients write base64 for addresses, and Google takes either.
        url = f"data:{media_type};base64,{str(data.get('data')).translate(_USUAL_BASE64)}"
    yield {"type": "image_url", "image_url": {"url": url}}


def _add_tools(asked: dict[str, Json], body: dict[str, Json]) -> None:
    """Add the functions that may be called, and whether one must be."""
    declared = [
        declaration
        for tool in _objects(body, "tools")
        for declaration in _objects(tool, "functionDeclarations")
    ]
    calling = inner(inner(body, "toolConfig"), "functionCallingConfig")
    mode = calling.get("mode") or "MODE_UNSPECIFIED"
    if mode not in _CHOICES:
        raise Refusal(400, "Invalid value at 'toolConfig.functionCallingConfig.mode'")
    allowed = calling.get("allowedFunctionNames")
    if allowed is not None and not isinstance(allowed, list):
        raise Refusal(400, "Invalid value at 'allowedFunctionNames': expected a list of names")
    if allowed:
        if mode not in ("ANY", "VALIDATED"):
            raise Refusal(400, "allowedFunctionNames go with the modes ANY and VALIDATED only")
        declared = [declaration for declaration in declared if declaration.get("name") in allowed]
        if not declared:
            raise Refusal(400, "allowedFunctionNames must be among the functionDeclarations")
    asked["tools"] = [
        {
            "type": "function",
            "function": {
                "name": declaration.get("name"),
                "parameters": declaration.get("parametersJsonSchema")
                or _lower_types(declaration.get("parameters")),
            },
        }
        for declaration in declared
    ]
    asked["tool_choice"] = _CHOICES[mode]


def _lower_types(schema: Json) -> Json:
    """Google's schema as JSON Schema: types are written in capitals there."""
    if isinstance(schema, list):
        return [_lower_types(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    lowered: dict[str, Json] = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            lowered[name] = value.lower()
        else:
            lowered[name] = value if name in _SCHEMA_VALUES else _lower_types(value)
    return lowered

"""OpenAI chat completions: the request is read, and the same request always gets the same answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose, script, stream, tokens
from gateway.sandbox.chat.answer import CREATED, Choice, Completion, ToolCall, nested
from gateway.sandbox.magic import without_magic
from gateway.sandbox.sync import vision
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Route, Text, json_reply

MODELS = ("sbx-chat", "sbx-fast", "sbx-vision", "sbx-embed", "sbx-rerank", "sbx-tts", "sbx-stt", "sbx-image",
          "sbx-timeout", "sbx-fail")  # fmt: skip
MAX_CHOICES = 16


@dataclass(slots=True)
class Prompt:
    """What was asked: the text that counts, the last user text, and the images seen."""

    bytes: int = 0
    last_user: str = ""
    images: list[str] = field(default_factory=list)
    last_role: str = ""
    last_text: str = ""
    # How many results of tools follow the message that has a script in it.
    steps_done: int = 0


def routes() -> list[Route]:
    """The OpenAI chat surface."""
    return [
        Route("POST", "/v1/chat/completions", complete, dialects.openai),
        Route("GET", "/v1/models", models, dialects.openai),
    ]


def models(call: Call) -> Answer:
    """The model list; any other model name is accepted too."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "sandbox"} for name in MODELS]
    return json_reply({"object": "list", "data": data})


def complete(call: Call) -> Answer:
    """Answer a chat request, as JSON or as a stream."""
    body = call.json()
    options = body.get("stream_options")
    if options is not None and not (isinstance(options, dict) and body.get("stream")):
        raise Refusal(400, "stream_options must be an object, and only when stream is true")
    completion = answer_for(body, call)
    if body.get("stream"):
        return stream.stream(completion, bool((options or {}).get("include_usage")), call.magic)
    document = {
        "id": completion.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": completion.model,
        "system_fingerprint": "fp_sandbox",
        "choices": [_choice_json(index, choice) for index, choice in enumerate(completion.choices)],
    }
    if completion.usage is not None:
        document["usage"] = completion.usage
    reply = json_reply(document, text=completion.reads)
    if "nested" in call.magic:
        reply.body = reply.body[:-1] + b',"nested":' + nested(call.magic) + b"}"
    return reply


def answer_for(body: dict[str, Json], call: Call) -> Completion:
    """The answer to `body`: it depends on the messages, the model and the options that shape it."""
    prompt = read_prompt(body.get("messages"))
    model = str(body.get("model") or "sbx-chat")
    wanted = _whole(body, "n", 1, MAX_CHOICES) or 1
    limit = _whole(body, "max_completion_tokens", 1) or _whole(body, "max_tokens", 1)
    choices: list[Choice] = []
    if "empty_choices" not in call.magic:
        for index in range(wanted):
            seed = prose.digest(model, prompt.last_user, prompt.last_text, str(index))
            choice = _choice(body, prompt, seed, call)
            if limit is not None:
                _shorten(choice, limit)
            choices.append(choice)
    reads = Text()
    for text in (choice.text() for choice in choices):
        reads.content += text.content
        reads.reasoning += text.reasoning
        reads.tool += text.tool
    name = "chatcmpl-" + prose.digest(call.body).hex()[:24]
    return Completion(name, model, choices, usage_of(prompt, reads, call), reads)


def read_prompt(messages: Json) -> Prompt:
    """Count and keep what the messages say; refuses what no upstream would accept."""
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages must be a non-empty array")
    prompt = Prompt()
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Refusal(400, "each message must be an object with a role")
        text = _message_text(message.get("content"), prompt)
        prompt.last_role, prompt.last_text = message["role"], text
        if message["role"] == "user":
            prompt.last_user = text
        if script.begins_in(text):
            prompt.steps_done = 0
        elif message["role"] == "tool":
            prompt.steps_done += 1
    return prompt


def prompt_tokens(prompt: Prompt) -> int:
    """What the prompt is counted as."""
    return tokens.tokens_in_bytes(prompt.bytes) + tokens.IMAGE_TOKENS * len(prompt.images)


def _message_text(content: Json, prompt: Prompt) -> str:
    """The text of one message, added to the prompt's count; its images are added as they come."""
    if content is None:
        return ""
    if isinstance(content, str):
        prompt.bytes += tokens.utf8_length(content)
        return content
    if not isinstance(content, list):
        raise Refusal(400, "content must be a string or an array of parts")
    texts: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url":
            prompt.images.append(vision.describe(part.get("image_url")))
        else:
            raise Refusal(400, f"unsupported content part: {kind}")
    text = "\n".join(texts)
    prompt.bytes += sum(map(tokens.utf8_length, texts))
    return text


def _choice(body: dict[str, Json], prompt: Prompt, seed: bytes, call: Call) -> Choice:
    """One whole choice, before any limit."""
    choice = Choice("")
    effort = body.get("reasoning_effort")
    if effort != "none" and body.get("include_thoughts", bool(effort)):
        choice.reasoning = prose.reasoning(without_magic(prompt.last_user), seed)
    step = script.step_at(call.magic, prompt.steps_done)
    tool = _scripted_call(step, prompt, body) or _tool_to_call(body, prompt, call, seed)
    if tool is not None:
        choice.tools.append(tool)
        choice.finish = "tool_calls"
        return choice
    if step is not None and step.text:
        choice.content = step.text
    elif "text" in call.magic:
        choice.content = call.magic["text"]
    elif "tokens" in call.magic:
        choice.content = tokens.filler(call.magic.integer("tokens", 1))
    elif prompt.images:
        choice.content = " ".join(prompt.images)
    else:
        choice.content = prose.echo(prompt.last_user or prompt.last_text, seed)
    wanted = body.get("response_format")
    wanted = wanted if isinstance(wanted, dict) else {}
    kind = wanted.get("type")
    if kind == "json_object":
        choice.content = prose.json_text({"answer": choice.content})
    elif kind == "json_schema":
        described = wanted.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        choice.content = _json_for(schema, seed)
    return choice


def _json_for(schema: Json, seed: bytes) -> str:
    """A JSON text that fits the schema; refused where the schema is none."""
    try:
        return prose.json_text(prose.value_for_schema(schema or {"type": "object"}, seed))
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError):
        raise Refusal(400, "the JSON schema is not valid") from None


def _scripted_call(step: script.Step | None, prompt: Prompt, body: dict[str, Json]) -> ToolCall | None:
    """The call that a script has now; none where its tool is not offered, as in an agent's calls beside its loop."""
    if step is None or not step.tool:
        return None
    names = [str(function["name"]) for function in _functions(body.get("tools"))]
    # Where a dialect knows nothing of namespaces, a tool's stands before its name.
    name = next((name for name in names if name == step.tool or name.endswith(f"__{step.tool}")), None)
    if name is None:
        return None
    arguments = prose.json_text(step.arguments)
    number = str(prompt.steps_done)
    return ToolCall("call_" + prose.digest(name, arguments, number).hex()[:24], name, arguments)


def _tool_to_call(body: dict[str, Json], prompt: Prompt, call: Call, seed: bytes) -> ToolCall | None:
    """The call of the forced function, or of one the user's text asks for; None for a plain answer."""
    functions = _functions(body.get("tools"))
    choice = body.get("tool_choice")
    if not functions or choice == "none":
        return None
    name = call.magic.get("tool", "")
    forced = choice == "required"
    if isinstance(choice, dict):
        chosen = choice.get("function")
        name, forced = str(chosen.get("name") if isinstance(chosen, dict) else ""), True
    # After a tool's result the model speaks, or an agent's loop would never end.
    asked = "[[sbx:tool" in prompt.last_user and prompt.last_role != "tool"
    if not (forced or asked):
        return None
    tool = next((function for function in functions if function["name"] == name), functions[0])
    arguments = _json_for(tool.get("parameters"), seed)
    return ToolCall("call_" + prose.digest(seed, tool["name"]).hex()[:24], tool["name"], arguments)


def _functions(tools: Json) -> list[dict[str, Json]]:
    """The functions among the tools; refused where a tool is none that could be called."""
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise Refusal(400, "tools must be an array")
    functions: list[dict[str, Json]] = []
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Refusal(400, "each tool must have a function with a name")
        functions.append(function)
    return functions


def _shorten(choice: Choice, limit: int) -> None:
    """Cut the choice to `limit` tokens in the order it is spoken: reasoning, content, tool arguments."""
    text = choice.text()
    if tokens.count((text.content, text.reasoning, text.tool)) <= limit:
        return
    choice.finish = "length"
    left = limit * tokens.BYTES_PER_TOKEN
    choice.reasoning = _start(choice.reasoning, left)
    left -= tokens.utf8_length(choice.reasoning)
    choice.content = _start(choice.content, left)
    left -= tokens.utf8_length(choice.content)
    for tool in choice.tools:
        left -= tokens.utf8_length(tool.name)
        tool.arguments = _start(tool.arguments, left)
        left -= tokens.utf8_length(tool.arguments)
    if left < 0:
        choice.tools = []


def _start(text: str, length: int) -> str:
    return text.encode("utf-8", "surrogatepass")[: max(length, 0)].decode("utf-8", "ignore")


def usage_of(prompt: Prompt, reads: Text, call: Call) -> dict[str, Json] | None:
    """The bill the upstream reports: the README's token rule, unless a magic input says otherwise."""
    if "no_usage" in call.magic:
        return None
    sent = prompt_tokens(prompt)
    received = tokens.count((reads.content, reads.reasoning, reads.tool))
    if "usage" in call.magic:
        first, _, second = call.magic["usage"].partition(",")
        try:
            sent, received = int(first), int(second)
        except ValueError:
            raise Refusal(400, "sbx: usage takes PROMPT,COMPLETION") from None
    usage: dict[str, Json] = {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
    }
    if reads.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.count((reads.reasoning,))}
    return usage


def _choice_json(index: int, choice: Choice) -> Json:
    message: dict[str, Json] = {"role": "assistant", "content": choice.content}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tools:
        message["content"] = None
        message["tool_calls"] = [
            {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            for tool in choice.tools
        ]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": choice.finish}


def _whole(body: dict[str, Json], name: str, lowest: int, highest: int | None = None) -> int | None:
    """The whole number in `body[name]`, None where absent; refused where it is anything else."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise Refusal(400, f"{name} must be a whole number of at least {lowest}")
    if highest is not None and value > highest:
        raise Refusal(400, f"{name} must be at most {highest}")
    return value

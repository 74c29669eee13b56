"""What the messages of a chat weigh in an estimate: what was asked, and what was said.

Every function here is total: requests are looked at where the contract lets anything through, and answers are
whatever an upstream sends. What has not the shape it should have weighs nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway.adapters.shared.tokens import WEIGHT_PER_TOKEN, text_weight, value_weight
from gateway.dialects.conversation import Audio, Image, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.reply import PartGrew, PartStarted, ReplyEvent

ESTIMATED_IMAGE_TOKENS = 85  # OpenAI's base price of an image that is read
_MADE_IMAGE_WEIGHT = 1290 * WEIGHT_PER_TOKEN  # Gemini's count of an image that is made
_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "refusal", "thinking"})
_PART_TEXTS = ("text", "refusal", "thinking", "transcript")
# OpenRouter's and MiniMax's, beside `reasoning` or in its place; what is encrypted in them is no text.
_DETAILS = "reasoning_details"
_IMAGE_PARTS = ("image_url", "image", "output_image")


def said_weight(message: Mapping[str, Any]) -> int:
    """What a message of an answer, or a delta of one, says: text, reasoning, refusal, calls, images."""
    weight = 0
    for name, value in message.items():
        if type(value) is str:
            if value and name in _TEXTS and not (name == "reasoning" and _is_told_twice(message)):
                weight += text_weight(value)
        elif value:
            weigh = _WEIGHERS.get(name)
            if weigh is not None and not (name == _DETAILS and _says_reasoning(message)):
                weight += weigh(value)
    return weight


def asked_weight(body: Mapping[str, Any]) -> int:
    """What a chat's body asks: every message with its name and earlier calls, tools, the schema of the answer."""
    weight = value_weight(body.get("tools")) + value_weight(body.get("functions"))
    wanted = body.get("response_format")
    if isinstance(wanted, Mapping):
        weight += value_weight(wanted.get("json_schema"))
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, Mapping):
            weight += said_weight({**message, "content": None}) + text_weight(_text(message.get("name")))
            weight += content_weight(message.get("content"))
    return weight


def content_weight(content: object) -> int:
    """The texts of a message's content, one text or a list of parts, as Mistral answers and any request may ask."""
    if isinstance(content, str):
        return text_weight(content)
    weight = 0
    # A part by itself, where a list of one was meant, is handed on all the same.
    for part in content if isinstance(content, list) else (content,):
        if isinstance(part, str):
            weight += text_weight(part)
        elif isinstance(part, Mapping):
            for name in _PART_TEXTS:
                inner = part.get(name)
                weight += text_weight(inner) if isinstance(inner, str) else _inner_texts(inner)
    return weight


def content_text(content: object) -> str:
    """What a reader sees of a content: the text itself, or its text parts (or one part) without the thinking."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else (content,)
    return "".join(
        part if isinstance(part, str) else _text(part.get("text") if isinstance(part, Mapping) else None)
        for part in parts
    )


def answer_text(values: dict[str, Any]) -> str:
    """The first choice's text; an empty string where it only calls tools."""
    return content_text(values["choices"][0]["message"].get("content"))


def _is_told_twice(message: Mapping[str, Any]) -> bool:
    """Servers that changed the name send reasoning under both."""
    return message.get("reasoning") == message.get("reasoning_content")


def _says_reasoning(message: Mapping[str, Any]) -> bool:
    return bool(message.get("reasoning") or message.get("reasoning_content"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def made_images_weight(message: Mapping[str, Any]) -> int:
    """What the images of a message of an answer weigh in `said_weight`."""
    return _image_parts(message.get("content")) + _images(message.get("images"))


def _said_content(parts: object) -> int:
    return content_weight(parts) + _image_parts(parts)


def _image_parts(parts: object) -> int:
    images = sum(
        isinstance(part, Mapping) and part.get("type") in _IMAGE_PARTS
        for part in (parts if isinstance(parts, list) else ())
    )
    return images * _MADE_IMAGE_WEIGHT


def _inner_texts(parts: object) -> int:
    """Mistral's thinking is itself a list of text parts."""
    if not isinstance(parts, list):
        return 0
    return sum(text_weight(_text(part.get("text"))) for part in parts if isinstance(part, Mapping))


def _calls(calls: object) -> int:
    listed = calls if isinstance(calls, list) else (calls,)
    return sum(_call(call) for call in listed if isinstance(call, Mapping))


def _call(call: Mapping[str, Any]) -> int:
    """A call within its `function` or `custom`; some servers leave that level out."""
    return _function(call.get("function")) + _function(call.get("custom")) or _function(call)


def _function(function: object) -> int:
    if not isinstance(function, Mapping):
        return 0
    return sum(value_weight(function.get(name)) for name in ("name", "arguments", "input"))


def _details(details: object) -> int:
    weight = 0
    for detail in details if isinstance(details, list) else (details,):
        if isinstance(detail, Mapping):
            weight += text_weight(_text(detail.get("text"))) + text_weight(_text(detail.get("summary")))
    return weight


def _images(images: object) -> int:
    """OpenRouter's `images`: each a data URI beside the text."""
    return len(images) * _MADE_IMAGE_WEIGHT if isinstance(images, list) else 0


def _audio(audio: object) -> int:
    return text_weight(_text(audio.get("transcript"))) if isinstance(audio, Mapping) else 0


_WEIGHERS: dict[str, Callable[[Any], int]] = {
    "content": _said_content,
    "tool_calls": _calls,
    "function_call": _function,
    "images": _images,
    "audio": _audio,
    _DETAILS: _details,
}


def parts_weight(parts: Iterable[Part]) -> int:
    """What the parts of an answer say, in the inner form of the dialects."""
    return sum(map(_part_weight, parts))


def event_weight(told: ReplyEvent) -> int:
    """What an event of a streamed answer says."""
    match told:
        case PartStarted(part=part):
            return _part_weight(part)
        case PartGrew(text=text):
            return text_weight(text)
    return 0


def _part_weight(part: Part) -> int:
    match part:
        case Text(text=text) | Refusal(text=text):
            return text_weight(text)
        case Reasoning(text=text, summary=summary):
            return text_weight(text) + sum(map(text_weight, summary))
        case ToolCall(name=name, arguments=arguments):
            return text_weight(name) + text_weight(arguments)
        case Audio(transcript=transcript):
            return text_weight(transcript or "")
        case Image():
            return _MADE_IMAGE_WEIGHT
    return 0

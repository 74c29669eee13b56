"""Legacy completions as their callers read them: objects and chunks of `text_completion`, from those of a chat.

Source: OpenAI's API reference, "Completions". Every function here is total but for what its caller has read already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.adapters.chat.text_request import TextCompletionRequest
from gateway.adapters.chat.weight import content_text

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def text_completion(
    request: TextCompletionRequest, model: str, choices: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """An object or a chunk with these choices."""
    return {
        "id": request.answer_id,
        "object": "text_completion",
        "created": request.created_s,
        "model": model,
        "choices": list(choices),
    }


def text_choice(index: int, text: str, told: Mapping[str, Any], offset: int) -> dict[str, Any]:
    """One choice; `told` is the chat's own, and `offset` counts the characters that came before its new ones."""
    return {
        "text": text,
        "index": index,
        "logprobs": text_logprobs(told.get("logprobs"), offset),
        "finish_reason": told.get("finish_reason"),
    }


def said_in(message: object) -> str:
    """What a message or a delta says to a reader of plain text: its content, or the refusal in its place."""
    if not isinstance(message, Mapping):
        return ""
    refusal = message.get("refusal")
    return content_text(message.get("content")) or (refusal if isinstance(refusal, str) else "")


def index_of(choice: Mapping[str, Any], place: int) -> int:
    """A choice's index, or its place where it says none that can be."""
    index = choice.get("index")
    return index if type(index) is int and index >= 0 else place


def text_logprobs(told: object, offset: int) -> dict[str, Any] | None:
    """A chat's log probabilities in the older form; what is in that form already is left as it is."""
    if not isinstance(told, Mapping):
        return None
    if "tokens" in told:
        return dict(told)
    content = told.get("content")
    if not isinstance(content, list):
        return None
    read: dict[str, list[Any]] = {
        "tokens": [],
        "token_logprobs": [],
        "top_logprobs": [],
        "text_offset": [],
    }
    for each in content:
        if not isinstance(each, Mapping) or not isinstance(each.get("token"), str):
            return None
        read["tokens"].append(each["token"])
        read["token_logprobs"].append(each.get("logprob"))
        read["top_logprobs"].append(_top(each.get("top_logprobs")))
        read["text_offset"].append(offset)
        offset += len(each["token"])
    return dict(read)


def usage_of(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The counts of all answers together; None where one of them says none."""
    told = [answer.get("usage") for answer in answers]
    usages = [usage for usage in told if isinstance(usage, Mapping)]
    if not usages or len(usages) < len(told):
        return None
    if len(usages) == 1:
        return dict(usages[0])
    return {name: sum(_count(usage.get(name)) for usage in usages) for name in _COUNTS}


def _top(told: object) -> dict[str, Any]:
    listed = told if isinstance(told, list) else []
    return {
        each["token"]: each.get("logprob")
        for each in listed
        if isinstance(each, Mapping) and isinstance(each.get("token"), str)
    }


def _count(value: object) -> int:
    return value if type(value) is int else 0

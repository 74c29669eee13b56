"""A legacy completion as adapters see it: prompts, and the chats that they come to where a server knows only chat."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.adapters.chat.request import ChatRequest

# OpenAI's own, where the caller says nothing.
DEFAULT_MAX_TOKENS = 16
# What a chat has not, or has in another form.
_TEXT_FIELDS = frozenset({"best_of", "echo", "logprobs", "prompt", "suffix"})


@dataclass(slots=True)
class TextCompletionRequest(ChatRequest):
    """`values` is a chat with a message for each prompt; `given` is the body without what asks for nothing.

    Answers repeat `answer_id` and `created_s`, seconds since 1970.
    """

    given: dict[str, Any] = field(default_factory=dict)
    answer_id: str = ""
    created_s: int = 0

    @property
    def prompts(self) -> list[str]:
        return [message["content"] for message in self.values["messages"]]

    @property
    def choices_of_each(self) -> int:
        """How many answers each prompt gets."""
        return self.values.get("n") or 1

    @property
    def echoes(self) -> bool:
        """Whether each answer begins with its prompt."""
        return bool(self.given.get("echo"))

    @property
    def wants_logprobs(self) -> bool:
        return self.given.get("logprobs") is not None

    def choices(self) -> int:
        """How many answers were asked for, to all prompts together."""
        return self.choices_of_each * len(self.values["messages"])

    def echo_of(self, choice: int) -> str:
        """What the answer of that index begins with: its prompt where prompts are echoed, else nothing."""
        if not self.echoes:
            return ""
        # Asked for each of many choices: nothing here looks at all prompts.
        messages = self.values["messages"]
        prompt: str = messages[min(choice // self.choices_of_each, len(messages) - 1)]["content"]
        return prompt

    def chats(self) -> list[ChatRequest]:
        """A chat of one message for each prompt."""
        made = []
        for message in self.values["messages"]:
            values = {**self.values, "messages": [message]}
            chat = ChatRequest(values, len(orjson.dumps(values)), self.stream, self.include_usage)
            chat.held_output_tokens = self.held_output_tokens
            made.append(chat)
        return made


def text_completion_request(
    values: dict[str, Any], size_bytes: int, answer_id: str, created_s: int
) -> TextCompletionRequest:
    """The call of a body that keeps the contract."""
    given = {name: value for name, value in values.items() if value is not None}
    given.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
    prompts = [given["prompt"]] if isinstance(given["prompt"], str) else given["prompt"]
    chat = {name: value for name, value in given.items() if name not in _TEXT_FIELDS}
    chat["messages"] = [{"role": "user", "content": prompt} for prompt in prompts]
    if "logprobs" in given:
        chat["logprobs"] = True
        if given["logprobs"]:
            chat["top_logprobs"] = given["logprobs"]
    options = given.get("stream_options", {})
    return TextCompletionRequest(
        chat,
        size_bytes,
        bool(given.get("stream")),
        bool(options.get("include_usage")),
        given=given,
        answer_id=answer_id,
        created_s=created_s,
    )

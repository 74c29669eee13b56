"""A chat call as adapters see it, whatever mount it came through."""

from dataclasses import dataclass
from typing import Any

# What the prompt's template may add: role marks, tool preambles.
TEMPLATE_TOKENS = 64
TEMPLATE_TOKENS_PER_MESSAGE = 16
BYTES_PER_ESTIMATED_TOKEN = 4
ESTIMATED_IMAGE_TOKENS = 85


@dataclass(slots=True)
class ChatRequest:
    """`values` is the OpenAI chat body, `size_bytes` its size as received; the contract has been checked."""

    values: dict[str, Any]
    size_bytes: int
    stream: bool
    include_usage: bool
    thinks_by_default: bool = False
    # What the hold covers, for each choice; a fallback route gets no more.
    held_output_tokens: int | None = None

    def images(self) -> tuple[int, int]:
        """How many images the messages hold, and how many bytes their URLs take."""
        count = size = 0
        for message in self.values["messages"]:
            content = message.get("content")
            if isinstance(content, list):
                for part in content:
                    if part["type"] == "image_url":
                        count += 1
                        size += len(part["image_url"]["url"])
        return count, size

    def estimated_prompt_tokens(self) -> int:
        """A fair guess where the upstream does not say: four bytes of text a token."""
        size = 0
        for message in self.values["messages"]:
            content = message.get("content")
            if isinstance(content, str):
                size += len(content.encode())
            elif isinstance(content, list):
                for part in content:
                    size += len(part.get("text", "").encode())
        return -(-size // BYTES_PER_ESTIMATED_TOKEN) + self.images()[0] * ESTIMATED_IMAGE_TOKENS

    def choices(self) -> int:
        """How many answers were asked for."""
        return self.values.get("n") or 1

    def asked_output_tokens(self) -> int | None:
        """The caller's own output limit, if any: the larger of two, for a server may know only one of them."""
        given = (self.values.get("max_completion_tokens"), self.values.get("max_tokens"))
        return max((limit for limit in given if limit), default=None)


def estimated_tokens(size_bytes: int) -> int:
    """Tokens guessed from UTF-8 bytes."""
    return -(-size_bytes // BYTES_PER_ESTIMATED_TOKEN)

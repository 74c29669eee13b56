"""A chat call as adapters see it, whatever mount it came through."""

from dataclasses import dataclass
from typing import Any

from gateway.adapters.chat.weight import ESTIMATED_IMAGE_TOKENS, asked_weight
from gateway.adapters.shared.tokens import estimated_tokens
from gateway.adapters.shared.usage_counts import Counts, is_possible
from usage.ledger.units import Units

# What the prompt's template may add: role marks, tool preambles.
TEMPLATE_TOKENS = 64
TEMPLATE_TOKENS_PER_MESSAGE = 16


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
                    if part.get("type") == "image_url":
                        image = part.get("image_url")
                        url = image.get("url") if isinstance(image, dict) else None
                        count += 1
                        size += len(url) if isinstance(url, str) else 0
        return count, size

    def estimated_prompt_tokens(self) -> int:
        """A fair guess where the upstream does not say."""
        return estimated_tokens(asked_weight(self.values)) + self.images()[0] * ESTIMATED_IMAGE_TOKENS

    def metered(self, counts: Counts | None, said: int, *, to_its_end: bool = True) -> tuple[Units, bool]:
        """The units of an answer, and whether they are our guess rather than what the upstream counted.

        `said` is the weight of what was said. Counts that cannot be so (none for a text that is there) are replaced
        by guesses. Of an answer that broke off, what was counted until then may be too little: the larger of
        count and guess is taken.
        """
        if counts is None:
            return Units(tokens_in=self.estimated_prompt_tokens(), tokens_out=estimated_tokens(said)), True
        tokens_in, tokens_out = counts
        if not to_its_end:
            tokens_in = max(tokens_in, self.estimated_prompt_tokens())
            return Units(tokens_in=tokens_in, tokens_out=max(tokens_out, estimated_tokens(said))), True
        estimated = False
        if self._cannot_be_prompt(tokens_in):
            tokens_in, estimated = max(tokens_in, self.estimated_prompt_tokens()), True
        if not is_possible(tokens_out, said):
            tokens_out, estimated = estimated_tokens(said), True
        return Units(tokens_in=tokens_in, tokens_out=tokens_out), estimated

    def _cannot_be_prompt(self, tokens_in: int) -> bool:
        """Whether the prompt is more than these tokens can be; its texts are weighed only where its size says so."""
        if tokens_in and is_possible(tokens_in, self.size_bytes):
            return False
        return not tokens_in or not is_possible(tokens_in, asked_weight(self.values))

    def choices(self) -> int:
        """How many answers were asked for."""
        return self.values.get("n") or 1

    def asked_output_tokens(self) -> int | None:
        """The caller's own output limit, if any: the larger of two, for a server may know only one of them."""
        newer, older = self.values.get("max_completion_tokens"), self.values.get("max_tokens")
        if newer and older:
            return max(newer, older)
        return newer or older or None

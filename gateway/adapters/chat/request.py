"""A chat call as adapters see it, whatever mount it came through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.weight import ESTIMATED_IMAGE_TOKENS, asked_weight
from gateway.adapters.shared.files_in_texts import files_weight, surely_read
from gateway.adapters.shared.tokens import estimated_tokens, text_weight
from gateway.adapters.shared.usage_counts import is_possible
from gateway.dialects.dialect import Loss
from usage.ledger.units import Units

# What the prompt's template may add: role marks, tool preambles.
TEMPLATE_TOKENS = 64
TEMPLATE_TOKENS_PER_MESSAGE = 16


class LimitedRoute(Protocol):
    """What is read here of a route."""

    @property
    def max_output_tokens(self) -> int | None: ...


@dataclass(slots=True)
class ChatRequest:
    """`values` is the OpenAI chat body, `size_bytes` its size as received; the contract has been checked."""

    values: dict[str, Any]
    size_bytes: int
    stream: bool
    include_usage: bool
    thinks_by_default: bool = False
    # What the hold covers, for each choice, once there is one; a fallback route gets no more.
    held_output_tokens: int | None = None
    # Whether the server that was asked last cuts a prompt that is too long for it, and counts what is left.
    prompt_may_be_cut: bool = False
    # How it came, where that was not OpenAI's chat, and what of it `values` could not say.
    came_as: CallerDialect | None = None
    losses: Sequence[Loss] = ()

    def limit_to(self, ceiling: Units) -> None:
        """Ask no route for more output than this ceiling holds."""
        self.held_output_tokens = ceiling.tokens_out // self.choices()

    def images(self) -> tuple[int, int]:
        """How many images the messages hold, and how many bytes their URLs take."""
        count = size = 0
        for message in self.values["messages"]:
            # What a model has shown before stands in `images`, as OpenRouter has it.
            for parts in (message.get("content"), message.get("images")):
                if not isinstance(parts, list):
                    continue
                for part in parts:
                    if isinstance(part, dict) and part.get("type") == "image_url":
                        image = part.get("image_url")
                        url = image.get("url") if isinstance(image, dict) else None
                        count += 1
                        size += len(url) if isinstance(url, str) else 0
        return count, size

    def estimated_prompt_tokens(self) -> int:
        """Our estimate of the prompt, where the upstream does not say: one at least, for messages have their marks."""
        texts = estimated_tokens(asked_weight(self.values))
        return max(texts + self.images()[0] * ESTIMATED_IMAGE_TOKENS, 1)

    def metered(
        self,
        counts: Units | None,
        said: int,
        files_said: Callable[[], int] = lambda: 0,
        *,
        to_its_end: bool = True,
    ) -> tuple[Units, bool]:
        """The units of an answer, and whether they are our estimate rather than what the upstream counted.

        `said` is the weight of the answer, and `files_said` gives the part of it that was files: servers send these
        with the answer without counting their letters as tokens. Counts that are impossible (none for a text that is
        there) are replaced by estimates. If the answer broke off, its last count may be too low, so the larger of count
        and estimate is taken.
        """
        if counts is None:
            return Units(tokens_in=self.estimated_prompt_tokens(), tokens_out=estimated_tokens(said)), True
        tokens_in, tokens_out = counts.tokens_in, counts.tokens_out
        if not to_its_end:
            tokens_in = max(tokens_in, self._prompt_estimate_beside(tokens_in))
            tokens_out = max(tokens_out, estimated_tokens(said))
            return counts._replace(tokens_in=tokens_in, tokens_out=tokens_out), True
        estimated = False
        if self._cannot_be_prompt(tokens_in):
            tokens_in, estimated = max(tokens_in, self.estimated_prompt_tokens()), True
        if not is_possible(tokens_out, said) and not (
            tokens_out and is_possible(tokens_out, said - files_said())
        ):
            tokens_out, estimated = estimated_tokens(said), True
        if estimated:
            counts = counts._replace(tokens_in=tokens_in, tokens_out=tokens_out)
        return counts, estimated

    def _cannot_be_prompt(self, tokens_in: int) -> bool:
        """Whether the prompt is more than these tokens can be; its texts are weighed only where its size says so.

        Weighed is what no server leaves unread. Templates of some models have no place for tools, names, schemas or
        earlier calls and thinking, and a file within a text may be read as an image, or not at all.
        """
        if not tokens_in:
            return True
        if self.prompt_may_be_cut or is_possible(tokens_in, self.size_bytes):
            return False
        messages = [message for message in self.values["messages"] if isinstance(message, Mapping)]
        return not is_possible(tokens_in, sum(text_weight(surely_read(message)) for message in messages))

    def _prompt_estimate_beside(self, tokens_in: int) -> int:
        """Our estimate of a prompt that was counted too: without what a server that counts truly may leave out."""
        if self._cannot_be_prompt(tokens_in):
            return self.estimated_prompt_tokens()
        if self.prompt_may_be_cut:
            return tokens_in
        images = self.images()[0] * ESTIMATED_IMAGE_TOKENS
        return estimated_tokens(asked_weight(self.values) - files_weight(self.values)) + images

    def choices(self) -> int:
        """How many answers were asked for."""
        return self.values.get("n") or 1

    def asked_output_tokens(self) -> int | None:
        """The caller's own output limit, if any: the larger of two, for a server may know only one of them."""
        newer, older = self.values.get("max_completion_tokens"), self.values.get("max_tokens")
        if newer and older:
            return max(newer, older)
        return newer or older or None

    def output_limit(self, route: LimitedRoute) -> int | None:
        """The most output tokens that this route may give: no more than is held, nor than it has."""
        held, most = self.held_output_tokens, route.max_output_tokens
        if held is None or most is None:
            return most if held is None else held
        return min(held, most)

    def clamped_to(self, route: LimitedRoute) -> int | None:
        """The output limit that the upstream was given in place of a larger one that was asked for, or None."""
        asked = self.asked_output_tokens()
        if asked is None:
            return None
        given = self.output_limit(route)
        return given if given is not None and asked > given else None

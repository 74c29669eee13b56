"""Legacy completions by any chat adapter: each prompt is a chat of one message, and what it says is the text.

A server that has /v1/completions itself is asked there where its route says so (`openai_completions`).
"""

from collections.abc import Iterable, Mapping
from functools import partial

from aio_platform.errors import InvalidRequest, wrong_field
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat import openai_chat, openai_completions
from gateway.adapters.chat.text_choices import index_of, said_in, text_choice, text_completion, usage_of
from gateway.adapters.chat.text_request import TextCompletionRequest
from gateway.adapters.chat.text_stream import TextStream
from gateway.adapters.protocol import (
    Adapter,
    AdapterRoute,
    EventAnswer,
    JsonAnswer,
    MalformedAnswer,
    Steps,
    UncountedAnswer,
)
from usage.ledger.units import Units

# The prompts of a call are asked one after the other, within its time limit.
MAX_CHATS = 16
# A chat's names of what completions call otherwise.
_NAMES = {"top_logprobs": "logprobs", "messages": "prompt"}


class TextCompletions:
    """One chat adapter, asked for completions."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.SERVES = adapter.SERVES

    def ceiling(self, request: TextCompletionRequest, route: AdapterRoute) -> Units:
        """The most that all prompts can use. Raises InvalidRequest for what a chat cannot be asked."""
        _refuse_what_no_chat_says(request)
        try:
            return _together(self._adapter.ceiling(chat, route) for chat in request.chats())
        except InvalidRequest as error:
            raise _renamed(error) from None

    def left_out(self, request: TextCompletionRequest, route: AdapterRoute) -> list[str]:
        """The fields of the request that the server was not told, which changes nothing of the answer."""
        left_out = getattr(self._adapter, "left_out", None)
        return [] if left_out is None else left_out(request.chats()[0], route)

    def steps(self, request: TextCompletionRequest, route: AdapterRoute) -> Steps:
        """One call for each prompt. A streamed one has one prompt."""
        found = []
        for chat in request.chats():
            answer = yield from self._adapter.steps(chat, route)
            if isinstance(answer, EventAnswer):
                return EventAnswer(TextStream(answer.events, request, route.model), answer.content_type)
            if not isinstance(answer, UncountedAnswer | JsonAnswer):
                raise MalformedAnswer("an answer that is no text")
            found.append(answer)
        choices = []
        for place, answer in enumerate(found):
            for number, choice in enumerate(answer.values["choices"]):
                index = place * request.choices_of_each + index_of(choice, number)
                echo = request.echo_of(index)
                choices.append(text_choice(index, echo + said_in(choice["message"]), choice, len(echo)))
        values = text_completion(request, route.model, choices)
        usage = usage_of([answer.values for answer in found])
        return UncountedAnswer(values | ({"usage": usage} if usage else {}), partial(_counted, found))


class CompletionsOrChat(TextCompletions):
    """The adapter of OpenAI's chat: its servers may have /v1/completions too, as vLLM and llama.cpp have."""

    def ceiling(self, request: TextCompletionRequest, route: AdapterRoute) -> Units:
        if openai_chat.has_completions(route):
            return openai_completions.ceiling(request, route)
        return super().ceiling(request, route)

    def steps(self, request: TextCompletionRequest, route: AdapterRoute) -> Steps:
        if openai_chat.has_completions(route):
            return openai_completions.steps(request, route)
        return super().steps(request, route)


def in_text_completions(adapters: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """The adapters of chat, for callers of legacy completions."""
    return {
        name: CompletionsOrChat(adapter) if adapter is openai_chat else TextCompletions(adapter)
        for name, adapter in adapters.items()
        if "chat" in adapter.SERVES
    }


def _refuse_what_no_chat_says(request: TextCompletionRequest) -> None:
    if len(request.prompts) > MAX_CHATS:
        raise InvalidRequest(
            _("%(param)s: this model takes at most %(most)s %(what)s."),
            param="prompt",
            most=MAX_CHATS,
            what="prompts",
        )
    if request.stream and len(request.prompts) > 1:
        raise wrong_field("prompt", _("this model streams the answer to one prompt only"))
    if request.given.get("suffix"):
        raise openai_completions.cannot_take("suffix")
    if request.echoes and request.wants_logprobs:
        # Those of the prompt are meant too.
        raise openai_completions.cannot_take("echo")


def _renamed(error: InvalidRequest) -> InvalidRequest:
    name = _NAMES.get((error.param or "").partition(".")[0])
    return error if name is None else error.renamed(name)


def _together(units: Iterable[Units]) -> Units:
    """The sum; however many prompts it has, the caller's call is one."""
    return Units(*map(sum, zip(*units, strict=True)))._replace(calls=1)


def _counted(answers: Iterable[UncountedAnswer | JsonAnswer]) -> tuple[Units, bool]:
    counted = [
        answer.count() if isinstance(answer, UncountedAnswer) else (answer.units, answer.estimated)
        for answer in answers
    ]
    return _together(units for units, _estimated in counted), any(estimated for _units, estimated in counted)

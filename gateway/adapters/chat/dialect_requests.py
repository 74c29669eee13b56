"""A call that came in another dialect: in the form that adapters are given, and what a server could not be told."""

import re
from collections.abc import Iterable, Mapping

import orjson

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.request import ChatRequest
from gateway.dialects.conversation import Conversation, DialectName, Reasoning
from gateway.dialects.dialect import Dialect, Loss
from gateway.dialects.openai_chat.dialect import OPENAI_CHAT


def request_in(came_as: CallerDialect) -> ChatRequest:
    """The call as adapters see it."""
    values, losses = OPENAI_CHAT.write_request(came_as.conversation)
    return ChatRequest(
        values,
        # What a server of OpenAI's form would be sent may be the longer one.
        max(len(came_as.body), len(orjson.dumps(values))),
        came_as.conversation.stream,
        include_usage=True,
        came_as=came_as,
        losses=losses,
    )


def conversation_of(request: ChatRequest) -> Conversation:
    """What is asked, in the inner form, whichever dialect it came in."""
    if request.came_as is not None:
        return request.came_as.conversation
    return OPENAI_CHAT.read_request(request.values)


def passes_as_it_came(request: ChatRequest, server: DialectName) -> bool:
    """Whether a server of that dialect may be sent the body as it came.

    Not where it gives back what another provider thought: no other takes its proofs and secrets, which are sealed in
    the dialect's own. OpenAI's Responses look up a thought that comes without its secret, and none is kept.
    """
    came_as = request.came_as
    if came_as is None or came_as.dialect.name != server or _has_a_seal(came_as.body):
        return False
    thoughts = [
        part
        for message in came_as.conversation.messages
        for part in message.parts
        if isinstance(part, Reasoning)
    ]
    if server is DialectName.OPENAI_RESPONSES and not all(thought.encrypted for thought in thoughts):
        return False
    return all(thought.made_by in (None, server) for thought in thoughts)


def dialect_of(request: ChatRequest) -> Dialect:
    """The dialect that the caller speaks."""
    return OPENAI_CHAT if request.came_as is None else request.came_as.dialect


def _has_a_seal(body: bytes) -> bool:
    """A text of the caller's may begin as a seal does; one that stands where a proof does is one."""
    return SEAL in body and _SEALED.search(body) is not None


# What another provider's proof or secret begins with where it stands in the place of the dialect's own.
SEAL = b'"aio.'
_SEALED = re.compile(rb'"(?:signature|data|encrypted_content)"\s*:\s*"aio\.')
# Of what has no path of its own in the inner form, the name is OpenAI's chat's; these are the callers' own.
_FIELD_NAMES: Mapping[DialectName, Mapping[str, str]] = {
    DialectName.ANTHROPIC_MESSAGES: {
        "stop": "stop_sequences",
        "user": "metadata.user_id",
        "max_completion_tokens": "max_tokens",
    },
    DialectName.OPENAI_RESPONSES: {
        "verbosity": "text.verbosity",
        "logprobs": "top_logprobs",
        "max_tokens": "max_output_tokens",
        "max_completion_tokens": "max_output_tokens",
    },
    DialectName.GEMINI: {
        "max_tokens": "generationConfig.maxOutputTokens",
        "max_completion_tokens": "generationConfig.maxOutputTokens",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "seed": "generationConfig.seed",
        "stop": "generationConfig.stopSequences",
        "n": "generationConfig.candidateCount",
        "logprobs": "generationConfig.logprobs",
        "presence_penalty": "generationConfig.presencePenalty",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "service_tier": "serviceTier",
    },
}


def refuse_losses(losses: Iterable[Loss], caller: DialectName) -> None:
    """Raises InvalidRequest for what the server's dialect cannot be told and the answer would depend on."""
    for loss in losses:
        if loss.changes_meaning:
            raise InvalidRequest(
                _(
                    "%(param)s: the model's server has no way to take this. Leave it out, or name another model."
                ),
                param=named_by(loss.path, caller),
                openai_code="unsupported_parameter",
            )


def left_out_of(losses: Iterable[Loss], caller: DialectName) -> list[str]:
    """The caller's fields that the server is not told, which changes nothing of the answer."""
    return [named_by(loss.path, caller) for loss in losses if not loss.changes_meaning]


def named_by(path: str, caller: DialectName) -> str:
    """The caller's own name of a field that is named as in OpenAI's chat."""
    return _FIELD_NAMES.get(caller, {}).get(path, path)

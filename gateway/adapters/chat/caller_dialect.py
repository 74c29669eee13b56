"""A chat call that came in another dialect than OpenAI's chat: as it was written, and in OpenAI's form besides.

Limits, holds and estimates are reckoned on OpenAI's form, so that a call costs the same whichever way it was asked.
"""

from dataclasses import dataclass

from gateway.dialects.conversation import Conversation
from gateway.dialects.dialect import AnswerContext, Dialect


@dataclass(frozen=True, slots=True)
class CallerDialect:
    """How a call came: its dialect, its body's bytes, and what they say. `created_s` is in seconds since 1970.

    `headers` go to a server of the same dialect as they came. `left_out` are the paths of what came with the call and
    stands no more in `body`.
    """

    dialect: Dialect
    body: bytes
    conversation: Conversation
    answer_id: str
    created_s: int
    headers: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()

    def context(self, model: str) -> AnswerContext:
        """What an answer of this model repeats of the call."""
        return AnswerContext(model, self.conversation, self.answer_id, self.created_s)

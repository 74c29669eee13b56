"""What a chat dialect can do, and what is said of a thing that another dialect cannot be told.

A dialect is a package in this folder: `request` reads and writes what is asked, `reply` what is answered, `events` a
streamed answer. All of it works on JSON values, and none of it on bytes, sockets or the catalog.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import Message, Template
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import Conversation, DialectName, OtherField
from gateway.dialects.reply import Reply, ReplyEvent


class UnreadableReply(Exception):
    """An upstream's answer, or an event of it, is not what its dialect promises."""


class Loss(NamedTuple):
    """Something at `path` of the caller's request that the upstream's dialect has no way to say.

    Where that changes what would be answered, the call is refused; where it does not, its answer carries a warning.
    """

    path: str
    changes_meaning: bool


class Written(NamedTuple):
    """A request's body in a dialect, and what could not be written there."""

    values: dict[str, Any]
    losses: list[Loss]


class Event(NamedTuple):
    """One server-sent event: its name, empty where the dialect names none, and its JSON value.

    `values` of None stands for OpenAI's end mark `[DONE]`.
    """

    name: str
    values: Any


class EventReader(Protocol):
    """Reads one streamed answer. It keeps the state that its dialect's events need."""

    def read(self, event: Event) -> list[ReplyEvent]:
        """What the event says, possibly nothing. Raises UnreadableReply."""
        ...


class EventWriter(Protocol):
    """Writes one streamed answer, from another dialect's events."""

    def write(self, event: ReplyEvent) -> list[Event]:
        """What is to be sent for it, possibly nothing yet."""
        ...

    def closing(self, extra: Mapping[str, Any]) -> list[Event]:
        """What ends the answer, its end mark too; `extra` goes into the last event that has an object of usage."""
        ...


@dataclass(slots=True)
class AnswerContext:
    """What an answer repeats of its request: the model as the caller knows it, and what was asked."""

    model: str
    asked: Conversation
    # An id and a moment for a dialect that wants them and an upstream that gave none.
    answer_id: str
    created_s: int
    # Whether OpenAI's chat is to send its chunk of usage.
    include_usage: bool = True


class Dialect(Protocol):
    """One chat dialect, both ways."""

    name: DialectName

    def read_request(self, values: Mapping[str, Any]) -> Conversation:
        """What a caller asks. Raises InvalidRequest that names the field and what was expected."""
        ...

    def write_request(self, asked: Conversation) -> Written:
        """The body to send to an upstream. `model` and `stream` are written as they stand in `asked`."""
        ...

    def read_reply(self, values: Any) -> Reply:
        """An upstream's whole answer. Raises UnreadableReply."""
        ...

    def write_reply(self, reply: Reply, context: AnswerContext) -> dict[str, Any]:
        """The whole answer for the caller."""
        ...

    def event_reader(self) -> EventReader: ...

    def event_writer(self, context: AnswerContext) -> EventWriter: ...


def losses_of(other: Iterable[OtherField]) -> list[Loss]:
    """The fields that no other dialect could be told."""
    return [Loss(each.path, not each.is_harmless) for each in other]


def bad_field(path: str, problem: Template, **parameters: object) -> InvalidRequest:
    """The error for a field of a request, named by its path."""
    return InvalidRequest(_("%(param)s: %(problem)s"), param=path, problem=Message(problem, **parameters))

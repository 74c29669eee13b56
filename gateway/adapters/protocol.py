"""How an adapter says what to do without doing it: a generator of upstream calls that returns an answer.

`received = yield UpstreamCall(…)` sends; the conductor does the I/O, keeps the deadline and turns faults into
errors. An upstream that is asked once is one yield; one that is submitted to and polled is a loop. An adapter
raises MalformedAnswer for what it cannot read, UpstreamFault for a failure told in a well-formed answer, and
AnswerRefused where the upstream says that the request itself is bad.

An answer is whole (JsonAnswer, UncountedAnswer, BinaryAnswer), or goes on to the caller as it comes (StreamedAnswer for
bytes, EventAnswer for events). A module is registered in `gateway.adapters.registry`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from gateway.adapters.shared.error_bodies import NOTHING_TOLD, ErrorBody
from gateway.adapters.shared.upstream_json import UnreadableJson, read_json, write_json
from usage.ledger.rates import Rate
from usage.ledger.units import Units


class MalformedAnswer(Exception):
    """The upstream's answer is not what its protocol promises, or holds nothing."""


class UpstreamFault(Exception):
    """The upstream says, in a well-formed answer, that it failed."""


class AnswerRefused(Exception):
    """The upstream says, in a well-formed answer, that the request is bad; `body` is what it says of why."""

    def __init__(self, told: str = "", body: ErrorBody = NOTHING_TOLD) -> None:
        super().__init__(told)
        self.body = body


class Upload(Protocol):
    """A received file, spooled: what adapters may know of it without reading it whole."""

    @property
    def file_name(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    def read(self) -> bytes:
        """The whole file; only for adapters whose protocol takes it inside JSON."""
        ...

    def reader(self) -> BinaryIO:
        """A file object at the file's start, of its own; whoever sends the form closes it."""
        ...


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart/form-data body: text fields, which may come several times, and files, streamed from their spools."""

    fields: Mapping[str, str | Sequence[str]]
    file_field: str
    file: Upload
    # By field; one may come several times.
    more_files: Sequence[tuple[str, Upload]] = ()

    @property
    def files(self) -> Sequence[tuple[str, Upload]]:
        """All files, each with its field."""
        return ((self.file_field, self.file), *self.more_files)


# Not frozen, as what else is made for each chat call: that would cost it ten microseconds.
@dataclass(slots=True)
class UpstreamCall:
    """One request to the route's upstream. At most one of `json`, `body` (JSON that is written already) and `form`.

    Without `accept` the header is what the route's upstream is always sent; `headers` go with it. With `streamed`, the
    answer's body is not read: the adapter gets its headers and returns a StreamedAnswer or an EventAnswer. One that
    `starts_a_job` is never sent twice, whatever becomes of its connection. An answer of more than `max_answer_bytes` is
    given up; without it the client's own limit holds.
    """

    path: str
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    body: bytes | None = None
    form: Form | None = None
    accept: str | None = "application/json"
    streamed: bool = False
    starts_a_job: bool = False
    max_answer_bytes: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Pause before the next step, as between two polls."""

    seconds: float


@dataclass(slots=True)
class Received:
    """An answer with status 200 to 299; `headers` have lower-case names."""

    content_type: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's JSON value; raises MalformedAnswer when it is none."""
        try:
            return read_json(self.body)
        except UnreadableJson as error:
            raise MalformedAnswer(str(error)) from None


@dataclass(slots=True)
class JsonAnswer:
    """Values in our normal form for the endpoint, and (for pass-through mounts) the upstream's own body."""

    values: Any
    units: Units
    estimated: bool = False
    upstream_body: bytes = b""
    upstream_content_type: str = "application/json"


@dataclass(slots=True)
class UncountedAnswer:
    """A JSON value whose units `count` finds, with whether they are estimated.

    The conductor counts once it has the answer to deliver. Where `count` raises, the call's ceiling is charged.
    """

    values: Any
    count: Callable[[], tuple[Units, bool]]


@dataclass(frozen=True, slots=True)
class BinaryAnswer:
    """A whole binary answer in memory, such as a decoded image."""

    body: bytes
    content_type: str
    units: Units
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """The streamed answer of the last call is the answer; `units` are those of a complete one."""

    content_type: str
    units: Units
    estimated: bool = False


class EventStream(Protocol):
    """A stream of chat events: it is fed what the upstream sends, and tells what to send to the caller.

    What it returns are whole server-sent events with chunks of a chat completion, under our model's name. It holds the
    last of them back for `closing`, so that nobody has a whole answer before it is settled.
    """

    @property
    def says_something(self) -> bool:
        """Whether the answer has begun: before that, the call may still go to another route."""
        ...

    @property
    def chunks(self) -> int:
        """How many chunks of the answer have come; pings and comments are none."""
        ...

    @property
    def finished(self) -> bool:
        """Whether all of the answer is there; counts and an end mark may follow."""
        ...

    @property
    def done(self) -> bool:
        """Whether nothing can follow."""
        ...

    @property
    def failure(self) -> Exception | None:
        """Why the stream cannot be read on, once that is so."""
        ...

    @property
    def unfinished_event_bytes(self) -> int:
        """How much of an event has come that has not ended."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came, return whole events to forward now (possibly none). Sets `failure`, never raises."""
        ...

    def feed_end(self) -> bytes:
        """The same once the upstream's bytes have ended."""
        ...

    def units(self, *, to_its_end: bool = True) -> tuple[Units, bool]:
        """What was delivered until now, and whether that is an estimate."""
        ...

    def closing(self, credits_consumed: int | float) -> bytes:
        """What ends the answer: the events held back, the last with its price, and the end mark."""
        ...


# A comment: clients pass over it.
HEARTBEAT = b": ping\n\n"


def openai_error_event(body: dict[str, Any]) -> bytes:
    """An error's body as an event of OpenAI's chat."""
    return b"data: " + write_json(body) + b"\n\n"


@dataclass(slots=True)
class EventAnswer:
    """The streamed answer of the last call is the answer, as `events` reads it.

    An upstream that sends anything but `content_type` has failed. `heartbeat` keeps the caller's connection awake while
    nothing comes, and `failed` makes the event that tells of an error, from the body that it would have been; both are
    OpenAI's chat's unless the stream is in another dialect.
    """

    events: EventStream
    content_type: str = "text/event-stream"
    heartbeat: bytes = HEARTBEAT
    failed: Callable[[dict[str, Any]], bytes] = openai_error_event


Answer = JsonAnswer | UncountedAnswer | BinaryAnswer | StreamedAnswer | EventAnswer
Steps = Generator[UpstreamCall | Wait, Received, Answer]


class AdapterRoute(Protocol):
    """What adapters read of a route."""

    @property
    def model(self) -> str: ...
    @property
    def upstream_model(self) -> str: ...
    @property
    def rate(self) -> Rate: ...
    @property
    def max_output_tokens(self) -> int | None: ...
    @property
    def max_image_tokens(self) -> int: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


class Adapter(Protocol):
    """What a module in this folder gives, one for each protocol."""

    @property
    def SERVES(self) -> frozenset[str]:
        """The endpoints that it can carry."""
        ...

    def ceiling(self, request: Any, route: AdapterRoute) -> Units:
        """The most the call can use; raises InvalidRequest for what cannot be bounded or priced.

        The request is left as it is.
        """
        ...

    def steps(self, request: Any, route: AdapterRoute) -> Steps:
        """Carry the call. A chat request that streams is answered with an EventAnswer."""
        ...

"""The control endpoints under /__sandbox/: how a test reads and steers this process; never journaled."""

from __future__ import annotations

from collections.abc import Callable

from gateway.sandbox import dialects
from gateway.sandbox.app import Application
from gateway.sandbox.gates import close_all, open_gate
from gateway.sandbox.magic import MAGIC, Magic, MagicError, parse_directive
from gateway.sandbox.providers.clock import Clock
from gateway.sandbox.wire import Answer, Call, Handler, Json, Refusal, Route, json_reply

DEFAULT_JOURNAL_LIMIT = 1000


class Control:
    """What the control endpoints act on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.application: Application | None = None
        self.on_reset: list[Callable[[], None]] = []

    def routes(self) -> list[Route]:
        """The control surface."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/__sandbox/journal", self.journal),
            ("GET", "/__sandbox/clock", self.show_clock),
            ("POST", "/__sandbox/clock", self.move_clock),
            ("POST", "/__sandbox/release", self.release),
            ("POST", "/__sandbox/reset", self.reset),
            ("GET", "/__sandbox/scenarios", self.scenarios),
            ("POST", "/__sandbox/scenarios", self.set_scenario),
        ]
        return [Route(method, path, does, dialects.fastapi, journaled=False) for method, path, does in table]

    def journal(self, call: Call) -> Answer:
        """Entries, oldest first, filtered by `contains`, `path` (a prefix), `since` (an id) and `limit`."""
        app = self._application()
        since = _whole(call.query.get("since", "0"), "since")
        limit = _whole(call.query.get("limit", str(DEFAULT_JOURNAL_LIMIT)), "limit")
        found = app.journal.search(call.query.get("contains", ""), call.query.get("path", ""), since, limit)
        return json_reply({"entries": [entry.render() for entry in found], "last_id": app.journal.last_id})

    def show_clock(self, call: Call) -> Answer:
        """What time it is for tasks."""
        return json_reply({"mode": self.clock.mode, "now": self.clock.now()})

    def move_clock(self, call: Call) -> Answer:
        """`advance_s` moves the tasks' clock forward; `mode` (real, virtual) lets it run or stops it."""
        body = call.json()
        mode = body.get("mode")
        if mode is not None and mode not in ("real", "virtual"):
            raise Refusal(400, "mode is real or virtual")
        advance_s = body.get("advance_s", 0)
        if isinstance(advance_s, bool) or not isinstance(advance_s, int | float) or advance_s < 0:
            raise Refusal(400, "advance_s must be a number, 0 or more")
        if mode is not None:
            self.clock.set_mode(mode)
        self.clock.advance(float(advance_s))
        return self.show_clock(call)

    def release(self, call: Call) -> Answer:
        """Open the gate of that `name`: answers that wait `until` it go out."""
        name = call.json().get("name")
        if not isinstance(name, str) or not name:
            raise Refusal(400, "name must be the gate's name")
        open_gate(name)
        return json_reply({"ok": True})

    def reset(self, call: Call) -> Answer:
        """Forget the journal, the scenarios, the tasks, the gates; the clock is real again."""
        self._application().forget()
        close_all()
        self.clock.reset()
        for forget in self.on_reset:
            forget()
        return json_reply({"ok": True})

    def scenarios(self, call: Call) -> Answer:
        """Every magic input with its meaning, and the defaults set for paths."""
        return json_reply({"magic": MAGIC, "defaults": self._application().defaults})

    def set_scenario(self, call: Call) -> Answer:
        """Set the magic inputs of a path's requests that bring none; an empty `magic` takes them away."""
        body = call.json()
        path, wanted = body.get("path"), body.get("magic", "")
        if not isinstance(path, str) or not path.startswith("/"):
            raise Refusal(400, "path must be a string that starts with /")
        magic = _scenario(wanted)
        defaults = self._application().defaults
        if magic:
            defaults[path] = magic
        else:
            defaults.pop(path, None)
        return self.scenarios(call)

    def _application(self) -> Application:
        assert self.application is not None, "the application is attached when it is assembled"
        return self.application


def _scenario(wanted: Json) -> Magic:
    """`"status=503;times=2"` or `{"status": 503, "times": 2}` as Magic."""
    magic = Magic()
    if isinstance(wanted, dict):
        wanted = ";".join(f"{key}={value}" for key, value in wanted.items())
    if not isinstance(wanted, str):
        raise Refusal(400, "magic must be a string or an object")
    try:
        parse_directive(wanted, magic)
    except MagicError as error:
        raise Refusal(400, str(error)) from None
    return magic


def _whole(value: str, name: str) -> int:
    if not value.isdigit():
        raise Refusal(400, f"{name} must be a whole number")
    return int(value)

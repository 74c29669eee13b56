"""The ASGI application: finds the route, reads the request, journals it and has the answer delivered."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable

from gateway.sandbox import dialects
from gateway.sandbox.chat.prose import digest
from gateway.sandbox.delivery import deliver
from gateway.sandbox.exchange import BrokenOff, ClientGone, Exchange, Message, Receive, Send
from gateway.sandbox.journal import Entry, Journal
from gateway.sandbox.magic import MARK, NO_MAGIC, Magic, MagicError, read_magic
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Reply, Route, json_reply

FAILING_MODEL = "sbx-fail"
HANGING_MODEL = "sbx-timeout"


class Router:
    """Paths to routes: a dictionary for the plain ones, patterns for the rest."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._plain: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "{" in route.path:
                self._patterns.append((_pattern(route.path), route))
            else:
                self._plain[(route.method, route.path)] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route for a request and its path's parts; a 404 or 405 route when there is none."""
        plain = self._plain.get((method, path))
        if plain is not None:
            return plain, {}
        for pattern, route in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None and route.method == method:
                return route, match.groupdict()
        exists = any(known == path for _, known in self._plain)
        return (_METHOD_NOT_ALLOWED if exists else _NOT_FOUND), {}


class Application:
    """The sandbox as an ASGI app."""

    def __init__(self, routes: Iterable[Route], journal: Journal) -> None:
        self.journal = journal
        self.router = Router(routes)
        self.defaults: dict[str, Magic] = {}
        self._uses: dict[bytes, int] = {}

    def forget(self) -> None:
        """Back to the first moment: no entries, no default faults, no counted attempts."""
        self.journal.clear()
        self.defaults.clear()
        self._uses.clear()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path, query = scope["method"], scope["path"], scope["query_string"]
        route, params = self.router.find(method, path)
        if route.journaled:
            entry = self.journal.open(method, path, query, scope["headers"])
        else:
            entry = Entry(0, method, path, query, scope["headers"])
        exchange = Exchange(scope, receive, send, entry)
        try:
            call = Call(method, path, query, scope["headers"], await exchange.read_body())
            call.params = params
            await self._answer(exchange, route, call)
        except (ClientGone, BrokenOff):
            pass
        except Exception:
            entry.error = traceback.format_exc()
            if exchange.started:
                # Too late for a status: the server closes the connection, and the client sees it broken.
                raise
            await exchange.respond(json_reply(route.dialect(500, "sandbox: internal error"), 500))
        finally:
            exchange.close()

    async def _answer(self, exchange: Exchange, route: Route, call: Call) -> None:
        try:
            if route.journaled:
                call.magic = exchange.entry.magic = self._magic_for(call)
            await deliver(exchange, route, call)
        except (Refusal, MagicError) as refused:
            if exchange.started:
                raise
            if isinstance(refused, MagicError):
                refused = Refusal(400, str(refused))
            body = route.dialect(refused.status, str(refused))
            await exchange.respond(json_reply(body, refused.http_status))

    def _magic_for(self, call: Call) -> Magic:
        """What the request asks for, else the path's default, else what its model's name stands for."""
        magic = read_magic(call.body, call.document if MARK in call.body else None, call.query_bytes)
        counted: bytes = digest(call.path, call.query_bytes, call.body) if "times" in magic else b""
        if not magic and self.defaults:
            magic = self._default_for(call.path)
            counted = call.path.encode()
        if not magic:
            return _model_magic(call)
        if "times" in magic:
            self._uses[counted] = self._uses.get(counted, 0) + 1
            if self._uses[counted] > magic.integer("times", 1):
                return NO_MAGIC
        return magic

    def _default_for(self, path: str) -> Magic:
        """What was set for this very path, else for a `prefix*` of it."""
        exact = self.defaults.get(path)
        if exact is not None:
            return exact
        for pattern, magic in self.defaults.items():
            if pattern.endswith("*") and path.startswith(pattern[:-1]):
                return magic
        return NO_MAGIC


def _model_magic(call: Call) -> Magic:
    """The two models that never work, wherever a protocol names its model."""
    if b"sbx-" not in call.body and "sbx-" not in call.path:
        return NO_MAGIC
    if _names_model(call, FAILING_MODEL):
        return Magic(status="500")
    return Magic(hang="") if _names_model(call, HANGING_MODEL) else NO_MAGIC


def _names_model(call: Call, name: str) -> bool:
    document: Json = call.document
    if isinstance(document, dict) and isinstance(document.get("model"), str):
        return name in document["model"].split("/")
    # In Google's paths the method follows a colon: `models/sbx-fail:generateContent`.
    is_in_path = name in re.split("[/:]", call.path)
    return is_in_path or b'name="model"\r\n\r\n' + name.encode() in call.body


def _pattern(path: str) -> re.Pattern[str]:
    """`/a/{b}/{c:path}` as a regular expression."""
    parts = re.split(r"(\{\w+(?::path)?\})", path)
    for index, part in enumerate(parts):
        if part.startswith("{"):
            name, _, kind = part[1:-1].partition(":")
            parts[index] = f"(?P<{name}>{'.+' if kind else '[^/]+'})"
        else:
            parts[index] = re.escape(part)
    return re.compile("".join(parts))


def _no_such_path(call: Call) -> Answer:
    return Reply(b'{"detail":"Not Found"}', 404)


def _wrong_method(call: Call) -> Answer:
    return Reply(b'{"detail":"Method Not Allowed"}', 405)


_NOT_FOUND = Route("*", "*", _no_such_path, dialects.fastapi)
_METHOD_NOT_ALLOWED = Route("*", "*", _wrong_method, dialects.fastapi)

"""Sends calls to upstreams, over one pool of connections for each, and keeps count of which routes rest.

JSON goes out over connections of our own (`upstreams.pool`), by measurement: at 32 in flight such a call costs 17 µs
of CPU there and 90 with aiohttp. So does everything else but forms, which are streamed from where they are spooled,
by aiohttp, over a connection each. See ADR 7 and ADR 16.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import aiohttp
import orjson
import structlog
from django.conf import settings
from yarl import URL

from aio_platform.process.open_files import NoFileLeft
from gateway.adapters.protocol import Form, UpstreamCall
from gateway.catalog.routes import BEARER, Route, Upstream, UpstreamKey
from gateway.endpoints import CHAT_TIME_LIMIT
from gateway.errors import Blame, UpstreamFailed
from gateway.metrics import UNASKED
from gateway.upstreams.circuit_breaker import RoutesHealth
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.decoding import decoded
from gateway.upstreams.keys import RoutesKeys
from gateway.upstreams.pool import ConnectionPool, NotConnected, request_head
from gateway.upstreams.problems import UpstreamProblems
from gateway.upstreams.refusals import error_of_refusal
from gateway.upstreams.responses import AiohttpAnswer, UpstreamAnswer

log = structlog.get_logger(__name__)


# Method, path, Accept, content type, what else the step says, and the name of the key where there are several.
HeadKey = tuple[str, str, str | None, str | None, tuple[tuple[str, str], ...], str | None]
MAX_HEADS = 256
# What the paths of OpenAI's protocols begin with; an upstream's `path` stands in place of it.
OPENAI_BEGINNING = "/v1/"


@dataclass(slots=True)
class _Pool:
    connections: ConnectionPool
    session: aiohttp.ClientSession
    # What requests begin with: nearly all calls go to a handful of paths.
    heads: dict[HeadKey, bytes]

    async def close(self) -> None:
        self.connections.close()
        await self.session.close()


class Upstreams:
    """The pools of this process, made as routes need them."""

    def __init__(self) -> None:
        # By value: routes of the catalog before a change and after it each keep their own connections.
        self._pools: dict[Upstream, _Pool] = {}
        self.health = RoutesHealth()
        self.keys = RoutesKeys()
        self.problems = UpstreamProblems()
        self._retired: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.close()
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        await self.problems.close()

    def answered(self, route: Route) -> None:
        """Note that the route answered a call: it is well, and our key and address are right.

        Of several keys each has to have answered before staff have nothing to see to any more.
        """
        self.health.answered(route)
        if route.key is None or self.keys.answered(route, route.key):
            self.problems.answered(route)

    async def send(self, route: Route, step: UpstreamCall, *, again: bool = False) -> UpstreamAnswer:
        """Carry out one step of an adapter, and return the answer once its headers came with a status of 200 to 299.

        `again`: it may be carried out twice (see ConnectionPool.ask); a GET always may. The answer is read with
        `read_answer_body` or `read_chunk`; closing it early closes the connection, which is what tells the upstream to
        stop. Raises UpstreamRejected where the upstream finds fault with the request, UpstreamRateLimited and
        UpstreamSaturated when it is busy, UpstreamFailed for anything else. The caller's task carries the deadline.
        """
        pool = self._pool(route.upstream)
        body = step.body
        if step.form is not None:
            answer = await _request_with_aiohttp(pool, route, step, step.form)
        else:
            kind: str | None = "application/json"
            if step.json is not None:
                body = orjson.dumps(step.json)
            elif body is None:
                kind = None
                if step.method != "GET":
                    body = b""
            head = _head(pool, route, step, kind)
            try:
                answer = await pool.connections.ask(head, body, again=again or step.method == "GET")
            except NotConnected as error:
                raise UpstreamFailed(blame=Blame.UNREACHED) from error
            except BrokenConnection as error:
                raise UpstreamFailed(blame=Blame.DOUBTFUL) from error
        answer = decoded(answer)
        if not 200 <= answer.status < 300:
            raise await error_of_refusal(answer, body)
        return answer

    def _pool(self, upstream: Upstream) -> _Pool:
        pool = self._pools.get(upstream)
        if pool is None:
            for older in [known for known in self._pools if known.name == upstream.name]:
                task = asyncio.create_task(self._retire(older))
                self._retired.add(task)
                task.add_done_callback(self._retired.discard)
            pool = self._pools[upstream] = _Pool(self._connections(upstream), _session(upstream), {})
        return pool

    def _connections(self, upstream: Upstream) -> ConnectionPool:
        return ConnectionPool(
            upstream.base_url,
            upstream.max_connections,
            upstream.connect_timeout_s,
            no_reuse_s=settings.UPSTREAM_NO_REUSE_S,
            on_unasked=partial(self._unasked, upstream.name),
        )

    def _unasked(self, upstream: str) -> None:
        UNASKED[upstream,].add()
        log.error(
            "an upstream sent what nobody asked for; it gets a connection for each call",
            upstream=upstream,
            for_s=settings.UPSTREAM_NO_REUSE_S,
        )
        self.problems.unasked(upstream)

    async def _retire(self, upstream: Upstream) -> None:
        """Close the pool of an upstream that the catalog has replaced, once its longest call has ended."""
        await asyncio.sleep(CHAT_TIME_LIMIT.value() + settings.STREAM_TIME_LIMIT_S)
        pool = self._pools.pop(upstream, None)
        if pool is not None:
            await pool.close()


def _headers(upstream: Upstream, key: UpstreamKey | None = None) -> dict[str, str]:
    """What every request is sent, with this key, or with the upstream's first."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "aio-platform", **upstream.headers}
    secret = upstream.api_key if key is None else key.secret
    if secret is not None:
        if upstream.auth == BEARER:
            headers["Authorization"] = f"Bearer {secret}"
        else:
            headers[upstream.auth] = secret
    return headers


def _path(route: Route, step: UpstreamCall) -> str:
    """The step's path below the upstream's address, with the upstream's own beginning in place of OpenAI's."""
    beginning = route.upstream.path
    if beginning is None or not step.path.startswith(OPENAI_BEGINNING):
        return step.path
    model = quote(route.upstream_model, safe="")
    return beginning.replace("{model}", model) + step.path.removeprefix(OPENAI_BEGINNING.rstrip("/"))


def _url(route: Route, step: UpstreamCall) -> URL:
    url = URL(route.upstream.base_url + _path(route, step))
    return url.update_query({**route.upstream.query, **step.query})


def _head(pool: _Pool, route: Route, step: UpstreamCall, content_type: str | None) -> bytes:
    """What the request begins with; kept for the next of its kind, unless it has a query of its own."""
    path = step.path if route.upstream.path is None else _path(route, step)
    key_name = None if route.key is None else route.key.name
    key = (step.method, path, step.accept, content_type, step.headers, key_name)
    head = None if step.query else pool.heads.get(key)
    if head is None:
        headers = {**dict(step.headers), **_headers(route.upstream, route.key)}
        if step.accept is not None:
            headers["Accept"] = step.accept
        head = request_head(_url(route, step), headers, step.method, content_type)
        if not step.query:
            if len(pool.heads) >= MAX_HEADS:
                pool.heads.clear()  # paths with a task's id in them come once
            pool.heads[key] = head
    return head


async def _request_with_aiohttp(pool: _Pool, route: Route, step: UpstreamCall, form: Form) -> UpstreamAnswer:
    url = _url(route, step)
    # The session has the headers of the upstream's first key.
    headers = {} if route.key is None else _headers(route.upstream, route.key)
    if step.accept is not None:
        headers["Accept"] = step.accept
    try:
        return AiohttpAnswer(
            await pool.session.request(
                step.method, url, data=_form_data(form), headers=headers, allow_redirects=False
            )
        )
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        if isinstance(error, OSError):
            NoFileLeft.raise_for(error)
        raise UpstreamFailed(blame=Blame.UNREACHED) from NotConnected(str(error))
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamFailed(blame=Blame.DOUBTFUL) from error


def _session(upstream: Upstream) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # No connection is used twice: nobody would notice what came on it in between (ADR 19).
        connector=aiohttp.TCPConnector(limit=upstream.max_connections, ttl_dns_cache=60, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=upstream.connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_headers(upstream),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=2**16,
    )


def _form_data(form: Form) -> aiohttp.FormData:
    """The fields, then the files, read from where they are spooled as the connection takes them."""
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in form.fields.items():
        for each in (value,) if isinstance(value, str) else value:
            data.add_field(name, each)
    for field, file in form.files:
        data.add_field(field, file.reader(), filename=file.file_name, content_type=file.content_type)
    return data

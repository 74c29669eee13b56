"""The client side: one pool of connections to each upstream, total deadlines, and which routes rest.

JSON goes out over connections of our own (`upstream_pool`), by measurement: at 32 in flight such a call costs 17 µs
of CPU there and 90 with aiohttp. So does everything else but forms, which are streamed from where they are spooled,
by aiohttp, over a connection each.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

import aiohttp
import orjson
import structlog
from django.conf import settings
from yarl import URL

from aio_platform.process.open_files import NoFileLeft
from gateway.adapters.protocol import Form, UpstreamCall
from gateway.catalog.routes import Route, Upstream
from gateway.endpoints import CHAT_TIME_LIMIT
from gateway.errors import Blame, UpstreamFailed
from gateway.metrics import UNASKED
from gateway.upstreams.circuit_breaker import RoutesHealth
from gateway.upstreams.connection import BrokenConnection
from gateway.upstreams.decoding import decoded
from gateway.upstreams.pool import ConnectionPool, NotConnected, request_head
from gateway.upstreams.problems import UpstreamProblems
from gateway.upstreams.refusals import error_of_refusal
from gateway.upstreams.responses import AiohttpAnswer, UpstreamAnswer

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pool:
    connections: ConnectionPool
    session: aiohttp.ClientSession
    # What a request begins with, by its path: nearly all calls go to a handful of them.
    heads: dict[str, bytes]

    async def close(self) -> None:
        self.connections.close()
        await self.session.close()


class Upstreams:
    """The pools of this process, made as routes need them."""

    def __init__(self) -> None:
        # By value: routes of the catalog before a change and after it each keep their own connections.
        self._pools: dict[Upstream, _Pool] = {}
        self.health = RoutesHealth()
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
        """A call had an answer there: the route is well, and our key and address are right."""
        self.health.answered(route)
        self.problems.answered(route)

    async def post(self, route: Route, path: str, body: bytes) -> UpstreamAnswer:
        """Send JSON that asks a model, and return the answer once its headers came with a status of 200 to 299.

        The answer is read with `read_answer_body` or `read_chunk`; closing it early closes the connection,
        which is what tells the upstream to stop. Raises UpstreamRejected where the upstream finds fault with
        the request, UpstreamRateLimited and UpstreamSaturated when it is busy, UpstreamFailed for anything
        else. The caller's task carries the deadline.
        """
        pool = self._pool(route.upstream)
        head = pool.heads.get(path)
        if head is None:
            head = pool.heads[path] = request_head(
                URL(route.upstream.base_url + path), _headers(route.upstream)
            )
        answer = decoded(await _asked(pool, head, body, again=True))
        if not 200 <= answer.status < 300:
            raise await error_of_refusal(answer, body)
        return answer

    async def send(self, route: Route, step: UpstreamCall, *, again: bool = False) -> UpstreamAnswer:
        """Carry out one step of an adapter; as `post` does. `again`: it may be carried out twice (see the pool)."""
        pool = self._pool(route.upstream)
        url = URL(route.upstream.base_url + step.path).update_query(dict(step.query))
        body: bytes | None = None
        if step.form is not None:
            answer = await _asked_with_aiohttp(pool, url, step, step.form)
        else:
            kind = None
            if step.json is not None:
                body, kind = orjson.dumps(step.json), "application/json"
            elif step.method != "GET":
                body = b""
            headers = {**_headers(route.upstream), "Accept": step.accept}
            head = request_head(url, headers, step.method, kind)
            answer = await _asked(pool, head, body, again=again or step.method == "GET")
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
        """What a catalog change replaced serves its longest call to the end before it is closed."""
        await asyncio.sleep(CHAT_TIME_LIMIT.value() + settings.STREAM_TIME_LIMIT_S)
        pool = self._pools.pop(upstream, None)
        if pool is not None:
            await pool.close()


def _headers(upstream: Upstream) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity", "User-Agent": "aio-platform", **upstream.headers}
    if upstream.api_key is not None:
        headers["Authorization"] = f"Bearer {upstream.api_key}"
    return headers


async def _asked(pool: _Pool, head: bytes, body: bytes | None, *, again: bool) -> UpstreamAnswer:
    try:
        return await pool.connections.ask(head, body, again=again)
    except NotConnected as error:
        raise UpstreamFailed(blame=Blame.UNREACHED) from error
    except BrokenConnection as error:
        raise UpstreamFailed(blame=Blame.DOUBTFUL) from error


async def _asked_with_aiohttp(pool: _Pool, url: URL, step: UpstreamCall, form: Form) -> UpstreamAnswer:
    headers = {"Accept": step.accept}
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
    """The fields, then the file, read from where it is spooled as the connection takes it."""
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in form.fields.items():
        for each in (value,) if isinstance(value, str) else value:
            data.add_field(name, each)
    data.add_field(
        form.file_field,
        form.file.reader(),
        filename=form.file.file_name,
        content_type=form.file.content_type,
    )
    return data

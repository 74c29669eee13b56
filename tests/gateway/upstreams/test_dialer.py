"""The dialer's race of a name's addresses: which are tried, which one wins, and that no socket stays open."""

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop
from yarl import URL

from gateway.upstreams import dialer
from gateway.upstreams.dialer import Dialer

SIX, FOUR = socket.AF_INET6, socket.AF_INET


class Addresses:
    """What the host `name` resolves to, each address called by what it does with an attempt to connect.

    A "silent" one lets it wait, a "refusing" one refuses it, and any other connects it to a server of this machine.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *named: tuple[int, str], port: int = 1) -> None:
        self.tried: list[str] = []
        self.when_silence_is_broken_off: Callable[[], object] = lambda: None
        self._named = named
        self._port = port
        self._sockets: list[socket.socket] = []
        loop = asyncio.get_running_loop()
        self._really_connect = loop.sock_connect
        monkeypatch.setattr(loop, "getaddrinfo", self._look_up)
        monkeypatch.setattr(loop, "sock_connect", self._connect)
        monkeypatch.setattr(dialer, "NEXT_ADDRESS_AFTER_S", 0.1)

    async def _look_up(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        if host != "name":
            return [(FOUR, socket.SOCK_STREAM, 0, "", (host, port))]
        return [(family, socket.SOCK_STREAM, 0, "", (name, self._port)) for family, name in self._named]

    async def _connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        name, port = address
        self.tried.append(name)
        self._sockets.append(sock)
        if name == "silent":
            try:
                await asyncio.sleep(60)
            finally:
                self.when_silence_is_broken_off()
        if name == "refusing":
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"refused by {sock.family.name}")
        await self._really_connect(sock, ("127.0.0.1", port))

    def open_sockets(self) -> int:
        return sum(sock.fileno() >= 0 for sock in self._sockets)


class Connection(asyncio.Protocol):
    """What a dialer makes."""

    transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.is_over = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over.set()


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def is_dialed() -> bool:
    """Dial, and hang up."""
    async with asyncio.timeout(30):
        connection = await Dialer(URL("http://name:1")).connect(Connection)
        if connection.transport is None:
            return False
        connection.transport.close()
        await connection.is_over.wait()
    return True


async def test_an_address_that_does_not_answer_costs_only_a_head_start(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (FOUR, "silent"), (FOUR, "second"), (SIX, "refusing"), (SIX, "fine")
    addresses = Addresses(monkeypatch, *names, port=port)

    assert await is_dialed()

    assert addresses.tried == ["silent", "refusing", "second"]


async def test_a_single_address_is_not_raced(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Addresses(monkeypatch, (FOUR, "fine"), port=port)

    with monkeypatch.context() as without_tasks:
        without_tasks.setattr(asyncio.get_running_loop(), "create_task", None)
        assert await is_dialed()


@pytest.mark.parametrize("families", [[FOUR], [FOUR, FOUR], [FOUR, SIX]], ids=["one", "two", "two families"])
async def test_where_no_address_answers_the_error_says_why(
    families: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = Addresses(monkeypatch, *[(family, "refusing") for family in families])

    with pytest.raises(ConnectionRefusedError, match="refused by AF_INET"):
        await is_dialed()

    assert len(addresses.tried) == len(families)
    assert addresses.open_sockets() == 0


@pytest.mark.parametrize("silent", [1, 2])
async def test_a_cancelled_race_leaves_no_socket_open(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = Addresses(monkeypatch, *[(FOUR, "silent")] * silent)
    call = asyncio.create_task(is_dialed())
    async with asyncio.timeout(30):
        while len(addresses.tried) < silent:
            await asyncio.sleep(0.01)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert addresses.open_sockets() == 0


async def test_a_cancellation_is_heard_while_those_that_lost_are_stopped(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = Addresses(monkeypatch, (FOUR, "silent"), (FOUR, "fine"), port=port)
    call = asyncio.create_task(is_dialed())
    addresses.when_silence_is_broken_off = call.cancel

    with pytest.raises(asyncio.CancelledError):
        await call

    assert addresses.tried == ["silent", "fine"]
    assert addresses.open_sockets() == 0


@pytest.mark.parametrize(
    "promise",
    [
        test_an_address_that_does_not_answer_costs_only_a_head_start,
        test_a_cancellation_is_heard_while_those_that_lost_are_stopped,
    ],
)
def test_it_is_the_same_on_the_servers_own_event_loop(
    promise: Callable[[int, pytest.MonkeyPatch], Coroutine[Any, Any, None]],
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uvloop.run(promise(port, monkeypatch))

"""The suite needs no network: a test that reaches another host fails, whatever it used to get there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_only import OtherHostReached, is_local, refuse_other_hosts

TESTS = Path(__file__).resolve().parents[1]
# Documentation addresses and a reserved name: nothing answers there even if the plugin fails.
REACHES_OUT = {
    "a connection": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=0.2)",
    "a raw connection": "import _socket; _socket.socket().connect(('192.0.2.1', 80))",
    "a name": "import socket; socket.getaddrinfo('host.invalid', 80)",
    "an old look-up": "import socket; socket.gethostbyname('host.invalid')",
    "IPv6": "import socket; socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))",
    "a datagram": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "urllib": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=0.2)",
    "httpx": "import httpx; httpx.get('http://host.invalid/', timeout=0.2)",
    "asyncio": "import asyncio; asyncio.run(asyncio.wait_for(asyncio.open_connection('192.0.2.1', 80), 0.2))",
    "aiohttp": (
        "import aiohttp, asyncio\n"
        "    async def get():\n"
        "        async with aiohttp.ClientSession() as session:\n"
        "            await session.get('http://192.0.2.1/', timeout=aiohttp.ClientTimeout(total=0.2))\n"
        "    asyncio.run(get())"
    ),
}
STAYS_HOME = """
import socket
def test_loopback_and_unix_sockets_are_open(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            pass
    with socket.create_server(("localhost", 0)) as server:
        with socket.create_connection(("localhost", server.getsockname()[1])):
            pass
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
"""


def run_suite(directory: Path, content: str) -> "subprocess.CompletedProcess[str]":
    """A test run of its own with the plugin, for a suite that holds only this."""
    (directory / "test_it.py").write_text(content)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "loopback_only",
            "-p",
            "no:django",
            "-p",
            "no:cacheprovider",
            ".",
        ],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))}
        | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_reaches_another_host_fails_its_test(tmp_path: Path) -> None:
    content = "\n".join(
        f"def test_{number}():\n    {statement}\n" for number, statement in enumerate(REACHES_OUT.values())
    )
    completed = run_suite(tmp_path, content)
    assert completed.returncode == 1, completed.stdout
    assert f"{len(REACHES_OUT)} failed" in completed.stdout
    assert completed.stdout.count("\nE   ") >= len(REACHES_OUT)
    assert completed.stdout.count("loopback_only.OtherHostReached: ") >= len(REACHES_OUT)


def test_what_stays_on_this_machine_is_left_alone(tmp_path: Path) -> None:
    completed = run_suite(tmp_path, STAYS_HOME)
    assert completed.returncode == 0, completed.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", b"localhost", "", None])
def test_this_machine_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "0.0.0.0", "example.test", b"a.test", 5]
)
def test_others_are_not(host: object) -> None:
    assert not is_local(host)


def test_numeric_addresses_may_be_parsed_and_unix_sockets_connected() -> None:
    refuse_other_hosts("socket.getaddrinfo", ("192.0.2.1", 80, 0, 0, 0))
    refuse_other_hosts("socket.connect", (None, "/tmp/a.sock"))
    refuse_other_hosts("open", ("example.test",))
    with pytest.raises(OtherHostReached):
        refuse_other_hosts("socket.connect", (None, ("192.0.2.1", 80)))

"""The process: its ready line, its stop, its independence."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]
JOURNAL = "/__sandbox/journal"


def test_process_stops_cleanly_on_sigterm_while_a_call_hangs(another_process):
    process, url = another_process()
    body = b'{"model": "sbx-timeout", "messages": [{"role": "user", "content": "x"}]}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection, httpx.Client(base_url=url) as client:
        connection.sendall(head.encode() + body)
        deadline = time.monotonic() + 30
        while not [e for e in client.get(JOURNAL).json()["entries"] if e["phase"] == "hanging"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_journal_can_be_turned_off(another_process):
    _, url = another_process("--journal", "0")
    assert httpx.get(f"{url}/v1/models").status_code == 200
    assert httpx.get(url + JOURNAL).json()["entries"] == []


def test_taken_port_is_reported_and_fails(sandbox):
    port = sandbox.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "gateway.sandbox", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"could not listen" in done.stderr
    assert done.stdout == b""


def test_process_imports_nothing_of_the_product():
    program = (
        "import sys, gateway.sandbox.server; "
        "print([n for n in sys.modules if n.split('.')[0] in ('django', 'aio_platform', 'accounts', 'usage')"
        " or (n.startswith('gateway.') and not n.startswith('gateway.sandbox'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_process_leaves_with_its_parent():
    program = (
        "import subprocess, sys, os; p = subprocess.Popen([sys.executable, '-m', 'gateway.sandbox',"
        "'--exit-with-parent'], stdout=subprocess.PIPE); print(p.stdout.readline().decode()); "
        "print(p.pid, flush=True); os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    port = __import__("json").loads(done.stdout.splitlines()[0])["port"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/v1/models")
        except httpx.TransportError:
            return
        time.sleep(0.05)
    raise AssertionError("the sandbox outlived its parent")

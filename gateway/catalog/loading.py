"""Putting a whole catalog in force: checked, tried by every running process, stored, and taken up by each of them."""

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.catalog import processes as catalog_processes
from gateway.catalog import store
from gateway.catalog.parser import CatalogDescription, parse_catalog
from gateway.catalog.processes import Process
from gateway.catalog.routes import ADAPTERS
from gateway.catalog.sandbox_choice import NOWHERE_URL, URL_VARIABLE
from gateway.catalog.store import Stored, Unless


class Loaded(NamedTuple):
    """The version in force, what it describes, and the processes that run it."""

    stored: Stored
    description: CatalogDescription
    processes: list[Process]


class _AnyEnvironment(Mapping[str, str]):
    """Has every variable: for checking all of a catalog but what only the processes that run it can know."""

    def __getitem__(self, name: str) -> str:
        return NOWHERE_URL

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def check(text: str, file: str) -> CatalogDescription:
    """Check a catalog in this process's environment, where the sandbox's address is `serve`'s to give.

    Raises CatalogErrors.
    """
    environ = {URL_VARIABLE: NOWHERE_URL, **os.environ}
    return parse_catalog(text, file=file, adapters=ADAPTERS, environ=environ)


def load(text: str, file: str, *, loaded_by: str, note: str = "", wait: bool = True) -> Loaded:
    """Put a catalog in force, unless one of the running processes could not run it.

    Without running processes, or without waiting for them, it has to be sound in this process's own environment.
    Raises CatalogErrors, RoutesInUse, and TrialFailed: then nothing has changed, or (where a process lost what it
    needs since it was asked) the version is in force in all but those that it names.
    """
    if not wait or not catalog_processes.processes():
        description = check(text, file)
    else:
        description = parse_catalog(text, file=file, adapters=ADAPTERS, environ=_AnyEnvironment())
    if wait:
        try_out(text, file)
    stored = store.store(text, description, loaded_by=loaded_by, note=note)
    return Loaded(stored, description, catalog_processes.wait_until_in_force(stored.version) if wait else [])


def load_at_start(text: str, file: str, unless: Unless, *, loaded_by: str) -> Loaded:
    """What a node that starts does with its file: this process's environment is then that of its processes.

    Processes of other nodes are asked where the file changes what is in force. Raises as `load` does.
    """
    newest = store.newest_version()
    kept = store.what_stays(text, unless, newest)
    if newest is not None and kept is not None:
        in_force = parse_catalog(newest.toml, file=str(newest), adapters=ADAPTERS, environ=_AnyEnvironment())
        return Loaded(kept, in_force, [])
    description = check(text, file)
    try_out(text, file)
    stored = store.store(text, description, loaded_by=loaded_by, unless=unless)
    return Loaded(stored, description, [])


def try_out(text: str, file: str) -> None:
    """Ask every running process about a catalog; raises TrialFailed unless each of them could run it."""
    newest = store.newest_version()
    if newest is None or newest.toml != text:
        catalog_processes.put_on_trial(text, file)
